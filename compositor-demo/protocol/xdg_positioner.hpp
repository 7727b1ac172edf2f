// xdg_positioner: a client's notepad for where a popup should go.
#pragma once

#include <cstdint>

#include <wayland-server-core.h>

#include "compositor-demo/protocol/client_limits.hpp"
#include "compositor-demo/protocol/popup_placement.hpp"

namespace demo {

class XdgPositioner {
 public:
  // Answers xdg_wm_base.create_positioner. The new resource owns the positioner.
  static void create(wl_client* client, int version, std::uint32_t id);
  // The positioner of a request's argument; never null, as a positioner is never inert.
  static XdgPositioner& from(wl_resource* resource) noexcept;

  explicit XdgPositioner(wl_client* client) : charge_{client, Limit::Objects} {}

  const PlacementRules& rules() const noexcept { return rules_; }

  // Requests. Values that cannot mean anything are answered with invalid_input.
  void set_size(wl_resource* resource, std::int32_t width, std::int32_t height);
  void set_anchor_rect(wl_resource* resource, std::int32_t x, std::int32_t y, std::int32_t width,
                       std::int32_t height);
  void set_anchor(wl_resource* resource, std::uint32_t anchor);
  void set_gravity(wl_resource* resource, std::uint32_t gravity);
  void set_constraint_adjustment(std::uint32_t adjustment);
  void set_offset(std::int32_t x, std::int32_t y);
  void set_reactive();
  void set_parent_size(std::int32_t width, std::int32_t height);
  void set_parent_configure(std::uint32_t serial);

 private:
  Charge charge_;
  PlacementRules rules_;
};

}  // namespace demo
