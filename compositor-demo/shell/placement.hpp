// Where a new window goes. Pure arithmetic on rectangles.
#pragma once

#include <cstddef>
#include <span>

#include "compositor-demo/geometry.hpp"

namespace demo {

// Pixels between windows, and between windows and the edge, where there is room for them.
inline constexpr int placement_gap = 16;
// How far apart the corners of cascaded windows are: title bars stay visible.
inline constexpr int cascade_step = 32;
// Beside more windows than this nobody looks for a place: the search takes time in proportion to
// the third power of their number, and one client can open thousands.
inline constexpr std::size_t placement_most_windows = 64;

// The top left corner for a window of `size` on `area`, beside the windows that are there:
//   * the topmost, then leftmost place where it overlaps none of `taken` and is on screen whole;
//   * without such a place, or among more than placement_most_windows, a step down and to the right
//   of the window placed before, beginning
//     again at the top left when it would leave the area; `cascaded` counts those so far;
//   * a window larger than the area starts at the area's corner, where its title bar is.
struct Placement {
  Point position;
  bool cascaded = false;
};
Placement place_window(Size size, const Rect& area, std::span<const Rect> taken, int cascaded);

}  // namespace demo
