// A loop as a guest: inside another one, and inside plain poll(2).
#include <optional>
#include <string>
#include <vector>

#include <poll.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/calloop.hpp>
#include <calloop/host_fd.hpp>
#include <calloop/testing.hpp>

#include "tests/calloop/hooked_source.hpp"
#include "tests/calloop/pipe.hpp"

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using testing::ElementsAre;
using tests::HookedSource;
using tests::Pipe;

bool is_readable(int fd, int milliseconds = 0) {
  pollfd one{fd, POLLIN, 0};
  return ::poll(&one, 1, milliseconds) == 1;
}

TEST(HostFd, TellsDeadlineWorkAndReadiness) {
  const Pipe inner;
  OwnedFd epoll{::epoll_create1(EPOLL_CLOEXEC)};
  epoll_event event{};
  event.events = EPOLLIN;
  ASSERT_EQ(::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, inner.fd(), &event), 0);
  HostFd host{epoll.get()};
  EXPECT_FALSE(is_readable(host.fd()));
  inner.fill();
  EXPECT_TRUE(is_readable(host.fd()));
  inner.drain();
  EXPECT_FALSE(is_readable(host.fd()));

  host.update(TimePoint::max(), true);
  EXPECT_TRUE(is_readable(host.fd()));
  host.update(TimePoint::max(), true);
  host.update(TimePoint::max(), false);
  EXPECT_FALSE(is_readable(host.fd()));

  const TimePoint deadline = Clock::now() + 5ms;
  host.update(deadline, false);
  EXPECT_TRUE(is_readable(host.fd(), 2000));
  EXPECT_GE(Clock::now(), deadline);
  host.update(Clock::now() + 1h, false);
  EXPECT_FALSE(is_readable(host.fd()));
  host.update(TimePoint{}, false);  // long past
  EXPECT_TRUE(is_readable(host.fd()));
}

TEST(Guest, FdIsReadableForADescriptor) {
  EventLoop<> guest;
  const Pipe pipe;
  guest.handle().insert_source(Generic{pipe.fd(), interest().read()},
                               [&](Readiness) { pipe.drain(); });
  EXPECT_FALSE(is_readable(guest.fd()));
  pipe.fill();
  EXPECT_TRUE(is_readable(guest.fd()));
  guest.dispatch(0ns);
  EXPECT_FALSE(is_readable(guest.fd()));
}

TEST(Guest, FdIsReadableForATimerAndPrepareSaysWhen) {
  EventLoop<> guest;
  const int fd = guest.fd();
  EXPECT_EQ(guest.prepare(), std::nullopt);
  int fired = 0;
  const RegistrationToken token = guest.handle().insert_source(Timer::after(1s), [&] { ++fired; });
  const Timeout sleep = guest.prepare();
  ASSERT_TRUE(sleep.has_value());
  EXPECT_GT(*sleep, 0ns);
  EXPECT_LE(*sleep, 1001ms);
  EXPECT_TRUE(is_readable(fd, 10'000));
  EXPECT_EQ(guest.prepare(), Timeout{0ns});
  guest.dispatch(0ns);
  EXPECT_EQ(fired, 1);
  EXPECT_FALSE(is_readable(fd));
  EXPECT_EQ(guest.prepare(), std::nullopt);
  EXPECT_FALSE(guest.handle().remove(token));
}

TEST(Guest, FdKnowsTimersThatAreInsertedEnabledOrUpdatedBetweenDispatches) {
  EventLoop<> guest;
  const int fd = guest.fd();
  int fired = 0;
  const auto timer = guest.handle().make_dispatcher(Timer::after(1h), [&] {
    ++fired;
    return TimeoutAction::after(1h);
  });
  const RegistrationToken token = guest.handle().register_dispatcher(timer);
  EXPECT_FALSE(is_readable(fd));
  timer->set_delay(1ms);
  guest.handle().update(token);
  EXPECT_TRUE(is_readable(fd, 2000));
  guest.dispatch(0ns);
  EXPECT_EQ(fired, 1);
  EXPECT_FALSE(is_readable(fd));
  guest.handle().disable(token);
  timer->set_delay(1ms);
  guest.handle().enable(token);
  EXPECT_TRUE(is_readable(fd, 2000));
  guest.dispatch(0ns);
  EXPECT_EQ(fired, 2);
}

TEST(Guest, UnderAManualClockFdTellsOnlyWhatIsDueNow) {
  auto owned = std::make_unique<TestBackend>();
  TestBackend& test = *owned;
  EventLoop<> guest{std::move(owned)};
  const int fd = guest.fd();
  int fired = 0;
  guest.handle().insert_source(Timer::after(1s), [&] { ++fired; });
  guest.set_timer_slack(0ns);
  EXPECT_EQ(guest.prepare(), Timeout{1s});
  EXPECT_FALSE(is_readable(fd));
  test.advance(1s);
  EXPECT_EQ(guest.prepare(), Timeout{0ns});
  EXPECT_TRUE(is_readable(fd));
  guest.dispatch(0ns);
  EXPECT_EQ(fired, 1);
  EXPECT_FALSE(is_readable(fd));
}

TEST(Guest, PrepareAllowsForTheSlack) {
  EventLoop<> guest{std::make_unique<TestBackend>()};
  guest.set_timer_slack(3ms);
  guest.handle().insert_source(Timer::after(10ms), [] {});
  EXPECT_EQ(guest.prepare(), Timeout{13ms});
}

TEST(Guest, FdIsReadableWhileAnIdleWaits) {
  EventLoop<> guest;
  const int fd = guest.fd();
  int runs = 0;
  guest.handle().insert_idle([&] {
    if (++runs == 1)
      guest.handle().insert_idle([&] { ++runs; });
  });
  EXPECT_TRUE(is_readable(fd));
  guest.dispatch(0ns);
  EXPECT_EQ(runs, 1);
  EXPECT_TRUE(is_readable(fd));
  guest.dispatch(0ns);
  EXPECT_EQ(runs, 2);
  EXPECT_FALSE(is_readable(fd));
}

TEST(Guest, FdIsReadableForWhatAnExceptionLeft) {
  EventLoop<> guest;
  const int fd = guest.fd();
  const Pipe pipes[2] = {Pipe::filled(), Pipe::filled()};
  int calls = 0;
  for (const Pipe& pipe : pipes) {
    guest.handle().insert_source(Generic{pipe.fd(), interest().read().edge_triggered()},
                                 [&](Readiness) {
                                   ++calls;
                                   throw 1;
                                 });
  }
  for (int i = 0; i < 2; ++i)
    guest.handle().insert_source(Timer::immediate(), [&]() {
      ++calls;
      throw 1;
    });
  int thrown = 0;
  for (; is_readable(fd) && thrown < 10; ++thrown)
    EXPECT_THROW(guest.dispatch(0ns), int);
  EXPECT_EQ(thrown, 4);
  EXPECT_EQ(calls, 4);
}

TEST(Guest, FdIsReadableForASyntheticEventOfPrepare) {
  EventLoop<> guest;
  const int fd = guest.fd();
  bool has_work = false;
  int calls = 0;
  guest.handle().insert_source(HookedSource{[&] { return std::exchange(has_work, false); }},
                               [&] { ++calls; });
  EXPECT_EQ(guest.prepare(), std::nullopt);
  EXPECT_FALSE(is_readable(fd));
  has_work = true;
  EXPECT_EQ(guest.prepare(), Timeout{0ns});
  EXPECT_TRUE(is_readable(fd));
  guest.dispatch(0ns);
  EXPECT_EQ(calls, 1);
  EXPECT_FALSE(is_readable(fd));
}

TEST(Guest, PrepareRunsIdlesAndThenHooksForWhatTheHostDid) {
  EventLoop<std::vector<std::string>> guest;
  std::vector<std::string> log;
  guest.handle().insert_source(HookedSource{[&] {
                                 log.emplace_back("flush");
                                 return false;
                               }},
                               [] {});
  guest.handle().insert_idle([](std::vector<std::string>& l) { l.emplace_back("idle"); });
  EXPECT_EQ(guest.prepare(log), std::nullopt);
  EXPECT_THAT(log, ElementsAre("idle", "flush")) << "what the idle has written is flushed too";
}

TEST(Guest, PrepareLeavesToDispatchWhatItsHooksCaused) {
  EventLoop<> guest;
  int runs = 0;
  bool first = true;
  guest.handle().insert_source(HookedSource{[&] {
                                 if (std::exchange(first, false))
                                   guest.handle().insert_idle([&] { ++runs; });
                                 return false;
                               }},
                               [] {});
  EXPECT_EQ(guest.prepare(), Timeout{0ns});
  EXPECT_TRUE(is_readable(guest.fd()));
  guest.dispatch(0ns);
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(guest.prepare(), std::nullopt);
}

TEST(Guest, PrepareLetsExceptionsOut) {
  EventLoop<> guest;
  guest.handle().insert_idle([] { throw 1; });
  guest.handle().insert_idle([] {});
  EXPECT_THROW(static_cast<void>(guest.prepare()), int);
  EXPECT_EQ(guest.prepare(), std::nullopt);
}

TEST(Guest, WorksInsideAnotherCalloop) {
  EventLoop<int> host;
  EventLoop<int> guest;
  int data = 0;
  host.handle().insert_source(Generic{guest.fd(), interest().read()},
                              [&](Readiness, int&, int& d) { guest.dispatch(0ns, d); });
  auto [ping, ping_source] = make_ping();
  guest.handle().insert_source(std::move(ping_source), [](int& d) { d += 1; });
  guest.handle().insert_source(Timer::after(1ms), [](int& d) { d += 10; });
  guest.handle().insert_idle([](int& d) { d += 100; });
  guest.handle().insert_source(Timer::after(2ms), [handle = guest.handle()] {
    handle.insert_source(Timer::after(1ms), [handle](int& d) {
      d += 1000;
      handle.insert_idle([](int& inner) { inner += 10'000; });
    });
  });
  ping.ping();
  const TimePoint deadline = Clock::now() + 5s;
  while (data < 11'111 && Clock::now() < deadline)
    host.dispatch(1s, data);
  EXPECT_EQ(data, 11'111);
  // Nothing is left to do: the host sleeps.
  const TimePoint before = Clock::now();
  host.dispatch(3ms, data);
  EXPECT_GE(Clock::now() - before, 3ms);
  EXPECT_EQ(data, 11'111);
}

TEST(Guest, AWakeupFromAnotherLoopsCallbackReachesIt) {
  EventLoop<> host;
  EventLoop<> guest;
  int dispatches = 0;
  host.handle().insert_source(Generic{guest.fd(), interest().read()}, [&](Readiness) {
    ++dispatches;
    guest.dispatch(0ns);
  });
  for (int round = 1; round <= 3; ++round) {
    guest.signal().wakeup();
    host.dispatch(std::nullopt);
    host.dispatch(0ns);
    EXPECT_EQ(dispatches, round);
  }
}

}  // namespace
