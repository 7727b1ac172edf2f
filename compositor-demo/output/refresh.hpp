// The grid of moments at which a screen refreshes.
#pragma once

#include <cstdint>

#include <calloop/clock.hpp>

namespace demo {

// Moment n is origin + n periods, rounded down to nanoseconds and never summed up, so that it does
// not drift: a rate of 60 Hz has its 3600th frame a minute after the first.
class Refresh {
 public:
  explicit constexpr Refresh(int mhz) noexcept : mhz_{mhz} {}

  constexpr int mhz() const noexcept { return static_cast<int>(mhz_); }
  // From one moment to the next, rounded down.
  constexpr calloop::Duration period() const noexcept { return after(1); }
  constexpr calloop::TimePoint origin() const noexcept { return origin_; }

  // The grid begins anew at this moment, which is number 0.
  constexpr void start(calloop::TimePoint origin) noexcept { origin_ = origin; }
  constexpr calloop::TimePoint moment(std::int64_t n) const noexcept { return origin_ + after(n); }

 private:
  // Nanoseconds of n periods. Whole kiloseconds apart: n * 10^12 would overflow after hours.
  constexpr calloop::Duration after(std::int64_t n) const noexcept {
    constexpr std::int64_t kilosecond = 1'000'000'000'000;  // in ns; `mhz` periods long
    return calloop::Duration{n / mhz_ * kilosecond + n % mhz_ * kilosecond / mhz_};
  }

  std::int64_t mhz_;
  calloop::TimePoint origin_{};
};

}  // namespace demo
