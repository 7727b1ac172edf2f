// Coordinates as they are sent.
#pragma once

#include <algorithm>

#include <wayland-util.h>

namespace demo {

// 24.8 bits: what does not fit is as far away as can be said.
inline wl_fixed_t fixed(double value) noexcept {
  constexpr double limit = (1 << 23) - 1;
  return wl_fixed_from_double(std::clamp(value, -limit, limit));
}

}  // namespace demo
