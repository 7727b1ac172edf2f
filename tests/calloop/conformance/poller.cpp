// What the poller below calloop promises: modes, wake-ups, precision. PL-01 to PL-14.
#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <memory>
#include <numeric>
#include <optional>
#include <random>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/calloop.hpp>

#include "tests/calloop/asleep.hpp"
#include "tests/calloop/conformance/virtual_loop.hpp"
#include "tests/calloop/pipe.hpp"

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using testing::ElementsAre;
using tests::Pipe;
using tests::VirtualLoop;

constexpr Duration longest = 20s;

// Waits until the loop of `thread` sleeps, for some time, and does `work`.
template <class F>
std::jthread while_asleep(pid_t thread, F work) {
  return std::jthread{[thread, work] {
    tests::wait_until_loop_sleeps(thread);
    work();
  }};
}

TEST(Conformance, PL_01_ASourceAddedFromAnotherThreadEndsTheWait) {
  EventLoop<> loop;
  const RemoteHandle<void> remote = remote_endpoint(loop.handle());
  const Pipe pipe = Pipe::filled();
  int calls = 0;
  const std::jthread other = while_asleep(::gettid(), [&] {
    remote.post([&](const LoopHandle<>& handle) {
      handle.insert_source(Generic{pipe.fd(), interest().read()}, [&](Readiness) {
        ++calls;
        return PostAction::Remove;
      });
    });
  });
  const TimePoint before = Clock::now();
  for (int i = 0; i < 10 && calls == 0; ++i)
    loop.dispatch(longest);
  EXPECT_EQ(calls, 1);
  EXPECT_LT(Clock::now() - before, longest);
}

TEST(Conformance, PL_02_ASourceModifiedFromAnotherThreadEndsTheWait) {
  EventLoop<> loop;
  const RemoteHandle<void> remote = remote_endpoint(loop.handle());
  const Pipe pipe = Pipe::filled();
  int calls = 0;
  const auto source = loop.handle().make_dispatcher(Generic{pipe.fd(), interest()}, [&](Readiness) {
    ++calls;
    return PostAction::Remove;
  });
  const RegistrationToken token = loop.handle().register_dispatcher(source);
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 0);
  const std::jthread other = while_asleep(::gettid(), [&] {
    remote.post([&](const LoopHandle<>& handle) {
      source->set_interest(interest().read());
      handle.update(token);
    });
  });
  const TimePoint before = Clock::now();
  for (int i = 0; i < 10 && calls == 0; ++i)
    loop.dispatch(longest);
  EXPECT_EQ(calls, 1);
  EXPECT_LT(Clock::now() - before, longest);
}

TEST(Conformance, PL_03_ADescriptorIsAddedOnce) {
  VirtualLoop<> v;
  const Pipe pipe;
  const auto add = [&] {
    return v.handle.insert_source(Generic{pipe.fd(), interest().read()}, [](Readiness) {});
  };
  const RegistrationToken token = add();
  try {
    add();
    FAIL() << "added twice";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::file_exists);
  }
  EXPECT_TRUE(v.handle.remove(token));
  EXPECT_NO_THROW(add());
}

TEST(Conformance, PL_04_ManyConnectionsAreServedInAnyOrder) {
  constexpr std::size_t count = 100;
  VirtualLoop<> v;
  std::vector<OwnedFd> peers;
  std::vector<std::size_t> served;
  for (std::size_t i = 0; i < count; ++i) {
    int fds[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    peers.emplace_back(fds[0]);
    v.handle.insert_source(Generic{OwnedFd{fds[1]}, interest().read()},
                           [&served, i](Readiness, const OwnedFd& socket) {
                             char byte = 0;
                             EXPECT_EQ(::read(socket.get(), &byte, 1), 1);
                             served.push_back(i);
                             return PostAction::Remove;
                           });
  }
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), 0u);
  std::shuffle(order.begin(), order.end(), std::mt19937{42});
  for (const std::size_t i : order) {
    ASSERT_EQ(::write(peers[i].get(), "x", 1), 1);
    v.loop.dispatch(0ns);
    ASSERT_EQ(served.back(), i);
  }
  EXPECT_EQ(served, order);
  EXPECT_EQ(v.handle.source_count(), 0u);
}

// A pipe with a source that counts, under an interest that can be changed.
struct Counting {
  VirtualLoop<> v;
  Pipe pipe;
  int calls = 0;
  Dispatcher<Generic<int>> source;
  RegistrationToken token;

  explicit Counting(Interest wanted)
      : source{v.handle.make_dispatcher(Generic{pipe.fd(), wanted},
                                        [this](Readiness) { ++calls; })},
        token{v.handle.register_dispatcher(source)} {}

  // How often the source is called in `iterations` iterations.
  int calls_in(int iterations) {
    calls = 0;
    for (int i = 0; i < iterations; ++i)
      v.loop.dispatch(0ns);
    return calls;
  }
  void update(Interest wanted) {
    source->set_interest(wanted);
    EXPECT_TRUE(v.handle.update(token));
  }
};

TEST(Conformance, PL_05_LevelTriggeredIsToldAsLongAsItLasts) {
  Counting c{interest().read()};
  EXPECT_EQ(c.calls_in(2), 0);
  c.pipe.fill();
  EXPECT_EQ(c.calls_in(3), 3);
  c.update(interest());
  EXPECT_EQ(c.calls_in(3), 0);
  c.update(interest().read());
  EXPECT_EQ(c.calls_in(3), 3);
  EXPECT_EQ(c.pipe.drain(), 1u);
  EXPECT_EQ(c.calls_in(3), 0);
}

TEST(Conformance, PL_06_EdgeTriggeredIsToldOncePerChange) {
  Counting c{interest().read().edge_triggered()};
  c.pipe.fill();
  EXPECT_EQ(c.calls_in(3), 1);
  c.pipe.fill();  // more, though nothing was read
  EXPECT_EQ(c.calls_in(3), 1);
  c.update(interest().read().edge_triggered());  // looks again
  EXPECT_EQ(c.calls_in(3), 1);
  EXPECT_EQ(c.pipe.drain(), 2u);
  EXPECT_EQ(c.calls_in(3), 0);
}

TEST(Conformance, PL_07_OneShotIsToldOnceUntilItIsUpdated) {
  Counting c{interest().read().one_shot()};
  c.pipe.fill();
  EXPECT_EQ(c.calls_in(3), 1);
  c.pipe.fill();
  EXPECT_EQ(c.calls_in(3), 0);
  c.update(interest().read().one_shot());
  EXPECT_EQ(c.calls_in(3), 1);
}

TEST(Conformance, PL_08_EdgeTriggeredOneShotIsBoth) {
  Counting c{interest().read().edge_triggered().one_shot()};
  c.pipe.fill();
  EXPECT_EQ(c.calls_in(3), 1);
  c.pipe.fill();  // a change, but it was told once
  EXPECT_EQ(c.calls_in(3), 0);
  c.update(interest().read().edge_triggered().one_shot());
  EXPECT_EQ(c.calls_in(3), 1);
  EXPECT_EQ(c.pipe.drain(), 2u);
  c.update(interest().read().edge_triggered().one_shot());
  EXPECT_EQ(c.calls_in(3), 0);
}

TEST(Conformance, PL_09_TwoLoopsMayWaitForOneDescriptorInAnyMode) {
  const Interest read = interest().read();
  const std::vector<std::pair<Interest, int>> modes{{read, 3},
                                                    {read.edge_triggered(), 1},
                                                    {read.one_shot(), 1},
                                                    {read.edge_triggered().one_shot(), 1}};
  for (const auto& [mode, expected] : modes) {
    const Pipe pipe;
    std::array<VirtualLoop<>, 2> loops;
    std::array<int, 2> calls{};
    for (std::size_t i = 0; i < 2; ++i)
      loops[i].handle.insert_source(Generic{pipe.fd(), mode}, [&, i](Readiness) { ++calls[i]; });
    pipe.fill();
    for (int i = 0; i < 3; ++i)
      for (VirtualLoop<>& v : loops)
        v.loop.dispatch(0ns);
    EXPECT_THAT(calls, ElementsAre(expected, expected)) << mode.bits();
  }
}

TEST(Conformance, PL_10_AWakeUpEndsTheWaitAndManyAreOne) {
  EventLoop<> loop;
  const LoopSignal signal = loop.signal();
  std::atomic<bool> woken{false};
  const std::jthread other{[&] {
    for (int i = 0; i < 100; ++i)
      signal.wakeup();
    woken = true;
    woken.notify_one();
  }};
  const TimePoint before = Clock::now();
  loop.dispatch(longest);
  EXPECT_LT(Clock::now() - before, longest);
  // What came after the first was noticed is one more at most.
  woken.wait(false);
  loop.dispatch(0ns);
  const TimePoint again = Clock::now();
  loop.dispatch(20ms);
  EXPECT_GE(Clock::now() - again, 20ms);
}

TEST(Conformance, PL_11_AWakeUpIsTakenByADispatchThatDoesNotWait) {
  VirtualLoop<> v;
  v.loop.signal().wakeup();
  v.loop.dispatch(0ns);
  v.loop.dispatch(1s);
  EXPECT_EQ(v.clock.now(), TimePoint{} + 1s);  // the second was not cut short
}

TEST(Conformance, PL_12_TimeOutsEndEachWaitAndZeroDoesNotWait) {
  EventLoop<> loop;
  const Pipe pipe;
  loop.handle().insert_source(Generic{pipe.fd(), interest().read()}, [](Readiness) { FAIL(); });
  for (int i = 0; i < 2; ++i) {
    const TimePoint before = Clock::now();
    loop.dispatch(10ms);
    EXPECT_GE(Clock::now() - before, 10ms);
  }
  const TimePoint before = Clock::now();
  for (int i = 0; i < 100; ++i)
    loop.dispatch(0ns);
  EXPECT_LT(Clock::now() - before, 10s);
}

TEST(Conformance, PL_13_WaitsAreNeverShortAndNotMuchLonger) {
  EventLoop<> loop;
  for (const Duration timeout : {Duration{30us}, Duration{700us}, Duration{1500us}}) {
    Duration shortest = Duration::max();
    // On a busy machine most are longer.
    for (int i = 0; i < 500 && shortest >= timeout + 1ms; ++i) {
      const TimePoint before = Clock::now();
      loop.dispatch(timeout);
      shortest = std::min(shortest, Duration{Clock::now() - before});
    }
    EXPECT_GE(shortest, timeout);
    EXPECT_LT(shortest, timeout + 1ms);
  }
}

// Takes away what it never registered.
struct Unregistering {
  using Event = Token;
  using Metadata = void;
  using Ret = void;
  int fd;
  PostAction process_events(Readiness, Token token, auto&& emit) {
    emit(token);
    return PostAction::Continue;
  }
  void register_with(Poll&, TokenFactory&) {}
  void reregister_with(Poll& poll, TokenFactory& tokens) {
    poll.modify(fd, interest().read(), tokens.token());
  }
  void unregister_from(Poll& poll) { poll.remove(fd); }
};

TEST(Conformance, PL_14_WhatIsNotRegisteredCannotBeModifiedOrRemoved) {
  VirtualLoop<> v;
  const Pipe pipe;
  for (const auto operation : {&LoopHandle<>::disable, &LoopHandle<>::update}) {
    const RegistrationToken token = v.handle.insert_source(Unregistering{pipe.fd()}, [](Token) {});
    try {
      (v.handle.*operation)(token);
      ADD_FAILURE() << "no error";
    } catch (const std::system_error& error) {
      EXPECT_EQ(error.code(), std::errc::no_such_file_or_directory);
    }
  }
}

}  // namespace
