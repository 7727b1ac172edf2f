#include "compositor-demo/protocol/xdg_positioner.hpp"

#include <array>
#include <memory>

#include "compositor-demo/protocol/resource.hpp"
#include "xdg-shell-server-protocol.h"

namespace demo {
namespace {

const struct xdg_positioner_interface xdg_positioner_requests = {
    .destroy = destroy_resource,
    .set_size = request<&XdgPositioner::set_size>,
    .set_anchor_rect = request<&XdgPositioner::set_anchor_rect>,
    .set_anchor = request<&XdgPositioner::set_anchor>,
    .set_gravity = request<&XdgPositioner::set_gravity>,
    .set_constraint_adjustment = request<&XdgPositioner::set_constraint_adjustment>,
    .set_offset = request<&XdgPositioner::set_offset>,
    .set_reactive = request<&XdgPositioner::set_reactive>,
    .set_parent_size = request<&XdgPositioner::set_parent_size>,
    .set_parent_configure = request<&XdgPositioner::set_parent_configure>,
};

// xdg_positioner.anchor and .gravity number the sides alike.
static_assert(XDG_POSITIONER_ANCHOR_BOTTOM_RIGHT ==
              static_cast<int>(XDG_POSITIONER_GRAVITY_BOTTOM_RIGHT));
constexpr std::array<Side, 9> sides = {{
    {0, 0},    // none
    {0, -1},   // top
    {0, 1},    // bottom
    {-1, 0},   // left
    {1, 0},    // right
    {-1, -1},  // top_left
    {-1, 1},   // bottom_left
    {1, -1},   // top_right
    {1, 1},    // bottom_right
}};

}  // namespace

void XdgPositioner::create(wl_client* client, int version, std::uint32_t id) {
  auto positioner = std::make_unique<XdgPositioner>(client);
  wl_resource* resource = create_resource(client, &xdg_positioner_interface, version, id);
  give_object(resource, &xdg_positioner_requests, std::move(positioner));
}

XdgPositioner& XdgPositioner::from(wl_resource* resource) noexcept {
  return *object_of<XdgPositioner>(resource);
}

void XdgPositioner::set_size(wl_resource* resource, std::int32_t width, std::int32_t height) {
  if (width <= 0 || height <= 0)
    throw ProtocolError{resource, XDG_POSITIONER_ERROR_INVALID_INPUT, "size must be positive"};
  rules_.size = Size{width, height};
}

void XdgPositioner::set_anchor_rect(wl_resource* resource, std::int32_t x, std::int32_t y,
                                    std::int32_t width, std::int32_t height) {
  if (width < 0 || height < 0)
    throw ProtocolError{resource, XDG_POSITIONER_ERROR_INVALID_INPUT,
                        "the anchor rectangle's size must not be negative"};
  rules_.anchor_rect = Rect{x, y, width, height};
}

void XdgPositioner::set_anchor(wl_resource* resource, std::uint32_t anchor) {
  if (anchor >= sides.size())
    throw ProtocolError{resource, XDG_POSITIONER_ERROR_INVALID_INPUT, "no such anchor"};
  rules_.anchor = sides[anchor];
}

void XdgPositioner::set_gravity(wl_resource* resource, std::uint32_t gravity) {
  if (gravity >= sides.size())
    throw ProtocolError{resource, XDG_POSITIONER_ERROR_INVALID_INPUT, "no such gravity"};
  rules_.gravity = sides[gravity];
}

void XdgPositioner::set_constraint_adjustment(std::uint32_t adjustment) {
  rules_.adjustment = adjustment;
}

void XdgPositioner::set_offset(std::int32_t x, std::int32_t y) {
  rules_.offset = {x, y};
}

void XdgPositioner::set_reactive() {
  rules_.reactive = true;
}

void XdgPositioner::set_parent_size(std::int32_t width, std::int32_t height) {
  rules_.parent_size = Size{width, height};
}

void XdgPositioner::set_parent_configure(std::uint32_t serial) {
  rules_.parent_configure = serial;
}

}  // namespace demo
