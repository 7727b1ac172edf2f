// Knows when another thread of this program has gone to sleep, so that a test wakes it and not only
// comes before it.
#pragma once

#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <thread>

#include <calloop/clock.hpp>

namespace tests {

/// Waits until the thread sleeps in one of these system calls: proc_pid_syscall(5). Throws when it
/// does not.
inline void wait_until_asleep(pid_t thread, std::initializer_list<long> calls) {
  const std::string path = "/proc/self/task/" + std::to_string(thread) + "/syscall";
  const calloop::TimePoint end = calloop::Clock::now() + std::chrono::seconds{30};
  while (calloop::Clock::now() < end) {
    long number = -1;  // of a thread that runs it says "running"
    if (std::ifstream{path} >> number && std::ranges::find(calls, number) != calls.end())
      return;
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  throw std::runtime_error{"thread " + std::to_string(thread) + " does not go to sleep"};
}
/// In the wait of its loop.
inline void wait_until_loop_sleeps(pid_t thread) {
  wait_until_asleep(thread, {
#ifdef SYS_epoll_wait
                                SYS_epoll_wait,
#endif
                                SYS_epoll_pwait, SYS_epoll_pwait2});
}
/// In a mutex, a condition variable or a future.
inline void wait_until_blocked(pid_t thread) {
  wait_until_asleep(thread, {SYS_futex});
}

}  // namespace tests
