// Prints what tests/bench/dispatch is about.
#include <cstdio>
#include <exception>
#include <initializer_list>

#include "tests/bench/measure.hpp"

int main() try {
  std::puts("user instructions per iteration (callgrind, 2000 less 1000 iterations, -O2, shared)");
  std::printf("%12s %10s %10s %14s\n", "ready fds", "raw epoll", "calloop", "more per event");
  for (const int fds : {1, 16, 256}) {
    const double raw = tests::instructions_per_iteration("raw", fds);
    const double ours = tests::instructions_per_iteration("calloop", fds);
    std::printf("%12d %10.1f %10.1f %14.1f\n", fds, raw, ours, (ours - raw) / fds);
  }
  std::printf("system calls per iteration in which nothing happens: %.2f\n",
              tests::system_calls_per_idle_iteration());
  std::printf("heap bytes per fd source: %.1f, per timer: %.1f\n", tests::bytes_per_fd_source(),
              tests::bytes_per_timer());
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
