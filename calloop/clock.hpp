// The loop's notion of time.
//
//     const calloop::TimePoint deadline = calloop::Clock::now() + 16'666'667ns;
//
// Deadlines are absolute and in nanoseconds on CLOCK_MONOTONIC (clock_gettime(2)), which does not
// count the time that the machine was suspended.
#pragma once

#include <chrono>
#include <optional>

namespace calloop {

using Clock = std::chrono::steady_clock;
using Duration = std::chrono::nanoseconds;
using TimePoint = std::chrono::time_point<Clock, Duration>;

/// How long a call may wait. No value: as long as it takes.
using Timeout = std::optional<Duration>;

/// `from + delay`, or the end of time where the sum does not fit.
[[nodiscard]] constexpr TimePoint saturating_add(TimePoint from, Duration delay) noexcept {
  if (delay > Duration::zero() && from > TimePoint::max() - delay)
    return TimePoint::max();
  if (delay < Duration::zero() && from < TimePoint::min() - delay)
    return TimePoint::min();
  return from + delay;
}

}  // namespace calloop
