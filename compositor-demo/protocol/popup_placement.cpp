#include "compositor-demo/protocol/popup_placement.hpp"

#include <algorithm>

#include "xdg-shell-server-protocol.h"

namespace demo {
namespace {

constexpr std::int64_t kLimit = std::int64_t{1} << 30;

struct Adjustments {
  bool flip;
  bool slide;
  bool resize;
};

/// A stretch of one axis. Everything a client sends fits 32 bits, so sums of a few never overflow.
struct Span {
  std::int64_t start;
  std::int64_t length;
  [[nodiscard]] std::int64_t end() const noexcept { return start + length; }
};

/// The rules of one axis; both axes follow the same ones.
struct PlacementAxis {
  Span anchor_rect;
  int anchor;
  int gravity;
  std::int64_t length;
  std::int64_t offset;

  [[nodiscard]] Span placed(int anchor_side, int gravity_side) const noexcept {
    std::int64_t start = anchor_rect.start + offset;
    if (anchor_side == 0)
      start += anchor_rect.length / 2;
    if (anchor_side > 0)
      start += anchor_rect.length;
    if (gravity_side == 0)
      start -= length / 2;
    if (gravity_side < 0)
      start -= length;
    return {start, length};
  }
};

bool constrained(const Span& span, const Span& bounds) noexcept {
  return span.start < bounds.start || span.end() > bounds.end();
}

/// Towards higher coordinates until the near edge is free or the far edge is at the bounds.
std::int64_t slid_forward(const Span& span, const Span& bounds) noexcept {
  if (span.start >= bounds.start)
    return span.start;
  return std::max(span.start, std::min(bounds.start, bounds.end() - span.length));
}

/// Towards lower coordinates until the far edge is free or the near edge is at the bounds.
std::int64_t slid_backward(const Span& span, const Span& bounds) noexcept {
  if (span.end() <= bounds.end())
    return span.start;
  return std::min(span.start, std::max(bounds.start, bounds.end() - span.length));
}

Span solve(const PlacementAxis& axis, const Adjustments& allowed, const Span& bounds) noexcept {
  Span span = axis.placed(axis.anchor, axis.gravity);
  if (allowed.flip && constrained(span, bounds)) {
    // The offset stays as the client gave it; a flip that does not help is undone.
    const Span flipped = axis.placed(-axis.anchor, -axis.gravity);
    if (!constrained(flipped, bounds))
      span = flipped;
  }
  if (allowed.slide && constrained(span, bounds)) {
    // First the way of the gravity, then the other: what does not fit is cut off where it grows to.
    if (axis.gravity < 0) {
      span.start = slid_backward(span, bounds);
      span.start = slid_forward(span, bounds);
    } else {
      span.start = slid_forward(span, bounds);
      span.start = slid_backward(span, bounds);
    }
  }
  if (allowed.resize && constrained(span, bounds)) {
    const std::int64_t start = std::max(span.start, bounds.start);
    const std::int64_t end = std::min(span.end(), bounds.end());
    // Wholly outside there is no size that would be unconstrained: the popup stays where it is.
    if (end > start)
      span = {start, end - start};
  }
  return span;
}

int limited(std::int64_t value) noexcept {
  return static_cast<int>(std::clamp(value, -kLimit, kLimit));
}

}  // namespace

Rect place_popup(const PlacementRules& rules, const std::optional<Rect>& bounds) noexcept {
  const Size size = rules.size.value_or(Size{1, 1});
  const Rect anchor = rules.anchor_rect.value_or(Rect{});
  const auto allows = [&rules](std::uint32_t bit) { return (rules.adjustment & bit) != 0; };

  const PlacementAxis horizontal{.anchor_rect = {anchor.x, anchor.width},
                                 .anchor = rules.anchor.x,
                                 .gravity = rules.gravity.x,
                                 .length = size.width,
                                 .offset = rules.offset.x};
  const PlacementAxis vertical{.anchor_rect = {anchor.y, anchor.height},
                               .anchor = rules.anchor.y,
                               .gravity = rules.gravity.y,
                               .length = size.height,
                               .offset = rules.offset.y};
  Span x = horizontal.placed(horizontal.anchor, horizontal.gravity);
  Span y = vertical.placed(vertical.anchor, vertical.gravity);
  if (bounds) {
    x = solve(horizontal,
              {.flip = allows(XDG_POSITIONER_CONSTRAINT_ADJUSTMENT_FLIP_X),
               .slide = allows(XDG_POSITIONER_CONSTRAINT_ADJUSTMENT_SLIDE_X),
               .resize = allows(XDG_POSITIONER_CONSTRAINT_ADJUSTMENT_RESIZE_X)},
              {bounds->x, bounds->width});
    y = solve(vertical,
              {.flip = allows(XDG_POSITIONER_CONSTRAINT_ADJUSTMENT_FLIP_Y),
               .slide = allows(XDG_POSITIONER_CONSTRAINT_ADJUSTMENT_SLIDE_Y),
               .resize = allows(XDG_POSITIONER_CONSTRAINT_ADJUSTMENT_RESIZE_Y)},
              {bounds->y, bounds->height});
  }
  return {limited(x.start), limited(y.start), limited(x.length), limited(y.length)};
}

}  // namespace demo
