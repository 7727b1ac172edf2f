// Where outputs are in the space that they share.
#pragma once

#include <span>
#include <vector>

#include "compositor-demo/geometry.hpp"

namespace demo {

// Side by side from left to right in this order, their top edges in a line.
std::vector<Point> side_by_side(std::span<const Size> outputs);

}  // namespace demo
