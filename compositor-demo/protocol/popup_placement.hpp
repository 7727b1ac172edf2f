// How an xdg_positioner's rules turn into a place on the screen; no protocol objects in here.
#pragma once

#include <cstdint>
#include <optional>

#include "compositor-demo/geometry.hpp"

namespace demo {

// Which side of a rectangle an xdg_positioner talks about: -1 is left or top, 0 the middle, 1 right
// or bottom. An anchor says where on the anchor rectangle, a gravity which way the popup grows from
// there.
struct Side {
  int x = 0;
  int y = 0;
  bool operator==(const Side&) const noexcept = default;
};

// The rules an xdg_positioner collects. They are copied when a popup is made or repositioned, so
// the positioner may change or go afterwards. All coordinates are surface-local and relative to the
// top left of the parent's window geometry.
struct PlacementRules {
  std::optional<Size> size;         // of the popup's window geometry, positive in both directions
  std::optional<Rect> anchor_rect;  // never negative in size; without extent it is a point
  Side anchor;
  Side gravity;
  std::uint32_t adjustment = 0;  // bits of xdg_positioner.constraint_adjustment
  Point offset;
  bool reactive = false;
  // How large the parent will be, with the configure of that serial: which screen is it on then?
  std::optional<Size> parent_size;
  std::optional<std::uint32_t> parent_configure;

  // Whether a popup can be placed by these rules: it has a size and something to be anchored to. A
  // rectangle that was set without extent counts, as clients anchor popups to a point.
  [[nodiscard]] bool complete() const noexcept { return size && anchor_rect; }
};

// Where a popup goes by complete rules, and how large it may be: flipped, slid and resized, in this
// order and per axis, so that it stays inside `bounds` (in the coordinates of the rules). Without
// bounds nothing is constrained. Any values a client can send are fine: the result is the exact one
// limited to +-2^30, so that nobody overflows who adds it to a position.
[[nodiscard]] Rect place_popup(const PlacementRules& rules,
                               const std::optional<Rect>& bounds) noexcept;

}  // namespace demo
