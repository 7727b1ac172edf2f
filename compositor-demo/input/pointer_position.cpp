#include "compositor-demo/input/pointer_position.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace demo {
namespace {

struct Place {
  double x;
  double y;
};

// The last place inside, as fine as the wire can say (wl_fixed has 8 bits behind the point).
constexpr double finest = 1.0 / 256;

Place nearest_in(const Rect& area, Place place) noexcept {
  return {std::clamp(place.x, double(area.x), area.right() - finest),
          std::clamp(place.y, double(area.y), area.bottom() - finest)};
}

}  // namespace

Point PointerPosition::pixel() const noexcept {
  return {static_cast<int>(std::floor(x_)), static_cast<int>(std::floor(y_))};
}

void PointerPosition::set_areas(std::span<const Rect> areas) {
  const bool first = areas_.empty() && !areas.empty();
  areas_.assign(areas.begin(), areas.end());
  if (first) {  // in the middle of the first output
    x_ = areas_[0].x + areas_[0].width / 2.0;
    y_ = areas_[0].y + areas_[0].height / 2.0;
  }
  keep_inside();
}

void PointerPosition::move_by(double dx, double dy) noexcept {
  x_ += dx;
  y_ += dy;
  keep_inside();
}

void PointerPosition::move_to(double part_x, double part_y) noexcept {
  const Rect all = everything();
  x_ = all.x + part_x * all.width;
  y_ = all.y + part_y * all.height;
  keep_inside();
}

Rect PointerPosition::everything() const noexcept {
  if (areas_.empty())
    return {};
  Rect all = areas_[0];
  for (const Rect& area : areas_)
    all = Rect::between(std::min(all.x, area.x), std::min(all.y, area.y),
                        std::max(all.right(), area.right()), std::max(all.bottom(), area.bottom()));
  return all;
}

void PointerPosition::keep_inside() noexcept {
  if (areas_.empty())
    return;
  const Place wanted{x_, y_};
  double shortest = std::numeric_limits<double>::infinity();
  for (const Rect& area : areas_) {
    const Place near = nearest_in(area, wanted);
    const double distance = std::hypot(near.x - wanted.x, near.y - wanted.y);
    if (distance < shortest) {
      shortest = distance;
      x_ = near.x;
      y_ = near.y;
    }
  }
}

}  // namespace demo
