// Unix signals as events. Everything is done to this thread and undone by the end of each test.
#include <atomic>
#include <csignal>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/event_loop.hpp>
#include <calloop/scoped_registration.hpp>
#include <calloop/sources/signals.hpp>
#include <calloop/sources/timer.hpp>

#include "tests/calloop/descriptor_count.hpp"

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

void send_to_this_thread(int signal) {
  ASSERT_EQ(::pthread_kill(::pthread_self(), signal), 0);
}

bool is_blocked(int signal) {
  sigset_t mask;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  return ::sigismember(&mask, signal) == 1;
}

class SignalsTest : public testing::Test {
 protected:
  void TearDown() override {
    for (const int signal : {SIGUSR1, SIGUSR2, SIGHUP})
      EXPECT_FALSE(is_blocked(signal)) << "the mask was not given back: " << signal;
  }
  void dispatch() {
    for (int i = 0; i < 3; ++i)
      loop_.dispatch(0ns);
  }
  EventLoop<> loop_;
  std::vector<int> seen_;
  const std::function<void(SignalInfo)> record_ = [this](SignalInfo info) {
    seen_.push_back(info.signal());
  };
};

TEST_F(SignalsTest, ArriveAsEvents) {
  pid_t sender = 0;
  const RegistrationToken token =
      loop_.handle().insert_source(Signals{SIGUSR1, SIGUSR2}, [&](SignalInfo info) {
        seen_.push_back(info.signal());
        sender = info.pid();
        EXPECT_EQ(info.uid(), ::getuid());
      });
  EXPECT_TRUE(is_blocked(SIGUSR1));
  dispatch();
  EXPECT_THAT(seen_, IsEmpty());
  ::kill(::getpid(), SIGUSR1);
  dispatch();
  EXPECT_THAT(seen_, ElementsAre(SIGUSR1));
  EXPECT_EQ(sender, ::getpid());
  send_to_this_thread(SIGUSR2);
  dispatch();
  EXPECT_THAT(seen_, ElementsAre(SIGUSR1, SIGUSR2));
  loop_.handle().remove(token);
}

TEST_F(SignalsTest, RealTimeOnesArriveOneByOneWithTheirValues) {
  std::vector<int> values;
  loop_.handle().insert_source(Signals{SIGRTMIN}, [&](SignalInfo info) {
    EXPECT_EQ(info.code(), SI_QUEUE);
    values.push_back(info.value());
  });
  for (int i = 1; i <= 3; ++i) {
    sigval value{};
    value.sival_int = i;
    ASSERT_EQ(::sigqueue(::getpid(), SIGRTMIN, value), 0);
  }
  dispatch();
  EXPECT_THAT(values, ElementsAre(1, 2, 3));
}

TEST_F(SignalsTest, CanBeAddedAndRemovedWhileRegistered) {
  const auto source = loop_.handle().make_dispatcher(Signals{SIGUSR1}, record_);
  const RegistrationToken token = loop_.handle().register_dispatcher(source);
  source->add_signal(SIGUSR2);
  send_to_this_thread(SIGUSR2);
  dispatch();
  EXPECT_THAT(seen_, ElementsAre(SIGUSR2));

  source->remove_signal(SIGUSR2);
  EXPECT_TRUE(is_blocked(SIGUSR2));  // as long as the source lives
  send_to_this_thread(SIGUSR2);
  dispatch();
  EXPECT_THAT(seen_, ElementsAre(SIGUSR2));
  const int wanted[] = {SIGUSR2};
  source->set_signals(wanted);
  dispatch();
  EXPECT_THAT(seen_, ElementsAre(SIGUSR2, SIGUSR2));

  send_to_this_thread(SIGUSR1);  // no longer taken, still blocked
  dispatch();
  EXPECT_EQ(seen_.size(), 2u);
  loop_.handle().remove(token);
}

TEST_F(SignalsTest, ThoseThatStillPendAtTheEndAreDropped) {
  // The default action of each is to kill the process: it survives.
  {
    const Signals signals{SIGUSR1, SIGHUP, SIGRTMIN};
    for (int i = 0; i < 3; ++i) {
      send_to_this_thread(SIGUSR1);
      ::kill(::getpid(), SIGHUP);
      ::kill(::getpid(), SIGRTMIN);
    }
  }
  EXPECT_FALSE(is_blocked(SIGUSR1));
  EXPECT_FALSE(is_blocked(SIGRTMIN));
}

TEST_F(SignalsTest, TheMaskOfBeforeIsGivenBack) {
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, SIGUSR1);
  ::pthread_sigmask(SIG_BLOCK, &one, nullptr);
  {
    const Signals signals{SIGUSR1, SIGUSR2};
    EXPECT_TRUE(is_blocked(SIGUSR2));
  }
  EXPECT_TRUE(is_blocked(SIGUSR1));  // it was blocked before us
  EXPECT_FALSE(is_blocked(SIGUSR2));
  ::pthread_sigmask(SIG_UNBLOCK, &one, nullptr);
}

TEST_F(SignalsTest, WhatTwoSourcesTakeIsBlockedUntilBothAreGone) {
  auto first = std::make_unique<Signals>(Signals{SIGUSR1, SIGUSR2});
  auto second = std::make_unique<Signals>(Signals{SIGUSR1});
  first.reset();
  EXPECT_TRUE(is_blocked(SIGUSR1));
  EXPECT_FALSE(is_blocked(SIGUSR2));
  second.reset();
  EXPECT_FALSE(is_blocked(SIGUSR1));
}

TEST_F(SignalsTest, MovingOneMovesItsMask) {
  Signals first{SIGUSR1};
  Signals second{std::move(first)};
  EXPECT_TRUE(is_blocked(SIGUSR1));
  second = Signals{SIGUSR2};
  EXPECT_FALSE(is_blocked(SIGUSR1));
  EXPECT_TRUE(is_blocked(SIGUSR2));
}

TEST_F(SignalsTest, WhatCannotBeTakenIsRefusedAndChangesNothing) {
  EXPECT_THROW(Signals({SIGUSR1, SIGKILL}), std::invalid_argument);
  EXPECT_THROW(Signals({SIGSTOP}), std::invalid_argument);
  EXPECT_THROW(Signals({0}), std::invalid_argument);
  EXPECT_THROW(Signals({65}), std::invalid_argument);
  EXPECT_FALSE(is_blocked(SIGUSR1));
  Signals signals{SIGUSR1};
  EXPECT_THROW(signals.add_signal(SIGKILL), std::invalid_argument);
  EXPECT_THROW(signals.remove_signal(-1), std::invalid_argument);
}

TEST_F(SignalsTest, MasksBelongToThreads) {
  const Signals here{SIGUSR1};
  std::jthread{[] {
    EXPECT_TRUE(is_blocked(SIGUSR1));  // inherited
    {
      const Signals there{SIGUSR1, SIGUSR2};
      EXPECT_TRUE(is_blocked(SIGUSR2));
    }
    EXPECT_TRUE(is_blocked(SIGUSR1));
    EXPECT_FALSE(is_blocked(SIGUSR2));
  }}.join();
  EXPECT_TRUE(is_blocked(SIGUSR1));
  EXPECT_FALSE(is_blocked(SIGUSR2));
}

TEST_F(SignalsTest, DroppedOnAnotherThreadTheMasksStayAsTheyAre) {
  // In a thread whose mask ends with it: nobody is left to give it back.
  std::jthread{[] {
    auto signals = std::make_unique<Signals>(Signals{SIGUSR1});
    std::jthread{[&] {
      signals.reset();
      EXPECT_TRUE(is_blocked(SIGUSR1));
    }}.join();
    EXPECT_TRUE(is_blocked(SIGUSR1));
  }}.join();
}

// ------------------------------------------------------------------------- what children get

bool is_blocked_for_children(int signal) {
  const sigset_t mask = signal_mask_for_children();
  return ::sigismember(&mask, signal) == 1;
}

void set_blocked(int signal, bool is_blocked) {
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, signal);
  ::pthread_sigmask(is_blocked ? SIG_BLOCK : SIG_UNBLOCK, &one, nullptr);
}

TEST_F(SignalsTest, MaskForChildrenIsThatOfBefore) {
  const Signals signals{SIGUSR1};
  EXPECT_FALSE(is_blocked_for_children(SIGUSR1));
}

TEST_F(SignalsTest, ChildrenOfAThreadDoNotGetWhatTheThreadHasInherited) {
  auto signals = std::make_unique<Signals>(Signals{SIGUSR1, SIGRTMAX});
  std::jthread thread{[&] {
    EXPECT_TRUE(is_blocked(SIGUSR1));
    EXPECT_FALSE(is_blocked_for_children(SIGUSR1));
    EXPECT_FALSE(is_blocked_for_children(SIGRTMAX));
    {
      const Signals own{SIGUSR1, SIGUSR2};
      EXPECT_FALSE(is_blocked_for_children(SIGUSR1));
      EXPECT_FALSE(is_blocked_for_children(SIGUSR2));
    }
    EXPECT_TRUE(is_blocked(SIGUSR1));
    EXPECT_FALSE(is_blocked_for_children(SIGUSR1));
    std::jthread{[] { EXPECT_FALSE(is_blocked_for_children(SIGUSR1)); }}.join();
  }};
  thread.join();
}

TEST_F(SignalsTest, NorWhenTheSignalsHaveGoneMeanwhile) {
  auto signals = std::make_unique<Signals>(Signals{SIGUSR1});
  std::atomic<bool> gone{false};
  std::jthread thread{[&] {
    gone.wait(false);
    EXPECT_TRUE(is_blocked(SIGUSR1));
    EXPECT_FALSE(is_blocked_for_children(SIGUSR1));
  }};
  signals.reset();
  gone = true;
  gone.notify_one();
}

TEST_F(SignalsTest, ChildrenKeepWhatTheUserHasBlocked) {
  set_blocked(SIGHUP, true);
  set_blocked(SIGUSR1, true);
  {
    const Signals signals{SIGUSR1, SIGUSR2};
    EXPECT_TRUE(is_blocked_for_children(SIGUSR1));
    EXPECT_TRUE(is_blocked_for_children(SIGHUP));
    EXPECT_FALSE(is_blocked_for_children(SIGUSR2));
  }
  EXPECT_TRUE(is_blocked_for_children(SIGUSR1));
  set_blocked(SIGUSR1, false);
  set_blocked(SIGHUP, false);

  // Also what he blocks after Signals have had it.
  {
    const Signals signals{SIGUSR1};
  }
  set_blocked(SIGUSR1, true);
  EXPECT_TRUE(is_blocked_for_children(SIGUSR1));
  {
    const Signals signals{SIGUSR1};
    EXPECT_TRUE(is_blocked_for_children(SIGUSR1));
  }
  set_blocked(SIGUSR1, false);
}

// ------------------------------------------------------------------------------ foreign threads

TEST_F(SignalsTest, AreChangedByTheirOwnThreadOnly) {
  Signals signals{SIGUSR1};
  std::jthread{[&] {
    EXPECT_THROW(signals.add_signal(SIGUSR2), std::logic_error);
    EXPECT_THROW(signals.remove_signal(SIGUSR1), std::logic_error);
    const int others[] = {SIGUSR2};
    EXPECT_THROW(signals.set_signals(others), std::logic_error);
    EXPECT_FALSE(is_blocked(SIGUSR2));
  }}.join();
  {
    const Signals gone = std::move(signals);
    EXPECT_FALSE(is_blocked(SIGUSR2));
  }
  // Nobody has miscounted.
  const Signals again{SIGUSR2};
  EXPECT_TRUE(is_blocked(SIGUSR2));
  EXPECT_FALSE(is_blocked(SIGUSR1));
}

TEST_F(SignalsTest, AreNotChangedOnceTheyWereMovedFrom) {
  Signals signals{SIGUSR1};
  const Signals moved{std::move(signals)};
  const auto before = tests::descriptor_count();
  EXPECT_THROW(signals.add_signal(SIGUSR2), std::logic_error);
  EXPECT_THROW(signals.remove_signal(SIGUSR1), std::logic_error);
  EXPECT_THROW(signals.set_signals({}), std::logic_error);
  EXPECT_EQ(tests::descriptor_count(), before);
  EXPECT_FALSE(is_blocked(SIGUSR2));
  signals = Signals{SIGHUP};  // it can be used again
  signals.add_signal(SIGUSR2);
  EXPECT_TRUE(is_blocked(SIGUSR2));
}

TEST_F(SignalsTest, AThreadThatComesAfterTheirOwnIsAnotherOne) {
  // It has the same stack, most often, and the same addresses of all that is its own.
  std::unique_ptr<Signals> signals;
  std::jthread{[&] { signals = std::make_unique<Signals>(Signals{SIGUSR1}); }}.join();
  std::jthread{[&] {
    EXPECT_THROW(signals->add_signal(SIGUSR2), std::logic_error);
    signals.reset();
    const Signals own{SIGUSR1};
    EXPECT_TRUE(is_blocked(SIGUSR1));
  }}.join();
}

// ------------------------------------------------------------------------------------ in a loop

TEST_F(SignalsTest, AFloodDoesNotStarveTheOtherSources) {
  int signals = 0;
  const ScopedRegistration registration{
      loop_.handle(), loop_.handle().insert_source(Signals{SIGUSR1}, [&](SignalInfo) {
        ++signals;
        send_to_this_thread(SIGUSR1);
      })};
  std::vector<int> served;
  loop_.handle().insert_source(Timer::immediate(), [&] {
    served.push_back(signals);
    return TimeoutAction::after(0ns);
  });
  send_to_this_thread(SIGUSR1);
  for (int i = 0; i < 3; ++i)
    loop_.dispatch(0ns);
  EXPECT_THAT(served, ElementsAre(1024, 2048, 3072));
}

TEST_F(SignalsTest, TellAllThatTheKernelKnowsOfAChildsEnd) {
  std::vector<SignalInfo> infos;
  const ScopedRegistration registration{
      loop_.handle(), loop_.handle().insert_source(
                          Signals{SIGCHLD}, [&](SignalInfo info) { infos.push_back(info); })};
  const pid_t child = ::fork();
  if (child == 0)
    ::_exit(7);
  while (infos.empty())
    loop_.dispatch(1s);
  const SignalInfo& info = infos.front();
  EXPECT_EQ(info.signal(), SIGCHLD);
  EXPECT_EQ(info.pid(), child);
  EXPECT_EQ(info.uid(), ::getuid());
  EXPECT_EQ(info.code(), CLD_EXITED);
  EXPECT_EQ(info.status(), 7);
  EXPECT_EQ(info.raw().ssi_signo, static_cast<std::uint32_t>(SIGCHLD));
  EXPECT_EQ(info.raw().ssi_pid, static_cast<std::uint32_t>(child));
  EXPECT_EQ(info.raw().ssi_status, 7);
  EXPECT_EQ(::waitpid(child, nullptr, 0), child);
}

TEST_F(SignalsTest, AnExceptionLeavesTheRestInTheKernel) {
  const auto throw_once = [&](SignalInfo info) {
    seen_.push_back(info.signal());
    if (seen_.size() == 1)
      throw std::runtime_error{"first"};
  };
  const ScopedRegistration registration{
      loop_.handle(), loop_.handle().insert_source(Signals{SIGUSR1, SIGUSR2}, throw_once)};
  send_to_this_thread(SIGUSR1);
  send_to_this_thread(SIGUSR2);
  EXPECT_THROW(loop_.dispatch(0ns), std::runtime_error);
  EXPECT_EQ(seen_.size(), 1u);
  dispatch();
  EXPECT_EQ(seen_.size(), 2u);
}

TEST_F(SignalsTest, OwnsOneDescriptor) {
  const auto before = tests::descriptor_count();
  {
    Signals signals{SIGUSR1};
    signals.add_signal(SIGUSR2);
    EXPECT_EQ(tests::descriptor_count(), before + 1);
  }
  EXPECT_EQ(tests::descriptor_count(), before);
}

}  // namespace
