// Deadlines in the units of other loops, rounded up: nobody's timers may be early.
#pragma once

#include <cstdint>

namespace bench {

constexpr std::int64_t rounded_up(std::int64_t nanoseconds, std::int64_t unit) {
  return (nanoseconds + unit - 1) / unit;
}
constexpr std::int64_t microseconds(std::int64_t nanoseconds) {
  return rounded_up(nanoseconds, 1000);
}
constexpr std::int64_t milliseconds(std::int64_t nanoseconds) {
  return rounded_up(nanoseconds, 1'000'000);
}

}  // namespace bench
