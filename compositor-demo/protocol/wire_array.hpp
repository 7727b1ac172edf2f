// wl_array without owning: what an event's array argument is made of.
#pragma once

#include <span>

#include <wayland-util.h>

namespace demo {

// Borrows the elements, which libwayland copies while it sends.
template <class T>
wl_array wire_array(std::span<T> elements) noexcept {
  return {.size = elements.size_bytes(), .alloc = 0, .data = elements.data()};
}

}  // namespace demo
