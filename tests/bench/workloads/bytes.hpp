// W7: heap bytes per source, malloc's own included, and what the loop makes the application embed.
// What the kernel keeps is the same for all that use epoll.
#pragma once

#include <malloc.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tests/bench/harness/harness.hpp"

namespace bench {

inline std::size_t heap_bytes() {
  const struct mallinfo2 info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

inline Result bytes_per_source(std::size_t before, std::size_t sources) {
  Result result;
  result.add("bytes", static_cast<double>(heap_bytes() - before) / static_cast<double>(sources));
  return result;
}

template <class P>
Result fd_bytes(Arguments& arguments) {
  const std::size_t n = arguments.size("n", 768);
  arguments.expect_no_more();
  const auto fds = event_fds(n, 0);
  P peer{Setup{}};
  Counter counter;
  const std::size_t before = heap_bytes();
  for (const auto& fd : fds)
    peer.template add_fd<&Counter::count>(fd.get(), counter);
  // Some loops tell the kernel, and make room for it, in the next turn.
  peer.turn_at_once();
  return bytes_per_source(before, n);
}

template <class P>
Result timer_bytes(Arguments& arguments) {
  const std::size_t n = arguments.size("n", 12288);
  arguments.expect_no_more();
  P peer{Setup{}};
  Counter counter;
  const std::size_t before = heap_bytes();
  const std::int64_t deadline = nanoseconds() + 3'600'000'000'000;
  for (std::size_t i = 0; i < n; ++i)
    peer.template add_timer<&Counter::count>(deadline, counter);
  peer.turn_at_once();
  return bytes_per_source(before, n);
}

}  // namespace bench
