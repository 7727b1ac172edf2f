#include "compositor-demo/protocol/xdg_surface.hpp"

#include <algorithm>
#include <memory>
#include <string>

#include "compositor-demo/log.hpp"
#include "compositor-demo/protocol/resource.hpp"
#include "compositor-demo/protocol/xdg_popup.hpp"
#include "compositor-demo/protocol/xdg_positioner.hpp"
#include "compositor-demo/protocol/xdg_shell.hpp"
#include "compositor-demo/protocol/xdg_toplevel.hpp"
#include "compositor-demo/protocol/xdg_wm_base.hpp"
#include "xdg-shell-server-protocol.h"

namespace demo {
namespace {

// A client that lets more configures than this go by cannot acknowledge the oldest any more.
constexpr std::size_t max_unacknowledged_configures = 1024;

constexpr std::string_view toplevel_role = "xdg_toplevel";
constexpr std::string_view popup_role = "xdg_popup";

const struct xdg_surface_interface xdg_surface_requests = {
    .destroy = request<&XdgSurface::destroy>,
    .get_toplevel = request<&XdgSurface::get_toplevel>,
    .get_popup = request<&XdgSurface::get_popup>,
    .set_window_geometry = request<&XdgSurface::set_window_geometry>,
    .ack_configure = request<&XdgSurface::ack_configure>,
};

}  // namespace

void XdgSurface::create(XdgWmBase& wm_base, Surface& surface, std::uint32_t id) {
  const std::string& role = surface.role_name();
  // A surface that was a window once may become one again: the role is the same.
  if (surface.role() != nullptr || (!role.empty() && role != toplevel_role && role != popup_role))
    throw ProtocolError{wm_base.resource(), XDG_WM_BASE_ERROR_ROLE,
                        role.empty() ? std::string{"the wl_surface already has an xdg_surface"}
                                     : "the wl_surface already is " + role};
  if (surface.has_buffer())
    throw ProtocolError{wm_base.resource(), XDG_WM_BASE_ERROR_INVALID_SURFACE_STATE,
                        "the wl_surface already has a buffer"};
  wl_resource* resource = create_resource(surface.client(), &xdg_surface_interface,
                                          wl_resource_get_version(wm_base.resource()), id);
  give_object(resource, &xdg_surface_requests,
              std::make_unique<XdgSurface>(wm_base, resource, surface));
}

XdgSurface* XdgSurface::from(wl_resource* resource) noexcept {
  return object_of<XdgSurface>(resource);
}

XdgSurface::XdgSurface(XdgWmBase& wm_base, wl_resource* resource, Surface& surface)
    : shell_{wm_base.shell()},
      wm_base_{&wm_base},
      resource_{resource},
      surface_{&surface},
      charge_{surface.client(), Limit::Objects} {
  wm_base.surface_created(*this);
  try {
    // The role is decided later; until then we only watch what is committed.
    if (!surface.set_role("", *this))
      throw ProtocolError{wm_base.resource(), XDG_WM_BASE_ERROR_ROLE,
                          "the wl_surface already has another role"};
  } catch (...) {
    wm_base.surface_destroyed(*this);
    throw;
  }
}

XdgSurface::~XdgSurface() {
  unmap();
  if (object_ != nullptr)
    object_->xdg_surface_destroyed();
  dismiss_popups();  // those that were made but could not be shown yet
  if (surface_ != nullptr)
    surface_->clear_role(*this);
  if (wm_base_ != nullptr)
    wm_base_->surface_destroyed(*this);
}

wl_resource* XdgSurface::wm_base_resource() const noexcept {
  return wm_base_ != nullptr ? wm_base_->resource() : resource_;
}

Rect XdgSurface::window_geometry() const noexcept {
  if (surface_ == nullptr)
    return {};
  const Rect bounds = surface_->tree_extents();
  const Rect visible = geometry_ ? geometry_->intersected(bounds) : bounds;
  return visible.empty() ? bounds : visible;
}

void XdgSurface::configure() {
  if (surface_ == nullptr || object_ == nullptr)
    return;
  const std::uint32_t serial = shell_.next_serial();
  unacknowledged_.push_back(serial);
  if (unacknowledged_.size() > max_unacknowledged_configures)
    unacknowledged_.pop_front();
  object_->send_configuration(serial);
  xdg_surface_send_configure(resource_, serial);
}

void XdgSurface::unmap() noexcept {
  dismiss_popups();
  initialized_ = false;
  if (!mapped_)
    return;
  mapped_ = false;
  if (object_ != nullptr)
    object_->unmapped();
}

void XdgSurface::dismiss_popups() noexcept {
  // The topmost first; each takes itself off the list.
  while (!popups_.empty())
    popups_.back()->dismiss();
}

void XdgSurface::remove_popup(const XdgPopup& popup) noexcept {
  std::erase(popups_, &popup);
}

void XdgSurface::object_destroyed() noexcept {
  unmap();
  object_ = nullptr;
  acknowledged_.reset();
  if (surface_ != nullptr)
    surface_->drop_content();
}

// --- what the surface reports

std::string_view XdgSurface::role_name() const noexcept {
  return object_ != nullptr ? object_->role_name() : "xdg_surface";
}

// "any attempts by a client to attach or manipulate a buffer prior to the first
// xdg_surface.configure call must also be treated as errors". That is asked of those who have not
// said yet what the surface is to be. Who has may bring the buffer with the first commit: most
// compositors let him, so there are clients who do.
void XdgSurface::before_attach() {
  if (object_ == nullptr)
    throw ProtocolError{resource_, XDG_SURFACE_ERROR_UNCONFIGURED_BUFFER,
                        "a buffer was attached before the first configure"};
}

void XdgSurface::before_commit(Surface::State& pending) {
  const bool brings_content = pending.attached && pending.buffer != nullptr;
  if (object_ != nullptr)
    object_->before_commit(!initialized_, brings_content && !mapped_);
}

void XdgSurface::committed() {
  bool moved = false;
  if (pending_geometry_ && pending_geometry_ != geometry_) {
    geometry_ = pending_geometry_;
    moved = true;
  }
  if (object_ == nullptr || surface_ == nullptr)
    return;
  const auto serial = std::exchange(acknowledged_, std::nullopt);
  if (!std::exchange(initialized_, true)) {
    object_->committed(serial);
    configure();
    if (!surface_->has_content())
      return;
  }
  if (mapped_ && !surface_->has_content()) {
    unmap();
    return;
  }
  object_->committed(serial);
  if (!mapped_ && surface_->has_content()) {
    mapped_ = true;
    object_->mapped();
  } else if (moved) {
    tree_changed();
  }
}

void XdgSurface::tree_changed() {
  if (mapped_ && object_ != nullptr)
    object_->tree_changed();
}

bool XdgSurface::is_mapped() const noexcept {
  return mapped_ && object_ != nullptr && object_->may_be_shown();
}

void XdgSurface::surface_destroyed() noexcept {
  unmap();
  surface_ = nullptr;
}

// --- requests

void XdgSurface::destroy(wl_resource* resource) {
  if (object_ != nullptr)
    throw ProtocolError{resource, XDG_SURFACE_ERROR_DEFUNCT_ROLE_OBJECT,
                        "xdg_surface destroyed before its " + std::string{object_->role_name()}};
  wl_resource_destroy(resource);  // and with it this
}

void XdgSurface::check_constructible(std::string_view role) {
  if (object_ != nullptr)
    throw ProtocolError{resource_, XDG_SURFACE_ERROR_ALREADY_CONSTRUCTED,
                        "the xdg_surface already has an " + std::string{object_->role_name()}};
  if (surface_ != nullptr && !surface_->set_role(role, *this))
    throw ProtocolError{wm_base_resource(), XDG_WM_BASE_ERROR_ROLE,
                        "the wl_surface already is " + surface_->role_name()};
  constructed_ = true;
}

void XdgSurface::check_constructed() const {
  if (!constructed_)
    throw ProtocolError{resource_, XDG_SURFACE_ERROR_NOT_CONSTRUCTED,
                        "the xdg_surface has no role yet"};
}

void XdgSurface::get_toplevel(std::uint32_t id) {
  check_constructible(toplevel_role);
  object_ = &XdgToplevel::create(*this, wl_resource_get_version(resource_), id);
}

void XdgSurface::get_popup(std::uint32_t id, wl_resource* parent, wl_resource* positioner) {
  const PlacementRules& rules = XdgPositioner::from(positioner).rules();
  if (!rules.complete())
    throw ProtocolError{wm_base_resource(), XDG_WM_BASE_ERROR_INVALID_POSITIONER,
                        "the xdg_positioner lacks its size or its anchor rectangle"};
  XdgSurface* const above = from(parent);
  if (above != nullptr && above->object_ == nullptr)
    throw ProtocolError{wm_base_resource(), XDG_WM_BASE_ERROR_INVALID_POPUP_PARENT,
                        "the parent of a popup must be a window or another popup"};
  check_constructible(popup_role);
  object_ = &XdgPopup::create(*this, wl_resource_get_version(resource_), id, above, rules);
}

void XdgSurface::set_window_geometry(std::int32_t x, std::int32_t y, std::int32_t width,
                                     std::int32_t height) {
  check_constructed();
  if (width <= 0 || height <= 0)
    throw ProtocolError{resource_, XDG_SURFACE_ERROR_INVALID_SIZE,
                        "the window geometry must not be empty"};
  pending_geometry_ = Rect{x, y, width, height};
}

void XdgSurface::ack_configure(std::uint32_t serial) {
  check_constructed();
  const auto sent = std::find(unacknowledged_.begin(), unacknowledged_.end(), serial);
  if (sent == unacknowledged_.end())
    throw ProtocolError{
        resource_, XDG_SURFACE_ERROR_INVALID_SERIAL,
        "no configure with serial " + std::to_string(serial) + " waits to be acknowledged"};
  unacknowledged_.erase(unacknowledged_.begin(), sent + 1);
  acknowledged_ = serial;
}

}  // namespace demo
