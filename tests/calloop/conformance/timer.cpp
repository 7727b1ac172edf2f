// calloop's tests of timers, in virtual time. CL-051 to CL-059, CL-078, CL-082, and what is worth
// pinning: CL-086.
#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/calloop.hpp>

#include "tests/calloop/conformance/virtual_loop.hpp"

namespace {

using namespace calloop;
using namespace std::chrono_literals;

using testing::ElementsAre;
using tests::VirtualLoop;

// A timer in a virtual loop that begins at zero.
struct Timing {
  explicit Timing(Timer timer) {
    token = virtual_loop.handle.insert_source(std::move(timer), [this](TimePoint deadline) {
      deadlines.push_back(deadline);
      fired_at.push_back(now());
    });
  }
  void dispatch(Timeout timeout) { virtual_loop.loop.dispatch(timeout); }
  [[nodiscard]] TimePoint now() const { return virtual_loop.clock.now(); }

  VirtualLoop<> virtual_loop;
  RegistrationToken token;
  std::vector<TimePoint> deadlines;
  std::vector<TimePoint> fired_at;
};

TEST(Conformance, CL_051_ATimerFiresInADispatchThatOutlastsIt) {
  Timing timing{Timer::after(100ms)};
  timing.dispatch(0ns);
  EXPECT_THAT(timing.fired_at, ElementsAre());
  timing.dispatch(150ms);
  EXPECT_THAT(timing.fired_at, ElementsAre(TimePoint{100ms}));
  EXPECT_EQ(timing.virtual_loop.handle.source_count(), 0u);
}

TEST(Conformance, CL_052_ATimerFiresAtAnInstant) {
  Timing timing{Timer::at(TimePoint{100ms})};
  timing.dispatch(150ms);
  EXPECT_THAT(timing.deadlines, ElementsAre(TimePoint{100ms}));
  EXPECT_THAT(timing.fired_at, ElementsAre(TimePoint{100ms}));
}

TEST(Conformance, CL_053_AnImmediateTimerFiresWithoutWaiting) {
  Timing timing{Timer::immediate()};
  timing.dispatch(0ns);
  EXPECT_THAT(timing.fired_at, ElementsAre(TimePoint{}));
}

TEST(Conformance, CL_054_ATimerIsExactBelowAMillisecond) {
  Timing timing{Timer::after(10'300us)};
  timing.dispatch(10'200us);
  EXPECT_THAT(timing.fired_at, ElementsAre());
  EXPECT_EQ(timing.now(), TimePoint{10'200us});
  timing.dispatch(100ms);
  EXPECT_THAT(timing.fired_at, ElementsAre(TimePoint{10'300us}));

  // By the real clock: never early, and no more late than a busy machine makes it.
  EventLoop<> loop;
  loop.set_timer_slack(Duration::zero());
  const TimePoint deadline = Clock::now() + 10'300us;
  std::optional<TimePoint> fired_at;
  loop.handle().insert_source(Timer::at(deadline), [&] { fired_at = Clock::now(); });
  loop.dispatch(10'200us - (Clock::now() - (deadline - 10'300us)));
  EXPECT_TRUE(!fired_at || *fired_at >= deadline);
  for (const TimePoint end = Clock::now() + 10s; !fired_at && Clock::now() < end;)
    loop.dispatch(100ms);
  ASSERT_TRUE(fired_at);
  EXPECT_GE(*fired_at, deadline);
  EXPECT_LT(*fired_at, deadline + 10s);
}

TEST(Conformance, CL_055_ARemovedTimerNeverFires) {
  Timing timing{Timer::after(100ms)};
  timing.dispatch(50ms);
  EXPECT_TRUE(timing.virtual_loop.handle.remove(timing.token));
  timing.dispatch(1h);
  EXPECT_THAT(timing.fired_at, ElementsAre());
  EXPECT_EQ(timing.now(), TimePoint{50ms + 1h});
}

TEST(Conformance, CL_056_ARepeatingTimerFiresOncePerPeriod) {
  VirtualLoop<> virtual_loop;
  std::vector<TimePoint> fired_at;
  virtual_loop.handle.insert_source(Timer::after(500ms), [&](TimePoint) {
    fired_at.push_back(virtual_loop.clock.now());
    return TimeoutAction::after(500ms);
  });
  virtual_loop.loop.dispatch(250ms);
  EXPECT_THAT(fired_at, ElementsAre());
  virtual_loop.loop.dispatch(510ms);
  EXPECT_THAT(fired_at, ElementsAre(TimePoint{500ms}));
  virtual_loop.loop.dispatch(510ms);
  EXPECT_THAT(fired_at, ElementsAre(TimePoint{500ms}, TimePoint{1000ms}));
  virtual_loop.loop.dispatch(250ms);
  EXPECT_EQ(fired_at.size(), 2u);
  virtual_loop.loop.dispatch(510ms);
  EXPECT_THAT(fired_at, ElementsAre(TimePoint{500ms}, TimePoint{1000ms}, TimePoint{1500ms}));
}

TEST(Conformance, CL_058_ATimerBeyondTheEndOfTimeNeverFiresAndDisturbsNobody) {
  VirtualLoop<> virtual_loop;
  int never = 0;
  int soon = 0;
  const auto dispatcher = virtual_loop.handle.make_dispatcher(Timer::after(Duration::max()),
                                                              [&](TimePoint) { ++never; });
  virtual_loop.clock.advance(1s);  // the sum overflows
  virtual_loop.handle.register_dispatcher(dispatcher);
  EXPECT_EQ(dispatcher->deadline(), std::nullopt);
  virtual_loop.handle.insert_source(Timer::after(1s), [&] { ++soon; });
  virtual_loop.loop.dispatch(std::nullopt);
  EXPECT_EQ(virtual_loop.clock.now(), TimePoint{2s});
  virtual_loop.clock.advance(200 * 365 * 24h);
  virtual_loop.loop.dispatch(0ns);
  EXPECT_EQ(soon, 1);
  EXPECT_EQ(never, 0);
  EXPECT_TRUE(dispatcher.is_inserted());
}

TEST(Conformance, CL_059_ATimersCallbackReachesTheLoopThroughItsHandle) {
  VirtualLoop<> virtual_loop;
  int calls = 0;
  virtual_loop.handle.insert_source(
      Timer::immediate(), [&, handle = virtual_loop.loop.handle()](TimePoint) {
        handle.insert_source(Timer::at(handle.now() + 1s), [&] { ++calls; });
      });
  virtual_loop.loop.dispatch(0ns);
  virtual_loop.loop.dispatch(std::nullopt);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(virtual_loop.clock.now(), TimePoint{1s});
}

TEST(Conformance, CL_078_ATimerStopsARunThatIteratesEveryTwentyMilliseconds) {
  struct Shared {
    LoopSignal signal;
    std::vector<TimePoint> iterations;
  };
  VirtualLoop<Shared> virtual_loop;
  virtual_loop.handle.insert_source(Timer::after(2s),
                                    [](TimePoint, Shared& shared) { shared.signal.stop(); });
  Shared shared{virtual_loop.loop.signal(), {}};
  virtual_loop.loop.run(20ms, shared,
                        [&](Shared& s) { s.iterations.push_back(virtual_loop.clock.now()); });
  ASSERT_FALSE(shared.iterations.empty());
  EXPECT_EQ(shared.iterations.front(), TimePoint{20ms});
  EXPECT_EQ(shared.iterations.back(), TimePoint{2s});
  // The hundredth wait ends with the timer; whoever is first, there is one iteration more at most.
  EXPECT_GE(shared.iterations.size(), 100u);
  EXPECT_LE(shared.iterations.size(), 101u);
}

TEST(Conformance, CL_082_ATimerOfTwentyMicrosecondsDoesNotTakeAMillisecond) {
  EventLoop<> loop;
  loop.set_timer_slack(Duration::zero());
  const TimePoint give_up = Clock::now() + 10s;
  // One that the machine was quick enough for is proof; rounding up would make every one too long.
  Duration shortest = Duration::max();
  while (shortest >= 1ms && Clock::now() < give_up) {
    bool fired = false;
    const TimePoint begin = Clock::now();
    loop.handle().insert_source(Timer::at(begin + 20us), [&] {
      fired = true;
      shortest = std::min(shortest, Clock::now() - begin);
      EXPECT_GE(Clock::now(), begin + 20us);
    });
    while (!fired)
      loop.dispatch(std::nullopt);
  }
  EXPECT_LT(shortest, 1ms);
}

TEST(Conformance, CL_086_ATimerThatIsRearmedToThePastFiresInTheNextDispatch) {
  VirtualLoop<> virtual_loop;
  virtual_loop.clock.advance(1h);
  int calls = 0;
  virtual_loop.handle.insert_source(Timer::immediate(), [&](TimePoint deadline) {
    ++calls;
    return TimeoutAction::at(deadline - 1s);
  });
  virtual_loop.loop.dispatch(0ns);
  EXPECT_EQ(calls, 1);
  virtual_loop.loop.dispatch(0ns);
  EXPECT_EQ(calls, 2);
}

}  // namespace
