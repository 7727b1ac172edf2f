// Where a new window goes. Pure arithmetic on rectangles.
#pragma once

#include <span>

#include "compositor-demo/geometry.hpp"

namespace demo {

// Pixels between windows, and between windows and the edge, where there is room for them.
inline constexpr int placement_gap = 16;
// How far apart the corners of cascaded windows are: title bars stay visible.
inline constexpr int cascade_step = 32;

// The top left corner for a window of `size` on `area`, beside the windows that are there:
//   * the topmost, then leftmost place where it overlaps none of `taken` and is on screen whole;
//   * without such a place a step down and to the right of the window placed before, beginning
//     again at the top left when it would leave the area; `cascaded` counts those so far;
//   * a window larger than the area starts at the area's corner, where its title bar is.
struct Placement {
  Point position;
  bool cascaded = false;
};
Placement place_window(Size size, const Rect& area, std::span<const Rect> taken, int cascaded);

}  // namespace demo
