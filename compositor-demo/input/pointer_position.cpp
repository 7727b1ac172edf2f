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

bool inside(const Rect& area, Place place) noexcept {
  return place.x >= area.x && place.y >= area.y && place.x < area.right() &&
         place.y < area.bottom();
}

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
  go_to(x_, y_);
}

void PointerPosition::move_by(double dx, double dy) noexcept {
  go_to(x_ + dx, y_ + dy);
}

void PointerPosition::move_to(double part_x, double part_y) noexcept {
  const Rect all = everything();
  go_to(all.x + part_x * all.width, all.y + part_y * all.height);
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

// To there if there is a screen, else to the edge of the screen it is on, and if it is on none to
// the nearest.
void PointerPosition::go_to(double x, double y) noexcept {
  if (areas_.empty())
    return;
  const Place now{x_, y_};
  const Place wanted{x, y};
  double shortest = std::numeric_limits<double>::infinity();
  for (const Rect& area : areas_) {
    const Place near = nearest_in(area, wanted);
    double distance = std::hypot(near.x - wanted.x, near.y - wanted.y);
    if (inside(area, wanted))
      distance = -2;
    else if (inside(area, now))
      distance = -1;
    if (distance < shortest) {
      shortest = distance;
      x_ = near.x;
      y_ = near.y;
    }
  }
}

}  // namespace demo
