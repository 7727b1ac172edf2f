// Defects of Rust's calloop 0.14.4, each reproduced by running it. Here they do not exist.
#include <cerrno>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <tuple>
#include <vector>

#include <poll.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/calloop.hpp>
#include <calloop/testing.hpp>

#include "tests/calloop/conformance/virtual_loop.hpp"
#include "tests/calloop/hooked_source.hpp"
#include "tests/calloop/on_drop.hpp"
#include "tests/calloop/pipe.hpp"

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::UnorderedElementsAre;
using tests::HookedSource;
using tests::OnDrop;
using tests::Pipe;
using tests::VirtualLoop;

// Has a hook, and fails where it is told to.
struct FailingHookedSource {
  using Event = Token;
  using Metadata = void;
  using Ret = void;

  int* sleeps;
  bool fails_to_register = false;
  bool fails_to_unregister = false;

  std::optional<SyntheticEvent> before_sleep() {
    ++*sleeps;
    return std::nullopt;
  }
  PostAction process_events(Readiness, Token token, auto&& emit) {
    emit(token);
    return PostAction::Continue;
  }
  void register_with(Poll&, TokenFactory&) const {
    if (fails_to_register)
      throw std::system_error{EBADF, std::generic_category(), "register"};
  }
  void reregister_with(Poll&, TokenFactory&) {}
  void unregister_from(Poll&) const {
    if (fails_to_unregister)
      throw std::system_error{ENOENT, std::generic_category(), "unregister"};
  }
};

TEST(Conformance, W_01_NoHookIsLeftOfASourceThatCouldNotBeRegisteredOrUnregistered) {
  VirtualLoop<> v;
  int refused = 0;
  int removed = 0;
  EXPECT_THROW(v.handle.insert_source(
                   FailingHookedSource{.sleeps = &refused, .fails_to_register = true}, [] {}),
               std::system_error);
  const RegistrationToken token = v.handle.insert_source(
      FailingHookedSource{.sleeps = &removed, .fails_to_unregister = true}, [] {});
  v.loop.dispatch(0ns);
  EXPECT_TRUE(v.handle.remove(token));
  v.loop.dispatch(0ns);
  EXPECT_EQ(refused, 0);
  EXPECT_EQ(removed, 1);
  EXPECT_EQ(v.handle.source_count(), 0u);
}

TEST(Conformance, W_02_DestructorsThatRemoveRunsMayUseTheLoop) {
  VirtualLoop<> v;
  bool fired = false;
  RegistrationToken inner = v.handle.insert_source(Timer::after(1h), [] {});
  const RegistrationToken outer = v.handle.insert_source(
      Timer::after(1h), [&, guard = OnDrop{[&] {
                              EXPECT_TRUE(v.handle.remove(inner));
                              v.handle.insert_source(Timer::immediate(), [&] { fired = true; });
                            }}] {});
  EXPECT_TRUE(v.handle.remove(outer));
  EXPECT_EQ(v.handle.source_count(), 1u);
  v.loop.dispatch(0ns);
  EXPECT_TRUE(fired);
}

TEST(Conformance, W_03_UpdateOfAnExpiredTimerDoesNotFireItEarly) {
  VirtualLoop<> v;
  std::vector<TimePoint> fired;
  const auto second = v.handle.make_dispatcher(Timer::after(1s), [&](TimePoint deadline) {
    EXPECT_EQ(v.clock.now(), deadline);
    fired.push_back(deadline);
  });
  RegistrationToken token;
  const TimePoint later = v.clock.now() + 60s;
  v.handle.insert_source(Timer::after(1s), [&] {
    second->set_deadline(later);
    EXPECT_TRUE(v.handle.update(token));
  });
  token = v.handle.register_dispatcher(second);

  v.loop.dispatch(1s);  // both have expired
  EXPECT_THAT(fired, ElementsAre());
  v.loop.dispatch(std::nullopt);
  EXPECT_THAT(fired, ElementsAre(later));
  EXPECT_EQ(v.handle.source_count(), 0u);
}

TEST(Conformance, W_04_DisableOfASourceThatSomebodyLooksAtHitsThatSourceAlone) {
  VirtualLoop<> v;
  const Pipe watched_pipe = Pipe::filled();
  const Pipe other_pipe = Pipe::filled();
  int watched_calls = 0;
  int other_calls = 0;
  const auto watched = v.handle.make_dispatcher(Generic{watched_pipe.fd(), interest().read()},
                                                [&](Readiness) { ++watched_calls; });
  const RegistrationToken token = v.handle.register_dispatcher(watched);
  v.handle.insert_source(Generic{other_pipe.fd(), interest().read()},
                         [&](Readiness) { ++other_calls; });

  Generic<int>& looked_at = *watched;
  looked_at.set_interest(interest().read().edge_triggered());
  EXPECT_TRUE(v.handle.update(token));
  v.loop.dispatch(0ns);
  v.loop.dispatch(0ns);
  EXPECT_EQ(watched_calls, 1);  // the update was done
  EXPECT_TRUE(v.handle.disable(token));
  watched_pipe.fill();
  v.loop.dispatch(0ns);
  EXPECT_EQ(looked_at.get(), watched_pipe.fd());
  EXPECT_EQ(watched_calls, 1);
  EXPECT_EQ(other_calls, 3);
}

TEST(Conformance, W_05_AnErrorLosesNothingOfTheBatch) {
  VirtualLoop<> v;
  std::vector<std::string> log;
  const Pipe one_shot = Pipe::filled();
  const Pipe edge = Pipe::filled();
  // Descriptors come before timers: the error is the first thing that happens.
  v.handle.insert_source(
      HookedSource{[throws = true]() mutable { return std::exchange(throws, false); }},
      [](Token) -> PostAction { throw std::runtime_error{"first"}; });
  v.handle.insert_source(Generic{one_shot.fd(), interest().read().one_shot()},
                         [&](Readiness) { log.emplace_back("one-shot"); });
  v.handle.insert_source(Generic{edge.fd(), interest().read().edge_triggered()},
                         [&](Readiness) { log.emplace_back("edge"); });
  v.handle.insert_source(Timer::immediate(), [&] { log.emplace_back("timer"); });
  v.handle.insert_idle([&] { log.emplace_back("idle"); });

  EXPECT_THROW(v.loop.dispatch(0ns), std::runtime_error);
  EXPECT_THAT(log, ElementsAre());
  v.loop.dispatch(0ns);
  EXPECT_THAT(log, UnorderedElementsAre("one-shot", "edge", "timer", "idle"));
  v.loop.dispatch(0ns);
  EXPECT_EQ(log.size(), 4u);
}

TEST(Conformance, W_07_AnIdleMayCancelItself) {
  VirtualLoop<> v;
  Idle itself;
  int runs = 0;
  itself = v.handle.insert_idle([&] {
    ++runs;
    EXPECT_FALSE(itself.cancel());
  });
  v.loop.dispatch(0ns);
  v.loop.dispatch(0ns);
  EXPECT_EQ(runs, 1);
}

TEST(Conformance, W_08_AnUpdatedSourceHasItsHooksOnce) {
  VirtualLoop<> v;
  int before_sleep = 0;
  int before_handle = 0;
  const RegistrationToken token =
      v.handle.insert_source(HookedSource{[&] {
                                            ++before_sleep;
                                            return false;
                                          },
                                          [&](Events) { ++before_handle; }},
                             [] {});
  for (int i = 0; i < 3; ++i)
    EXPECT_TRUE(v.handle.update(token));
  v.loop.dispatch(0ns);
  EXPECT_EQ(before_sleep, 1);
  EXPECT_EQ(before_handle, 1);
}

TEST(Conformance, W_09_EnableOfAnEnabledTimerDoesNotArmItTwice) {
  VirtualLoop<> v;
  int fired = 0;
  const RegistrationToken token = v.handle.insert_source(Timer::after(1s), [&] { ++fired; });
  EXPECT_TRUE(v.handle.enable(token));
  v.loop.dispatch(std::nullopt);
  EXPECT_EQ(fired, 1);
  EXPECT_EQ(v.handle.source_count(), 0u);
  // And nothing is left that the loop would wait for.
  EXPECT_THROW(v.loop.dispatch(std::nullopt), std::logic_error);
}

TEST(Conformance, W_10_AHangupWithoutInterestIsAHangupAndNotReadability) {
  VirtualLoop<> v;
  Pipe level;
  Pipe edge;
  std::vector<Readiness> seen;
  int edges = 0;
  v.handle.insert_source(Generic{level.fd(), interest()}, [&](Readiness ready) {
    seen.push_back(ready);
    return ready.hangup() ? PostAction::Remove : PostAction::Continue;
  });
  v.handle.insert_source(Generic{edge.fd(), interest().edge_triggered()},
                         [&](Readiness) { ++edges; });
  level.writer.reset();
  edge.writer.reset();
  for (int i = 0; i < 5; ++i)
    v.loop.dispatch(0ns);
  // The callback is told what it is, and can end it; who wants to be told once says so.
  EXPECT_THAT(seen, ElementsAre(Readiness{EPOLLHUP}));
  EXPECT_EQ(edges, 1);
}

bool readable(int fd, int milliseconds) {
  pollfd waited{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&waited, 1, milliseconds) == 1;
}

TEST(Conformance, W_11_TheLoopsDescriptorIsReadableForTimersAndIdles) {
  EventLoop<> loop;
  const int fd = loop.fd();
  EXPECT_FALSE(readable(fd, 0));
  bool idle = false;
  loop.handle().insert_idle([&] { idle = true; });
  EXPECT_TRUE(readable(fd, 0));
  loop.dispatch(0ns);
  EXPECT_TRUE(idle);
  EXPECT_FALSE(readable(fd, 0));

  bool fired = false;
  loop.handle().insert_source(Timer::after(2ms), [&] { fired = true; });
  EXPECT_TRUE(readable(fd, 10'000));
  loop.dispatch(0ns);
  EXPECT_TRUE(fired);
  EXPECT_FALSE(readable(fd, 0));
}

// Two descriptors, of which the first leaves at its first event.
class Siblings : public Composed<Siblings> {
 public:
  using Event = std::string;
  using Metadata = void;
  using Ret = void;

  Siblings(int first, int second)
      : first_{Generic{first, interest().read().edge_triggered()}},
        second_{Generic{second, interest().read().edge_triggered()}} {}

  auto children() { return std::tie(first_, second_); }
  PostAction process_events(Readiness readiness, Token token, auto&& emit) {
    return first_.process_events(readiness, token, [&](Readiness, int) {
      emit(std::string{"first"});
      return PostAction::Remove;
    }) | second_.process_events(readiness, token, [&](Readiness, int) {
      emit(std::string{"second"});
      return PostAction::Continue;
    });
  }

 private:
  TransientSource<Generic<int>> first_;
  TransientSource<Generic<int>> second_;
};

TEST(Conformance, W_12_AChildThatLeavesDoesNotMisleadTheEventsOfItsSiblings) {
  VirtualLoop<> v;
  const Pipe first = Pipe::filled();
  const Pipe second = Pipe::filled();
  std::vector<std::string> log;
  v.handle.insert_source(Siblings{first.fd(), second.fd()},
                         [&](const std::string& child) { log.push_back(child); });
  for (int i = 0; i < 3; ++i)
    v.loop.dispatch(0ns);  // both are in the first batch
  EXPECT_THAT(log, ElementsAre("first", "second"));
  first.fill();
  second.fill();
  v.loop.dispatch(0ns);
  EXPECT_THAT(log, ElementsAre("first", "second", "second"));
}

TEST(Conformance, W_13_AChannelWithoutRoomDeliversEveryMessage) {
  constexpr int channels = 20;
  constexpr int messages = 5;
  for (int i = 0; i < channels; ++i) {
    std::vector<int> received;
    bool closed = false;
    auto [made, channel] = make_sync_channel<int>(0);
    const std::jthread thread{[sender = std::move(made)] {
      for (int message = 0; message < messages; ++message)
        EXPECT_TRUE(sender.send(message));
    }};
    EventLoop<> loop;  // destroyed before the thread is joined: no sender waits for ever
    loop.handle().insert_source(std::move(channel), [&](std::optional<int> message) {
      if (message) {
        received.push_back(*message);
      } else {
        closed = true;
      }
    });
    const TimePoint give_up = Clock::now() + 30s;
    while (!closed && Clock::now() < give_up)
      loop.dispatch(1s);
    ASSERT_TRUE(closed);
    EXPECT_THAT(received, ElementsAre(0, 1, 2, 3, 4));
  }
}

TEST(Conformance, W_14_APendingIdleKeepsTheLoopFromSleeping) {
  VirtualLoop<> v;
  v.handle.insert_source(Timer::after(1h), [] { FAIL(); });
  const TimePoint before = v.clock.now();
  bool ran = false;
  v.handle.insert_idle([&] { ran = true; });
  v.loop.dispatch(std::nullopt);
  EXPECT_TRUE(ran);
  EXPECT_EQ(v.clock.now(), before);
}

TEST(Conformance, W_15_TimersWithEqualDeadlinesFireInTheOrderOfArming) {
  VirtualLoop<> v;
  std::vector<int> order;
  const TimePoint deadline = v.clock.now() + 1s;
  for (int i = 0; i < 8; ++i)
    v.handle.insert_source(Timer::at(deadline), [&order, i] { order.push_back(i); });
  v.loop.dispatch(std::nullopt);
  EXPECT_THAT(order, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
}

}  // namespace
