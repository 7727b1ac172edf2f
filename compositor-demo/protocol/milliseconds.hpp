// The time that the protocol's events carry.
#pragma once

#include <chrono>
#include <cstdint>

#include <calloop/clock.hpp>

namespace demo {

// What the protocol counts events and frames in. It wraps around after 49 days, as it may.
inline std::uint32_t milliseconds(calloop::TimePoint time) noexcept {
  return static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count());
}

}  // namespace demo
