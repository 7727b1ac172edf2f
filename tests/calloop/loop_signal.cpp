#include <csignal>
#include <optional>
#include <thread>
#include <vector>

#include <poll.h>

#include <gtest/gtest.h>

#include <calloop/event_loop.hpp>
#include <calloop/loop_signal.hpp>
#include <calloop/sources/timer.hpp>

namespace {

using namespace calloop;
using namespace std::chrono_literals;

TEST(LoopSignal, StopBeforeRunIsHonouredOnce) {
  EventLoop<> loop;
  int turns = 0;
  loop.handle().insert_source(Timer::immediate(), [&] {
    if (++turns == 2)
      loop.signal().stop();
    return TimeoutAction::after(0ns);
  });
  loop.signal().stop();
  loop.signal().stop();
  loop.run();
  EXPECT_EQ(turns, 0);
  loop.run();
  EXPECT_EQ(turns, 2);
}

TEST(LoopSignal, WakeupBeforeAWaitEndsIt) {
  EventLoop<> loop;
  loop.signal().wakeup();
  loop.dispatch(std::nullopt);  // would never return
}

TEST(LoopSignal, ManyWakeupsAreOne) {
  EventLoop<> loop;
  for (int i = 0; i < 100; ++i)
    loop.signal().wakeup();
  loop.dispatch(std::nullopt);
  pollfd fd{loop.fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&fd, 1, 0), 0);
  for (int i = 0; i < 5; ++i) {  // and each later one is one again
    loop.signal().wakeup();
    EXPECT_EQ(::poll(&fd, 1, 0), 1);
    loop.dispatch(std::nullopt);
    EXPECT_EQ(::poll(&fd, 1, 0), 0);
  }
}

TEST(LoopSignal, WakesFromAnotherThread) {
  EventLoop<> loop;
  std::jthread thread{[signal = loop.signal()] {
    std::this_thread::sleep_for(5ms);
    signal.wakeup();
  }};
  loop.dispatch(std::nullopt);
}

TEST(LoopSignal, StopsFromAnotherThread) {
  EventLoop<> loop;
  std::jthread thread{[signal = loop.signal()] {
    std::this_thread::sleep_for(5ms);
    signal.stop();
  }};
  loop.run();
}

TEST(LoopSignal, IsHarmlessOnceTheLoopIsGone) {
  std::optional<LoopSignal> signal;
  {
    EventLoop<> loop;
    signal = loop.signal();
  }
  signal->stop();
  signal->wakeup();
  const LoopSignal copy = *signal;
  copy.stop();
}

const LoopSignal* signal_for_handler = nullptr;

TEST(LoopSignal, StopsFromASignalHandler) {
  EventLoop<> loop;
  const LoopSignal signal = loop.signal();
  signal_for_handler = &signal;
  struct sigaction action{};
  struct sigaction before{};
  action.sa_handler = [](int) { signal_for_handler->stop(); };
  ASSERT_EQ(::sigaction(SIGUSR1, &action, &before), 0);
  std::jthread thread{[main = ::pthread_self()] {
    std::this_thread::sleep_for(5ms);
    ::pthread_kill(main, SIGUSR1);
  }};
  loop.run();  // waits in the kernel when the signal comes
  thread.join();
  ::raise(SIGUSR1);
  loop.run();
  ::sigaction(SIGUSR1, &before, nullptr);
  signal_for_handler = nullptr;
}

}  // namespace
