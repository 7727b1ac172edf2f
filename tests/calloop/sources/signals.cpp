// Unix signals as events. Everything is done to this thread and undone by the end of each test.
#include <csignal>
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

TEST_F(SignalsTest, MaskForChildrenIsThatOfBefore) {
  const Signals signals{SIGUSR1};
  const sigset_t mask = signal_mask_for_children();
  EXPECT_EQ(::sigismember(&mask, SIGUSR1), 0);
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
