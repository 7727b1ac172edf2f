// Points, sizes, rectangles, the eight ways to turn a picture, and regions.
//
// Every module of the demo speaks in these types. Coordinates are pixels, x to the right and y
// downwards; which pixels (surface-local, buffer, output) is said where a value is stored.
// Clients choose many of the numbers, so nothing here overflows: sums saturate.
#pragma once

#include <pixman.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <new>
#include <span>
#include <utility>
#include <vector>

namespace demo {

// The nearest int to a value computed in 64 bits.
constexpr int saturated(std::int64_t value) noexcept {
  using Limits = std::numeric_limits<int>;
  return static_cast<int>(std::clamp<std::int64_t>(value, Limits::min(), Limits::max()));
}

struct Point {
  int x = 0;
  int y = 0;

  constexpr Point operator+(Point other) const noexcept {
    return {saturated(std::int64_t{x} + other.x), saturated(std::int64_t{y} + other.y)};
  }
  constexpr Point operator-(Point other) const noexcept {
    return {saturated(std::int64_t{x} - other.x), saturated(std::int64_t{y} - other.y)};
  }
  constexpr Point operator-() const noexcept { return Point{} - *this; }
  constexpr bool operator==(const Point&) const noexcept = default;
};

struct Size {
  int width = 0;
  int height = 0;

  // Nothing to see: no pixel is inside.
  constexpr bool empty() const noexcept { return width <= 0 || height <= 0; }
  constexpr bool operator==(const Size&) const noexcept = default;
};

struct Rect {
  int x = 0;
  int y = 0;
  int width = 0;
  int height = 0;

  constexpr Point origin() const noexcept { return {x, y}; }
  constexpr Size size() const noexcept { return {width, height}; }
  // The first column and row behind the rectangle.
  constexpr int right() const noexcept { return saturated(std::int64_t{x} + width); }
  constexpr int bottom() const noexcept { return saturated(std::int64_t{y} + height); }
  constexpr bool empty() const noexcept { return size().empty(); }

  constexpr bool contains(Point p) const noexcept {
    return p.x >= x && p.y >= y && p.x < right() && p.y < bottom();
  }
  // An empty rectangle is inside every other.
  constexpr bool contains(const Rect& r) const noexcept {
    return r.empty() || (r.x >= x && r.y >= y && r.right() <= right() && r.bottom() <= bottom());
  }
  constexpr bool intersects(const Rect& r) const noexcept { return !intersected(r).empty(); }
  constexpr Rect translated(Point by) const noexcept {
    const Point p = origin() + by;
    return {p.x, p.y, width, height};
  }
  // What both cover; Rect{} if that is nothing.
  constexpr Rect intersected(const Rect& r) const noexcept {
    return between(std::max(x, r.x), std::max(y, r.y), std::min(right(), r.right()),
                   std::min(bottom(), r.bottom()));
  }
  // The smallest rectangle around both; empty ones count for nothing.
  constexpr Rect united(const Rect& r) const noexcept {
    if (empty())
      return r;
    if (r.empty())
      return *this;
    return between(std::min(x, r.x), std::min(y, r.y), std::max(right(), r.right()),
                   std::max(bottom(), r.bottom()));
  }
  constexpr bool operator==(const Rect&) const noexcept = default;

  // The rectangle from (left, top) up to, without, (right, bottom); Rect{} if there is none.
  static constexpr Rect between(int left, int top, int right, int bottom) noexcept {
    if (left >= right || top >= bottom)
      return {};
    return {left, top, saturated(std::int64_t{right} - left),
            saturated(std::int64_t{bottom} - top)};
  }
  static constexpr Rect at(Point p, Size s) noexcept { return {p.x, p.y, s.width, s.height}; }
};

// wl_output.transform, same values: a mirroring left to right if flipped, then a rotation
// counter-clockwise.
enum class Transform : std::uint8_t {
  Normal = 0,
  Rotated90 = 1,
  Rotated180 = 2,
  Rotated270 = 3,
  Flipped = 4,
  Flipped90 = 5,
  Flipped180 = 6,
  Flipped270 = 7,
};

// Whether width and height change places.
constexpr bool swaps_axes(Transform t) noexcept {
  return (static_cast<unsigned>(t) & 1U) != 0;
}

constexpr Transform inverse(Transform t) noexcept {
  if (t == Transform::Rotated90)
    return Transform::Rotated270;
  if (t == Transform::Rotated270)
    return Transform::Rotated90;
  return t;  // every other one undoes itself
}

constexpr Size transformed(Size s, Transform t) noexcept {
  return swaps_axes(t) ? Size{s.height, s.width} : s;
}

// Where a rectangle of an area goes when the whole area is turned by t.
// wl_surface.set_buffer_transform(t) means: buffer = surface turned by t. So surface to buffer is
// transformed(rect, t, surface_size) times the buffer scale, and back is
// transformed(rect, inverse(t), buffer_size) divided by it.
constexpr Rect transformed(const Rect& r, Transform t, Size area) noexcept {
  const auto from_right = [&] { return saturated(std::int64_t{area.width} - r.right()); };
  const auto from_bottom = [&] { return saturated(std::int64_t{area.height} - r.bottom()); };
  switch (t) {
    case Transform::Normal:
      break;
    case Transform::Rotated90:
      return {r.y, from_right(), r.height, r.width};
    case Transform::Rotated180:
      return {from_right(), from_bottom(), r.width, r.height};
    case Transform::Rotated270:
      return {from_bottom(), r.x, r.height, r.width};
    case Transform::Flipped:
      return {from_right(), r.y, r.width, r.height};
    case Transform::Flipped90:
      return {r.y, r.x, r.height, r.width};
    case Transform::Flipped180:
      return {r.x, from_bottom(), r.width, r.height};
    case Transform::Flipped270:
      return {from_bottom(), from_right(), r.height, r.width};
  }
  return r;
}

// A set of pixels, kept as sorted disjoint rectangles. A value: copies are independent.
// Coordinates live in [-limit, limit]; what a client puts beyond is cut off there, so that no
// operation can overflow. Operations that need memory throw std::bad_alloc without it.
class Region {
 public:
  static constexpr int limit = 1 << 28;

  Region() noexcept { pixman_region32_init(&region_); }
  // Implicit: wherever a region is asked for, a rectangle will do. An empty one is no pixel.
  Region(const Rect& r) noexcept {  // NOLINT(google-explicit-constructor)
    const Rect cut = r.intersected(everything());
    pixman_region32_init_rect(&region_, cut.x, cut.y, static_cast<unsigned>(cut.width),
                              static_cast<unsigned>(cut.height));
  }
  Region(const Region& other) : Region{} { check(pixman_region32_copy(&region_, other.c())); }
  Region(Region&& other) noexcept : Region{} { swap(other); }
  Region& operator=(const Region& other) {
    if (this != &other)
      check(pixman_region32_copy(&region_, other.c()));
    return *this;
  }
  Region& operator=(Region&& other) noexcept {
    Region taken{std::move(other)};
    swap(taken);
    return *this;
  }
  ~Region() { pixman_region32_fini(&region_); }

  // The whole plane that a region can describe: what an infinite region is stored as.
  static constexpr Rect everything() noexcept { return {-limit, -limit, 2 * limit, 2 * limit}; }

  bool empty() const noexcept { return !pixman_region32_not_empty(c()); }
  bool contains(Point p) const noexcept {
    return pixman_region32_contains_point(c(), p.x, p.y, nullptr) != 0;
  }
  // Whether every pixel of the rectangle is in it.
  bool contains(const Rect& r) const noexcept {
    if (r.empty())
      return true;
    pixman_box32_t box{r.x, r.y, r.right(), r.bottom()};
    return pixman_region32_contains_rectangle(c(), &box) == PIXMAN_REGION_IN;
  }
  bool intersects(const Rect& r) const noexcept {
    if (r.empty())
      return false;
    pixman_box32_t box{r.x, r.y, r.right(), r.bottom()};
    return pixman_region32_contains_rectangle(c(), &box) != PIXMAN_REGION_OUT;
  }
  // The smallest rectangle around it.
  Rect extents() const noexcept {
    const pixman_box32_t* box = pixman_region32_extents(c());
    return Rect::between(box->x1, box->y1, box->x2, box->y2);
  }
  // Its disjoint rectangles, top to bottom and left to right, as corners (x1, y1) to (x2, y2).
  // Valid until the region changes.
  std::span<const pixman_box32_t> rects() const& noexcept {
    int count = 0;
    const pixman_box32_t* boxes = pixman_region32_rectangles(c(), &count);
    return {boxes, static_cast<std::size_t>(count)};
  }
  std::span<const pixman_box32_t> rects() const&& = delete;

  Region& unite(const Region& other) {
    check(pixman_region32_union(&region_, &region_, other.c()));
    return *this;
  }
  // Unites and, beyond `most_pieces` rectangles, takes the one around all: for what may be more
  // than asked for, as damage may.
  Region& unite_roughly(const Region& other, std::size_t most_pieces) {
    unite(other);
    if (rects().size() > most_pieces)
      *this = extents();
    return *this;
  }
  Region& subtract(const Region& other) {
    check(pixman_region32_subtract(&region_, &region_, other.c()));
    return *this;
  }
  Region& intersect(const Region& other) {
    check(pixman_region32_intersect(&region_, &region_, other.c()));
    return *this;
  }
  Region& translate(Point by) {
    const auto step = [](int v) { return std::clamp(v, -2 * limit, 2 * limit); };
    pixman_region32_translate(&region_, step(by.x), step(by.y));
    if (!everything().contains(extents()))
      intersect(everything());
    return *this;
  }
  void clear() noexcept { pixman_region32_clear(&region_); }

  // The same, as a new region.
  Region united(const Region& other) const { return Region{*this}.unite(other); }
  Region subtracted(const Region& other) const { return Region{*this}.subtract(other); }
  Region intersected(const Region& other) const { return Region{*this}.intersect(other); }
  Region translated(Point by) const { return Region{*this}.translate(by); }
  // Its largest rectangles, if it has more than `most_pieces`: for what may be less than it is.
  Region largest_pieces(std::size_t most_pieces) const {
    const auto all = rects();
    if (all.size() <= most_pieces)
      return *this;
    std::vector<pixman_box32_t> sorted{all.begin(), all.end()};
    const auto area = [](const pixman_box32_t& box) {
      return std::int64_t{box.x2 - box.x1} * (box.y2 - box.y1);
    };
    std::ranges::nth_element(sorted, sorted.begin() + static_cast<std::ptrdiff_t>(most_pieces),
                             std::ranges::greater{}, area);
    Region result;
    pixman_region32_fini(&result.region_);
    check(
        pixman_region32_init_rects(&result.region_, sorted.data(), static_cast<int>(most_pieces)));
    return result;
  }

  bool operator==(const Region& other) const noexcept {
    return pixman_region32_equal(c(), other.c()) != 0;
  }
  void swap(Region& other) noexcept { std::swap(region_, other.region_); }

  // For pixman's own readers (a clip, for example), which take a region that is not const and
  // leave it alone. Borrowed.
  pixman_region32_t* c() const noexcept { return const_cast<pixman_region32_t*>(&region_); }

 private:
  static void check(pixman_bool_t worked) {
    if (!worked)
      throw std::bad_alloc{};
  }

  pixman_region32_t region_;
};

// The region of an area after the whole area is turned by t; see transformed(Rect).
inline Region transformed(const Region& region, Transform t, Size area) {
  if (t == Transform::Normal)
    return region;
  Region result;
  for (const pixman_box32_t& box : region.rects())
    result.unite(transformed(Rect::between(box.x1, box.y1, box.x2, box.y2), t, area));
  return result;
}

}  // namespace demo
