// Order of an iteration, time-outs, run() and its end, data.
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include <sys/resource.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/calloop.hpp>
#include <calloop/testing.hpp>

#include "tests/calloop/descriptor_count.hpp"
#include "tests/calloop/hooked_source.hpp"
#include "tests/calloop/pipe.hpp"
#include "tests/sanitized.hpp"

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using testing::ElementsAre;
using tests::HookedSource;
using tests::Pipe;

static_assert(!std::is_copy_constructible_v<EventLoop<>>);
static_assert(!std::is_move_constructible_v<EventLoop<>>);

using Log = std::vector<std::string>;

TEST(EventLoop, OneIterationHasItsOrder) {
  auto owned = std::make_unique<TestBackend>();
  TestBackend& test = *owned;
  EventLoop<Log> loop{std::move(owned)};
  const LoopHandle<Log> handle = loop.handle();
  Log log;
  const Pipe first;
  const Pipe second;
  const auto hooked = [&](std::string name) {
    handle.insert_source(
        HookedSource{[&log, name] {
                       log.push_back("before_sleep " + name);
                       return true;
                     },
                     [&log, name](Events) { log.push_back("before_handle_events " + name); }},
        [name](Log& l) { l.push_back("synthetic " + name); });
  };
  handle.insert_idle([](Log& l) { l.emplace_back("idle a"); });
  handle.insert_source(Timer::at(test.now() + 2ms), [](Log& l) { l.emplace_back("timer 2"); });
  handle.insert_source(Timer::at(test.now() + 1ms), [](Log& l) { l.emplace_back("timer 1a"); });
  handle.insert_source(Timer::at(test.now() + 1ms), [](Log& l) { l.emplace_back("timer 1b"); });
  handle.insert_source(Generic{second.fd(), interest().read()},
                       [](Readiness, Log& l) { l.emplace_back("second pipe"); });
  handle.insert_source(Generic{first.fd(), interest().read()}, [handle](Readiness, Log& l) {
    l.emplace_back("first pipe");
    handle.insert_idle([](Log& inner) { inner.emplace_back("idle b"); });
  });
  hooked("x");
  hooked("y");
  first.fill();  // the kernel's order is that of becoming ready
  second.fill();
  test.advance(10ms);
  loop.dispatch(1h, log);
  EXPECT_THAT(log,
              ElementsAre("before_sleep x", "before_sleep y", "before_handle_events x",
                          "before_handle_events y", "synthetic x", "synthetic y", "first pipe",
                          "second pipe", "timer 1a", "timer 1b", "timer 2", "idle a", "idle b"));
  EXPECT_EQ(test.now(), TimePoint{10ms});  // a synthetic event keeps it from sleeping
}

// Writes down how many events of its two descriptors each iteration brought.
class Watcher : public Composed<Watcher> {
 public:
  using Event = Readiness;
  using Metadata = void;
  using Ret = void;
  Watcher(int a, int b, std::vector<std::size_t>& counts)
      : a_{a, interest().read()}, b_{b, interest().read()}, counts_{&counts} {}
  auto children() { return std::tie(a_, b_); }
  void before_handle_events(Events events) {
    std::size_t count = 0;
    for (const auto event : events) {
      EXPECT_TRUE(event.readiness.readable());
      EXPECT_LT(event.token.child(), 2u);
      ++count;
    }
    EXPECT_EQ(events.empty(), count == 0);
    counts_->push_back(count);
  }
  PostAction process_events(Readiness, Token, auto&&) { return PostAction::Continue; }

 private:
  Generic<int> a_;
  Generic<int> b_;
  std::vector<std::size_t>* counts_;
};

TEST(EventLoop, BeforeHandleEventsSeesTheEventsOfItsOwnSourceOnly) {
  EventLoop<> loop;
  const Pipe a;
  const Pipe b;
  const Pipe other = Pipe::filled();
  std::vector<std::size_t> counts;
  loop.handle().insert_source(Generic{other.fd(), interest().read()}, [](Readiness) {});
  const RegistrationToken token =
      loop.handle().insert_source(Watcher{a.fd(), b.fd(), counts}, [](Readiness) {});
  loop.dispatch(0ns);
  a.fill();
  loop.dispatch(0ns);
  b.fill();
  loop.dispatch(0ns);
  EXPECT_THAT(counts, ElementsAre(0u, 1u, 2u));
  loop.handle().disable(token);
  loop.dispatch(0ns);
  EXPECT_EQ(counts.size(), 3u);
  loop.handle().enable(token);
  loop.handle().update(token);
  loop.dispatch(0ns);
  EXPECT_THAT(counts, ElementsAre(0u, 1u, 2u, 2u));  // once, also after updates
  loop.handle().remove(token);
  loop.dispatch(0ns);
  EXPECT_EQ(counts.size(), 4u);
}

struct Liar {
  using Event = Readiness;
  using Metadata = void;
  using Ret = void;
  std::optional<SyntheticEvent> before_sleep() { return SyntheticEvent{Readiness{}, Token{}}; }
  PostAction process_events(Readiness, Token, auto&&) { return PostAction::Continue; }
  void register_with(Poll&, TokenFactory&) {}
  void reregister_with(Poll&, TokenFactory&) {}
  void unregister_from(Poll&) {}
};

TEST(EventLoop, ASyntheticEventNeedsATokenOfItsSource) {
  EventLoop<> loop;
  loop.handle().insert_source(Liar{}, [](Readiness) {});
  EXPECT_THROW(loop.dispatch(0ns), std::logic_error);
}

TEST(EventLoop, TheShorterOfTimeOutAndTimerEndsTheWait) {
  auto owned = std::make_unique<TestBackend>();
  TestBackend& test = *owned;
  EventLoop<> loop{std::move(owned)};
  loop.set_timer_slack(0ns);
  const auto waited = [&](Timeout timeout) {
    const TimePoint before = test.now();
    loop.dispatch(timeout);
    return test.now() - before;
  };
  EXPECT_EQ(waited(7ms), 7ms);
  EXPECT_EQ(waited(0ns), 0ns);
  EXPECT_EQ(waited(-1s), 0ns);
  EXPECT_THROW(loop.dispatch(std::nullopt), std::logic_error);  // would sleep for ever
  int fired = 0;
  loop.handle().insert_source(Timer::after(5ms), [&] {
    ++fired;
    return TimeoutAction::after(5ms);
  });
  EXPECT_EQ(waited(2ms), 2ms);
  EXPECT_EQ(fired, 0);
  EXPECT_EQ(waited(1h), 3ms);
  EXPECT_EQ(fired, 1);
  EXPECT_EQ(waited(std::nullopt), 5ms);
  EXPECT_EQ(fired, 2);
  test.advance(20ms);
  EXPECT_EQ(waited(std::nullopt), 0ns);
  EXPECT_EQ(fired, 3);
}

TEST(EventLoop, AHugeTimeOutDoesNotOverflow) {
  EventLoop<> loop;
  loop.handle().insert_source(Timer::immediate(), [] {});
  loop.dispatch(Duration::max());
  loop.signal().wakeup();
  loop.dispatch(Duration::max());
  loop.handle().insert_source(Timer::after(Duration::max()), [] { FAIL(); });
  loop.signal().wakeup();
  loop.dispatch(std::nullopt);
  loop.dispatch(1ms);
}

TEST(EventLoop, ARealWaitEndsAtTheTimeOut) {
  EventLoop<> loop;
  const TimePoint before = Clock::now();
  loop.dispatch(3ms);
  EXPECT_GE(Clock::now() - before, 3ms);
}

TEST(EventLoop, WithoutSlackTimersAreExactAndNeverEarly) {
  for (const Duration slack : {Duration{0ns}, Duration{10us}, Duration{50us}, Duration{2ms}}) {
    EventLoop<> loop;
    loop.set_timer_slack(slack);
    int fired = 0;
    for (int i = 1; i <= 5; ++i) {
      const TimePoint deadline = Clock::now() + i * 700us;
      loop.handle().insert_source(Timer::at(deadline), [&, deadline](TimePoint reported) {
        EXPECT_EQ(reported, deadline);
        EXPECT_GE(Clock::now(), deadline);
        ++fired;
      });
    }
    for (int i = 0; i < 1000 && fired < 5; ++i)
      loop.dispatch(1s);
    EXPECT_EQ(fired, 5);
  }
}

// With slack, a timer of 1 ms is served a second later at the earliest.
TEST(EventLoop, WithoutSlackNothingIsLateOnPurpose) {
  EventLoop<> loop;
  loop.set_timer_slack(0ns);
  const TimePoint deadline = Clock::now() + 1ms;
  loop.handle().insert_source(Timer::at(deadline), [] {});
  loop.dispatch(1h);
  EXPECT_LT(Clock::now() - deadline, 500ms);
}

TEST(EventLoop, WithoutSlackAndDescriptorsTimersStillFire) {
  if (tests::sanitized)
    GTEST_SKIP() << "the sanitizer itself needs descriptors, and there are none";
  EventLoop<> loop;
  loop.set_timer_slack(0ns);
  int fired = 0;
  loop.handle().insert_source(Timer::after(1ms), [&] { ++fired; });
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  EXPECT_NO_THROW(loop.dispatch(1h));
  EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(fired, 1);
  // And exactly, when there are some again.
  loop.handle().insert_source(Timer::after(1ms), [&] { ++fired; });
  loop.dispatch(1h);
  EXPECT_EQ(fired, 2);
}

TEST(EventLoop, SlackDoesNotLengthenATimeOut) {
  EventLoop<> loop;
  loop.set_timer_slack(1h);
  loop.handle().insert_source(Timer::after(1ms), [] {});
  const TimePoint before = Clock::now();
  loop.dispatch(5ms);
  EXPECT_LT(Clock::now() - before, 10s);
}

// Where very many timers wait, the wheel wants to be looked at now and then: nobody notices.
TEST(EventLoop, ADispatchWaitsUntilATimerFiresHoweverManyThereAre) {
  auto owned = std::make_unique<TestBackend>();
  TestBackend& test = *owned;
  EventLoop<> loop{std::move(owned)};
  loop.set_timer_slack(0ns);
  int fired = 0;
  for (int i = 0; i < 1000; ++i)
    loop.handle().insert_source(Timer::after(10s + std::chrono::milliseconds{i}), [&] { ++fired; });
  loop.dispatch(9s);
  EXPECT_EQ(test.now(), TimePoint{9s});
  EXPECT_EQ(fired, 0);
  for (int i = 0; i < 1000; ++i) {
    loop.dispatch(std::nullopt);
    ASSERT_EQ(fired, i + 1);
    ASSERT_EQ(test.now(), TimePoint{10s + std::chrono::milliseconds{i}});
  }
}

TEST(EventLoop, SlackLetsCloseTimersShareAWakeUp) {
  std::vector<int> fired;
  // On a busy machine the first may be due before the wait begins.
  for (int i = 0; i < 10 && fired != std::vector{1, 2}; ++i) {
    fired.clear();
    EventLoop<> loop;
    loop.set_timer_slack(20ms);
    loop.handle().insert_source(Timer::after(1ms), [&] { fired.push_back(1); });
    loop.handle().insert_source(Timer::after(15ms), [&] { fired.push_back(2); });
    loop.handle().insert_source(Timer::after(1h), [&] { fired.push_back(3); });
    loop.dispatch(std::nullopt);
  }
  EXPECT_THAT(fired, ElementsAre(1, 2));
}

TEST(EventLoop, SlackIsNotNegative) {
  EventLoop<> loop;
  EXPECT_THROW(loop.set_timer_slack(-1ns), std::invalid_argument);
}

// ------------------------------------------------------------------------------------------ run

TEST(Run, EndsByStopAfterTheIteration) {
  EventLoop<Log> loop;
  Log log;
  loop.handle().insert_source(Timer::immediate(), [signal = loop.signal()](Log& l) {
    l.emplace_back("timer");
    signal.stop();
  });
  loop.handle().insert_idle([](Log& l) { l.emplace_back("idle"); });
  loop.run(log);
  EXPECT_THAT(log, ElementsAre("timer", "idle"));
}

TEST(Run, CallsItsCallbackAlsoInTheLastIteration) {
  EventLoop<Log> loop;
  Log log;
  int turns = 0;
  loop.handle().insert_source(Timer::immediate(), [&, signal = loop.signal()](Log& l) {
    l.emplace_back("timer");
    if (++turns == 3)
      signal.stop();
    return TimeoutAction::after(0ns);
  });
  loop.run(log, [](Log& l) { l.emplace_back("turn"); });
  EXPECT_THAT(log, ElementsAre("timer", "turn", "timer", "turn", "timer", "turn"));
  loop.signal().stop();
  loop.run(log, [&] { FAIL() << "stopped before it began"; });
}

TEST(Run, MayBeStoppedByItsCallback) {
  EventLoop<int> loop;
  int data = 0;
  loop.run(1ms, data, [&, signal = loop.signal()](int& turns) {
    if (++turns == 4)
      signal.stop();
  });
  EXPECT_EQ(data, 4);
  EventLoop<> none;
  int turns = 0;
  none.run(0ns, [&, signal = none.signal()] {
    if (++turns == 2)
      signal.stop();
  });
  EXPECT_EQ(turns, 2);
}

TEST(Run, LetsExceptionsOutAndMayBeRunAgain) {
  EventLoop<> loop;
  int calls = 0;
  loop.handle().insert_source(Timer::immediate(), [&] {
    ++calls;
    throw std::runtime_error{"out"};
  });
  EXPECT_THROW(loop.run(), std::runtime_error);
  loop.handle().insert_source(Timer::immediate(), [&] {
    ++calls;
    loop.signal().stop();
  });
  loop.run();
  EXPECT_EQ(calls, 2);
}

// ----------------------------------------------------------------------------------------- data

TEST(Data, IsThatOfThePresentDispatch) {
  EventLoop<int> loop;
  loop.handle().insert_source(Timer::immediate(), [](int& value) {
    ++value;
    return TimeoutAction::after(0ns);
  });
  int first = 0;
  int second = 10;
  loop.dispatch(0ns, first);
  loop.dispatch(0ns, second);
  loop.dispatch(0ns, second);
  loop.dispatch(0ns, first);
  EXPECT_EQ(first, 2);
  EXPECT_EQ(second, 12);
}

TEST(Data, MayLiveShorterThanTheLoop) {
  EventLoop<std::string> loop;
  loop.handle().insert_source(Timer::immediate(), [](std::string& text) {
    text += "x";
    return TimeoutAction::after(0ns);
  });
  for (int i = 0; i < 3; ++i) {
    std::string text(100, 'a');
    loop.dispatch(0ns, text);
    EXPECT_EQ(text.size(), 101u);
  }
}

// ------------------------------------------------------------------------------------ descriptors

TEST(EventLoop, LeavesNoDescriptorBehind) {
  const auto before = tests::descriptor_count();
  {
    EventLoop<> loop;
    loop.set_timer_slack(0ns);
    loop.handle().insert_source(Timer::after(100us), [] {});
    loop.dispatch(1s);
    EXPECT_GE(loop.fd(), 0);
    EXPECT_GT(tests::descriptor_count(), before);
  }
  EXPECT_EQ(tests::descriptor_count(), before);
}

}  // namespace
