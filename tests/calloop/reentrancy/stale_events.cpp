// The re-entrancy contract, line 4: nothing stale is delivered, and nothing is lost.
#include <memory>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/calloop.hpp>
#include <calloop/testing.hpp>

#include "tests/calloop/careless_source.hpp"
#include "tests/calloop/hooked_source.hpp"
#include "tests/calloop/pipe.hpp"

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using testing::ElementsAre;
using tests::CarelessSource;
using tests::HookedSource;
using tests::Pipe;

enum class Ending { Remove, Disable, DisableAndEnable, Update };

// Two sources that are ready in the same batch; the first to run does `ending` to the other.
// Returns the calls after each of two dispatches.
template <class Make>
std::pair<int, int> calls_of_two(Ending ending, Make make) {
  EventLoop<> loop;
  const LoopHandle<> handle = loop.handle();
  const Pipe pipes[2] = {Pipe::filled(), Pipe::filled()};
  RegistrationToken tokens[2];
  int calls = 0;
  for (std::size_t i = 0; i < 2; ++i) {
    tokens[i] = handle.insert_source(make(pipes[i].fd()), [&, i](Readiness) {
      if (++calls != 1)
        return;
      const RegistrationToken other = tokens[1 - i];
      switch (ending) {
        case Ending::Remove:
          handle.remove(other);
          break;
        case Ending::Disable:
          handle.disable(other);
          break;
        case Ending::DisableAndEnable:
          handle.disable(other);
          handle.enable(other);
          break;
        case Ending::Update:
          handle.update(other);
          break;
      }
    });
  }
  loop.dispatch(0ns);
  const int first = calls;
  loop.dispatch(0ns);
  return {first, calls - first};
}

constexpr auto level = [](int fd) { return Generic{fd, interest().read()}; };
constexpr auto edge = [](int fd) { return Generic{fd, interest().read().edge_triggered()}; };
constexpr auto one_shot = [](int fd) { return Generic{fd, interest().read().one_shot()}; };
constexpr auto careless = [](int fd) { return CarelessSource{fd}; };

TEST(Rule4, QueuedEventOfARemovedSourceIsNotDelivered) {
  EXPECT_EQ(calls_of_two(Ending::Remove, level), std::pair(1, 1));
  EXPECT_EQ(calls_of_two(Ending::Remove, edge), std::pair(1, 0));
  EXPECT_EQ(calls_of_two(Ending::Remove, careless), std::pair(1, 1));
}

TEST(Rule4, QueuedEventOfADisabledSourceIsNotDelivered) {
  EXPECT_EQ(calls_of_two(Ending::Disable, level), std::pair(1, 1));
  EXPECT_EQ(calls_of_two(Ending::Disable, one_shot), std::pair(1, 0));
  EXPECT_EQ(calls_of_two(Ending::Disable, careless), std::pair(1, 1));
}

TEST(Rule4, SkippedReadinessIsReportedAgainAfterAnUpdate) {
  EXPECT_EQ(calls_of_two(Ending::Update, level), std::pair(1, 2));
  EXPECT_EQ(calls_of_two(Ending::Update, edge), std::pair(1, 1));
  EXPECT_EQ(calls_of_two(Ending::Update, one_shot), std::pair(1, 1));
  EXPECT_EQ(calls_of_two(Ending::Update, careless), std::pair(1, 2));
}

TEST(Rule4, SkippedReadinessIsReportedAgainAfterDisableAndEnable) {
  EXPECT_EQ(calls_of_two(Ending::DisableAndEnable, level), std::pair(1, 2));
  EXPECT_EQ(calls_of_two(Ending::DisableAndEnable, edge), std::pair(1, 1));
  EXPECT_EQ(calls_of_two(Ending::DisableAndEnable, one_shot), std::pair(1, 1));
  EXPECT_EQ(calls_of_two(Ending::DisableAndEnable, careless), std::pair(1, 2));
}

TEST(Rule4, ASourceInAReusedSlotWithAReusedDescriptorSeesNothingOld) {
  EventLoop<> loop;
  const LoopHandle<> handle = loop.handle();
  const Pipe before = Pipe::filled();
  const Pipe after = Pipe::filled();
  auto victim = std::make_unique<Pipe>(Pipe::filled());
  std::unique_ptr<Pipe> fresh;
  RegistrationToken token;
  int fresh_calls = 0;
  const auto exchange = [&](Readiness) {
    if (fresh != nullptr)
      return;
    const int old = victim->fd();
    handle.remove(token);
    victim.reset();
    fresh = std::make_unique<Pipe>();
    ASSERT_TRUE(fresh->fd() == old || fresh->writer.get() == old);
    handle.insert_source(CarelessSource{fresh->fd()}, [&] { ++fresh_calls; });
  };
  // Around the victim, so that one of them comes first in any order.
  handle.insert_source(Generic{before.fd(), interest().read()}, exchange);
  token = handle.insert_source(CarelessSource{victim->fd()}, [] {});
  handle.insert_source(Generic{after.fd(), interest().read()}, exchange);
  loop.dispatch(0ns);
  loop.dispatch(0ns);
  ASSERT_NE(fresh, nullptr);
  EXPECT_EQ(fresh_calls, 0);
  fresh->fill();
  loop.dispatch(0ns);
  EXPECT_EQ(fresh_calls, 1);
}

TEST(Rule4, TimersThatEndEachOtherFireOnce) {
  for (const bool remove : {true, false}) {
    EventLoop<> loop;
    const LoopHandle<> handle = loop.handle();
    RegistrationToken tokens[2];
    int fired = 0;
    for (std::size_t i = 0; i < 2; ++i) {
      tokens[i] = handle.insert_source(Timer::immediate(), [&, i] {
        ++fired;
        EXPECT_TRUE(remove ? handle.remove(tokens[1 - i]) : handle.disable(tokens[1 - i]));
      });
    }
    loop.dispatch(0ns);
    loop.dispatch(0ns);
    EXPECT_EQ(fired, 1);
  }
}

TEST(Rule4, ADueTimerThatIsUpdatedToLaterFiresLater) {
  auto owned = std::make_unique<TestBackend>();
  TestBackend& test = *owned;
  EventLoop<> loop{std::move(owned)};
  loop.set_timer_slack(0ns);
  const LoopHandle<> handle = loop.handle();
  std::vector<TimePoint> fired;
  const auto second =
      handle.make_dispatcher(Timer::at(TimePoint{2ms}), [&](TimePoint at) { fired.push_back(at); });
  RegistrationToken second_token;
  handle.insert_source(Timer::at(TimePoint{1ms}), [&] {
    second->set_deadline(TimePoint{9ms});
    handle.update(second_token);
  });
  second_token = handle.register_dispatcher(second);
  test.advance(5ms);
  loop.dispatch(0ns);  // both were due
  EXPECT_THAT(fired, ElementsAre());
  loop.dispatch(std::nullopt);
  EXPECT_THAT(fired, ElementsAre(TimePoint{9ms}));
  EXPECT_EQ(test.now(), TimePoint{9ms});
}

TEST(Rule4, SyntheticEventsOfAnEndedSourceAreGone) {
  for (const bool remove : {true, false}) {
    EventLoop<> loop;
    const LoopHandle<> handle = loop.handle();
    RegistrationToken tokens[2];
    int calls = 0;
    for (std::size_t i = 0; i < 2; ++i) {
      tokens[i] = handle.insert_source(HookedSource{[] { return true; }}, [&, i] {
        ++calls;
        remove ? handle.remove(tokens[1 - i]) : handle.disable(tokens[1 - i]);
      });
    }
    loop.dispatch(0ns);
    EXPECT_EQ(calls, 1);
  }
}

}  // namespace
