#include "compositor-demo/output/arrangement.hpp"

namespace demo {

std::vector<Point> side_by_side(std::span<const Size> outputs) {
  std::vector<Point> positions;
  Point next;
  for (const Size& size : outputs) {
    positions.push_back(next);
    next = next + Point{size.width, 0};
  }
  return positions;
}

}  // namespace demo
