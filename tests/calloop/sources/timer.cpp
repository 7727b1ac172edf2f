#include <memory>
#include <random>
#include <tuple>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/composed.hpp>
#include <calloop/event_loop.hpp>
#include <calloop/sources/timer.hpp>
#include <calloop/testing.hpp>

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

class TimerTest : public testing::Test {
 protected:
  std::unique_ptr<TestBackend> owned_ = std::make_unique<TestBackend>();
  TestBackend& test_ = *owned_;
  EventLoop<> loop_{std::move(owned_)};
  LoopHandle<> handle_ = loop_.handle();
  std::vector<TimePoint> fired_;
};

TEST_F(TimerTest, FiresWhenItsDelayIsOver) {
  handle_.insert_source(Timer::after(100ms), [&](TimePoint at) { fired_.push_back(at); });
  loop_.dispatch(0ns);
  loop_.dispatch(99ms);
  EXPECT_THAT(fired_, IsEmpty());
  loop_.dispatch(1ms);
  EXPECT_THAT(fired_, ElementsAre(TimePoint{100ms}));
  EXPECT_EQ(handle_.source_count(), 0u);  // dropped by default
}

TEST_F(TimerTest, ImmediateAndPastOnesFireInTheNextIteration) {
  test_.advance(1h);
  handle_.insert_source(Timer::immediate(), [&](TimePoint at) { fired_.push_back(at); });
  handle_.insert_source(Timer::at(TimePoint{5ms}), [&](TimePoint at) { fired_.push_back(at); });
  handle_.insert_source(Timer::after(-1s), [&](TimePoint at) { fired_.push_back(at); });
  loop_.dispatch(0ns);
  EXPECT_THAT(fired_, ElementsAre(TimePoint{5ms}, TimePoint{1h - 1s}, TimePoint{1h}));
}

TEST_F(TimerTest, EqualDeadlinesFireInOrderOfArming) {
  std::vector<int> order;
  for (int i = 0; i < 20; ++i)
    handle_.insert_source(Timer::at(TimePoint{1ms}), [&, i] { order.push_back(i); });
  loop_.dispatch(std::nullopt);
  ASSERT_EQ(order.size(), 20u);
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
}

TEST_F(TimerTest, OneRearmedToThePastFiresInTheNextIteration) {
  int fired = 0;
  handle_.insert_source(Timer::immediate(), [&](TimePoint at) {
    return ++fired < 5 ? TimeoutAction::at(at - 1s) : TimeoutAction::drop();
  });
  for (int i = 1; i <= 8; ++i) {
    loop_.dispatch(0ns);
    EXPECT_EQ(fired, std::min(i, 5));
  }
}

TEST_F(TimerTest, AtDoesNotDriftAndAfterCountsFromTheReturn) {
  handle_.insert_source(Timer::after(10ms), [&](TimePoint at) {
    fired_.push_back(at);
    test_.advance(3ms);  // the callback takes its time
    return fired_.size() == 3 ? TimeoutAction::drop() : TimeoutAction::at(at + 10ms);
  });
  for (int i = 0; i < 3; ++i)
    loop_.dispatch(std::nullopt);
  EXPECT_THAT(fired_, ElementsAre(TimePoint{10ms}, TimePoint{20ms}, TimePoint{30ms}));
  fired_.clear();
  const TimePoint start = test_.now();
  handle_.insert_source(Timer::after(10ms), [&](TimePoint at) {
    fired_.push_back(at);
    test_.advance(3ms);
    return fired_.size() == 2 ? TimeoutAction::drop() : TimeoutAction::after(10ms);
  });
  loop_.dispatch(std::nullopt);
  loop_.dispatch(std::nullopt);
  EXPECT_THAT(fired_, ElementsAre(start + 10ms, start + 23ms));
}

TEST_F(TimerTest, ARemovedOneNeverFiresAndOthersDo) {
  int fired = 0;
  const RegistrationToken token = handle_.insert_source(Timer::after(1ms), [] { FAIL(); });
  handle_.insert_source(Timer::after(2ms), [&] { ++fired; });
  handle_.remove(token);
  loop_.dispatch(5ms);
  EXPECT_EQ(fired, 1);
  EXPECT_EQ(test_.now(), TimePoint{2ms});
}

TEST_F(TimerTest, NewDeadlinesTakeEffectAtOnce) {
  const auto timer =
      handle_.make_dispatcher(Timer::after(1h), [&](TimePoint at) { fired_.push_back(at); });
  EXPECT_EQ(timer->deadline(), std::nullopt);  // has not begun
  const RegistrationToken token = handle_.register_dispatcher(timer);
  EXPECT_EQ(timer->deadline(), TimePoint{1h});
  timer->set_deadline(TimePoint{5ms});
  EXPECT_EQ(timer->deadline(), TimePoint{5ms});
  loop_.dispatch(4ms);
  EXPECT_THAT(fired_, ElementsAre());
  timer->set_delay(3ms);
  handle_.update(token);  // changes nothing
  loop_.dispatch(std::nullopt);
  EXPECT_THAT(fired_, ElementsAre(TimePoint{7ms}));
}

TEST_F(TimerTest, ADeadlineOfADisabledOneTakesEffectWhenItIsEnabled) {
  const auto timer =
      handle_.make_dispatcher(Timer::after(1ms), [&](TimePoint at) { fired_.push_back(at); });
  const RegistrationToken token = handle_.register_dispatcher(timer);
  handle_.disable(token);
  EXPECT_EQ(timer->deadline(), TimePoint{1ms});
  timer->set_deadline(TimePoint{5ms});
  loop_.dispatch(6ms);
  EXPECT_THAT(fired_, ElementsAre());
  handle_.enable(token);
  loop_.dispatch(0ms);
  EXPECT_THAT(fired_, ElementsAre(TimePoint{5ms}));
}

// A parent that combines its children's answers is registered anew when one of them leaves.
struct TwoTimers : Composed<TwoTimers> {
  using Event = TimePoint;
  using Metadata = void;
  using Ret = TimeoutAction;
  Timer first;
  Timer second;
  TwoTimers(Timer a, Timer b) : first{std::move(a)}, second{std::move(b)} {}
  auto children() { return std::tie(first, second); }
  PostAction process_events(Readiness readiness, Token token, auto&& emit) {
    return first.process_events(readiness, token, emit) |
           second.process_events(readiness, token, emit);
  }
};

TEST_F(TimerTest, ADroppedOneStaysSilentHoweverOftenItsParentIsRegistered) {
  const auto timers = handle_.make_dispatcher(TwoTimers{Timer::after(1ms), Timer::after(4ms)},
                                              [&](TimePoint at) { fired_.push_back(at); });
  const RegistrationToken token = handle_.register_dispatcher(timers);
  for (int i = 0; i < 3; ++i)
    loop_.dispatch(1ms);
  handle_.update(token);
  handle_.disable(token);
  handle_.enable(token);
  loop_.dispatch(0ms);
  EXPECT_THAT(fired_, ElementsAre(TimePoint{1ms}));
  loop_.dispatch(2ms);
  EXPECT_THAT(fired_, ElementsAre(TimePoint{1ms}, TimePoint{4ms}));
  // Until it is given another deadline.
  timers->first.set_deadline(TimePoint{9ms});
  handle_.update(token);
  loop_.dispatch(std::nullopt);
  EXPECT_THAT(fired_, ElementsAre(TimePoint{1ms}, TimePoint{4ms}, TimePoint{9ms}));
}

TEST_F(TimerTest, EnablingOneThatIsEnabledDoesNotArmItTwice) {
  int fired = 0;
  const RegistrationToken token = handle_.insert_source(Timer::after(1ms), [&] {
    ++fired;
    return TimeoutAction::after(1h);
  });
  for (int i = 0; i < 3; ++i)
    EXPECT_TRUE(handle_.enable(token));
  loop_.dispatch(10ms);
  loop_.dispatch(10ms);
  EXPECT_EQ(fired, 1);
}

TEST_F(TimerTest, ADisabledOneKeepsItsDeadline) {
  const RegistrationToken token =
      handle_.insert_source(Timer::after(5ms), [&](TimePoint at) { fired_.push_back(at); });
  handle_.disable(token);
  loop_.dispatch(20ms);
  EXPECT_THAT(fired_, IsEmpty());
  handle_.enable(token);
  loop_.dispatch(0ns);
  EXPECT_THAT(fired_, ElementsAre(TimePoint{5ms}));
}

TEST_F(TimerTest, ACallbackMayDisableItsTimerAndNameTheNextDeadline) {
  RegistrationToken token;
  token = handle_.insert_source(Timer::after(1ms), [&](TimePoint at) {
    fired_.push_back(at);
    if (fired_.size() == 1)
      handle_.disable(token);
    return TimeoutAction::at(at + 10ms);
  });
  loop_.dispatch(1ms);
  loop_.dispatch(30ms);
  EXPECT_THAT(fired_, ElementsAre(TimePoint{1ms}));
  handle_.enable(token);
  loop_.dispatch(0ns);
  EXPECT_THAT(fired_, ElementsAre(TimePoint{1ms}, TimePoint{11ms}));
}

TEST_F(TimerTest, BeyondTheEndOfTimeNeverFires) {
  const auto never = handle_.make_dispatcher(Timer::after(Duration::max()), [] { FAIL(); });
  test_.advance(1s);
  handle_.register_dispatcher(never);
  EXPECT_EQ(never->deadline(), std::nullopt);
  int fired = 0;
  handle_.insert_source(Timer::after(1ms), [&] {
    ++fired;
    return TimeoutAction::after(Duration::max());
  });
  loop_.dispatch(std::nullopt);
  EXPECT_EQ(fired, 1);
  loop_.dispatch(24h);
  EXPECT_EQ(fired, 1);
}

TEST_F(TimerTest, AMillionRearmsKeepTheQueueSmall) {
  RegistrationToken token;
  for (int i = 0; i < 100'000; ++i) {
    handle_.remove(token);
    token = handle_.insert_source(Timer::after(1h), [] {});
  }
  EXPECT_EQ(handle_.source_count(), 1u);
  EXPECT_LT(token.slot(), 4u);
}

// Against a plain sorted list: thousands of timers that fire, move, vanish and come.
TEST_F(TimerTest, ManyRandomOnesFireInOrder) {
  std::mt19937 random{7};
  std::vector<RegistrationToken> tokens;
  TimePoint last{};
  long fired = 0;
  for (int i = 0; i < 2000; ++i) {
    const TimePoint deadline = test_.now() + std::chrono::microseconds{random() % 5000};
    tokens.push_back(handle_.insert_source(Timer::at(deadline), [&](TimePoint at) {
      EXPECT_GE(at, last);
      EXPECT_LE(at, test_.now());
      last = at;
      ++fired;
      const RegistrationToken victim = tokens[random() % tokens.size()];
      if (random() % 4 == 0)
        handle_.remove(victim);
      if (random() % 3 != 0)
        return TimeoutAction::drop();
      return TimeoutAction::at(test_.now() + 1ns + std::chrono::microseconds{random() % 500});
    }));
  }
  for (int i = 0; i < 100'000 && handle_.source_count() > 0; ++i)
    loop_.dispatch(std::nullopt);
  EXPECT_EQ(handle_.source_count(), 0u);
  EXPECT_GT(fired, 1500);
}

}  // namespace
