// What every workload is written with.
#pragma once

#include <cstddef>

// IWYU pragma: begin_exports
#include "tests/bench/harness/arguments.hpp"
#include "tests/bench/harness/event_fd.hpp"
#include "tests/bench/harness/result.hpp"
#include "tests/bench/harness/setup.hpp"
#include "tests/bench/harness/stopwatch.hpp"
// IWYU pragma: end_exports

namespace bench {

/// A callback that does next to nothing: &Counter::count.
struct Counter {
  std::size_t calls = 0;
  static void count(Counter& counter) { ++counter.calls; }
};

}  // namespace bench
