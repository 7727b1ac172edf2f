// Remembers the damage of the last frames, for outputs with more than one buffer.
#pragma once

#include <array>
#include <cstddef>

#include "compositor-demo/geometry.hpp"

namespace demo {

// A buffer of age n holds what was on the screen n frames ago (EGL_EXT_buffer_age counts in the
// same way): 1 is the last frame, 0 means that its content is unknown.
class DamageRing {
 public:
  // Frames that are remembered. Outputs have two or three buffers.
  static constexpr std::size_t depth = 4;

  // The newest frame's damage. An empty one is a frame too.
  void push(Region damage) noexcept;

  // What must be painted on a buffer of this age so that it shows the newest frame. `whole` if the
  // age is unknown or longer ago than the ring or the pushes since clear() reach back.
  Region since(int age, const Rect& whole) const;

  // Of no use are the frames of another size.
  void clear() noexcept { count_ = 0; }

 private:
  std::array<Region, depth> frames_;
  std::size_t newest_ = 0;
  std::size_t count_ = 0;
};

}  // namespace demo
