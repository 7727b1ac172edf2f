// Time by the wall and time of the processors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ctime>

#include "tests/bench/harness/result.hpp"

namespace bench {

/// In nanoseconds: of CLOCK_MONOTONIC, as every deadline here is.
inline std::int64_t nanoseconds(clockid_t clock = CLOCK_MONOTONIC) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

/// Adds up what passes between start() and stop(): CPU time is that of all threads, the kernel's
/// part included.
class Stopwatch {
 public:
  void start() {
    wall_ -= nanoseconds();
    cpu_ -= nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
  }
  void stop() {
    cpu_ += nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
    wall_ += nanoseconds();
  }
  /// Per operation.
  [[nodiscard]] Result result(std::size_t operations) const {
    Result result;
    result.add("cpu_ns", static_cast<double>(cpu_) / static_cast<double>(operations));
    result.add("wall_ns", static_cast<double>(wall_) / static_cast<double>(operations));
    return result;
  }

 private:
  std::int64_t wall_ = 0;
  std::int64_t cpu_ = 0;
};

}  // namespace bench
