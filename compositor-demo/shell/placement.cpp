#include "compositor-demo/shell/placement.hpp"

#include <algorithm>
#include <optional>
#include <vector>

namespace demo {
namespace {

// The coordinates worth trying: at the edge of the area, and right behind each window.
std::vector<int> candidates(int edge, std::span<const Rect> taken, int (Rect::*behind)() const) {
  std::vector<int> found{saturated(std::int64_t{edge} + placement_gap)};
  for (const Rect& window : taken)
    found.push_back(saturated(std::int64_t{(window.*behind)()} + placement_gap));
  std::ranges::sort(found);
  const auto repeated = std::ranges::unique(found);
  found.erase(repeated.begin(), repeated.end());
  return found;
}

std::optional<Point> free_place(Size size, const Rect& area, std::span<const Rect> taken) {
  if (taken.size() > placement_most_windows)
    return {};
  const std::vector<int> columns = candidates(area.x, taken, &Rect::right);
  for (const int y : candidates(area.y, taken, &Rect::bottom)) {
    for (const int x : columns) {
      const Rect place = Rect::at({x, y}, size);
      if (!area.contains(place))
        break;  // further right is no better
      if (std::ranges::none_of(taken, [&](const Rect& t) { return t.intersects(place); }))
        return place.origin();
    }
  }
  return {};
}

// How many steps of a cascade fit into what a window leaves free along one side.
int steps(int room) {
  return 1 + std::max(0, room - placement_gap) / cascade_step;
}

}  // namespace

Placement place_window(Size size, const Rect& area, std::span<const Rect> taken, int cascaded) {
  if (const auto place = free_place(size, area, taken))
    return {*place, false};

  const int room_x = saturated(std::int64_t{area.width} - size.width);
  const int room_y = saturated(std::int64_t{area.height} - size.height);
  const auto along = [&](int room) {
    if (room <= 0)
      return 0;
    const int offset = placement_gap + cascaded % steps(room) * cascade_step;
    return std::min(offset, room);
  };
  return {area.origin() + Point{along(room_x), along(room_y)}, true};
}

}  // namespace demo
