#include "compositor-demo/protocol/xdg_popup.hpp"

#include <algorithm>
#include <exception>
#include <memory>
#include <utility>

#include "compositor-demo/log.hpp"
#include "compositor-demo/protocol/resource.hpp"
#include "compositor-demo/protocol/seat.hpp"
#include "compositor-demo/protocol/xdg_positioner.hpp"
#include "compositor-demo/protocol/xdg_shell.hpp"
#include "compositor-demo/protocol/xdg_toplevel.hpp"
#include "xdg-shell-server-protocol.h"

namespace demo {
namespace {

// Menus of menus: nobody needs more, and we follow them from one to the next.
constexpr int max_depth = 32;

// Places that were configured and never acknowledged; the oldest are forgotten beyond this.
constexpr std::size_t max_sent = 64;

const struct xdg_popup_interface xdg_popup_requests = {
    .destroy = request<&XdgPopup::destroy>,
    .grab = request<&XdgPopup::grab>,
    .reposition = request<&XdgPopup::reposition>,
};

const XdgPopup* popup_of(const XdgSurface* surface) noexcept {
  return surface != nullptr ? dynamic_cast<const XdgPopup*>(surface->object()) : nullptr;
}

// For places where nothing may be thrown. What is lost is a redraw.
void tell_changed(XdgToplevel* toplevel) noexcept {
  if (toplevel == nullptr)
    return;
  try {
    toplevel->tree_changed();
  } catch (const std::exception& error) {
    log::error("a popup went, and its window was not drawn again: %s", error.what());
  } catch (...) {
    log::error("a popup went, and its window was not drawn again");
  }
}

}  // namespace

XdgPopup& XdgPopup::create(XdgSurface& surface, int version, std::uint32_t id, XdgSurface* parent,
                           const PlacementRules& rules) {
  wl_resource* resource = create_resource(wl_resource_get_client(surface.resource()),
                                          &xdg_popup_interface, version, id);
  XdgPopup& popup = give_object(resource, &xdg_popup_requests,
                                std::make_unique<XdgPopup>(surface, resource, parent, rules));
  // The client may not know yet that what it opens a popup on was dismissed.
  if (parent != nullptr && !parent->object()->may_be_shown())
    popup.dismiss();
  return popup;
}

XdgPopup::XdgPopup(XdgSurface& surface, wl_resource* resource, XdgSurface* parent,
                   const PlacementRules& rules)
    : shell_{surface.shell()},
      xdg_surface_{&surface},
      resource_{resource},
      charge_{wl_resource_get_client(resource), Limit::Objects},
      parent_{parent},
      toplevel_{parent != nullptr ? parent->object()->toplevel() : nullptr},
      rules_{rules} {
  if (const XdgPopup* above = popup_of(parent))
    depth_ = above->depth_ + 1;
  if (depth_ > max_depth) {
    log::warning("a client opens popups on popups, more than %d deep: disconnected", max_depth);
    throw LimitExceeded{"popups are nested too deeply"};
  }
  if (parent_ != nullptr)
    parent_->add_popup(*this);
  try {
    if (toplevel_ != nullptr)
      toplevel_->add_popup(*this);
  } catch (...) {
    parent_->remove_popup(*this);
    throw;
  }
}

XdgPopup::~XdgPopup() {
  if (xdg_surface_ != nullptr)
    xdg_surface_->object_destroyed();
  leave();
}

void XdgPopup::leave() noexcept {
  if (parent_ != nullptr)
    parent_->remove_popup(*this);
  if (toplevel_ != nullptr)
    toplevel_->remove_popup(*this);
  parent_ = nullptr;
  toplevel_ = nullptr;
  shell_.remove_grab(*this);
}

void XdgPopup::dismiss() noexcept {
  if (dismissed_)
    return;
  if (xdg_surface_ != nullptr)
    xdg_surface_->dismiss_popups();
  dismissed_ = true;
  if (mapped_)
    tell_changed(toplevel_);
  leave();
  xdg_popup_send_popup_done(resource_);
}

wl_resource* XdgPopup::wm_base_resource() const noexcept {
  return xdg_surface_ != nullptr ? xdg_surface_->wm_base_resource() : resource_;
}

// --- where it is

Point XdgPopup::position() const noexcept {
  const XdgPopup* const above = popup_of(parent_);
  return above != nullptr ? above->position() + geometry_.origin() : geometry_.origin();
}

Surface* XdgPopup::shown_surface() const noexcept {
  return xdg_surface_ != nullptr && xdg_surface_->is_mapped() ? xdg_surface_->surface() : nullptr;
}

Point XdgPopup::surface_position() const noexcept {
  if (xdg_surface_ == nullptr)
    return position();
  return position() - xdg_surface_->window_geometry().origin();
}

// "The compositor may use this information together with set_parent_size to determine what future
// state the popup should be constrained using": until the parent has drawn itself so.
std::optional<Size> XdgPopup::future_parent_size() const noexcept {
  const bool of_window = popup_of(parent_) == nullptr;
  const bool is_drawn = rules_.parent_configure && !toplevel_->awaits(*rules_.parent_configure);
  return of_window && !is_drawn ? rules_.parent_size : std::nullopt;
}

Rect XdgPopup::placed() const noexcept {
  std::optional<Rect> bounds;
  if (toplevel_ != nullptr)
    bounds = toplevel_->popup_bounds(future_parent_size());
  // The rules are relative to the parent.
  const Point parent_position = position() - geometry_.origin();
  if (bounds)
    bounds = bounds->translated(-parent_position);
  return place_popup(rules_, bounds);
}

void XdgPopup::reconstrain() {
  if (dismissed_ || !rules_.reactive || xdg_surface_ == nullptr || !xdg_surface_->initialized())
    return;
  const Rect& latest = sent_.empty() ? geometry_ : sent_.back().geometry;
  if (placed() != latest)
    xdg_surface_->configure();
}

// --- the dialogue about it

void XdgPopup::send_configuration(std::uint32_t serial) {
  const Rect place = placed();
  sent_.push_back({serial, place});
  if (sent_.size() > max_sent)
    sent_.pop_front();
  if (token_ && wl_resource_get_version(resource_) >= XDG_POPUP_REPOSITIONED_SINCE_VERSION)
    xdg_popup_send_repositioned(resource_, *token_);
  token_.reset();
  xdg_popup_send_configure(resource_, place.x, place.y, place.width, place.height);
  // Afterwards a new place takes effect with the commit that acknowledges it.
  if (!mapped_)
    geometry_ = place;
}

void XdgPopup::before_commit(bool initial, bool maps) {
  if (dismissed_)
    return;
  if (initial && parent_ == nullptr)
    throw ProtocolError{wm_base_resource(), XDG_WM_BASE_ERROR_INVALID_POPUP_PARENT,
                        "the popup has no parent"};
  if (maps && !parent_->is_mapped())
    throw ProtocolError{wm_base_resource(), XDG_WM_BASE_ERROR_INVALID_POPUP_PARENT,
                        "the popup's parent is not mapped"};
}

void XdgPopup::committed(std::optional<std::uint32_t> serial) {
  if (!serial)
    return;
  const auto sent = std::find_if(sent_.begin(), sent_.end(), [&](const Sent& candidate) {
    return candidate.serial == *serial;
  });
  if (sent == sent_.end())
    return;
  const bool moved = std::exchange(geometry_, sent->geometry) != sent->geometry;
  sent_.erase(sent_.begin(), sent + 1);
  if (moved && mapped_)
    tree_changed();
}

void XdgPopup::mapped() {
  mapped_ = true;
  if (grabbing())
    shell_.grabs_changed();
}

void XdgPopup::unmapped() noexcept {
  mapped_ = false;
  tell_changed(toplevel_);
  if (grabbing())
    shell_.grabs_changed();
}

void XdgPopup::tree_changed() {
  if (toplevel_ != nullptr)
    toplevel_->tree_changed();
}

bool XdgPopup::may_be_shown() const noexcept {
  return !dismissed_;
}

// --- requests

void XdgPopup::destroy(wl_resource* resource) {
  if (xdg_surface_ != nullptr && !xdg_surface_->popups().empty())
    throw ProtocolError{wm_base_resource(), XDG_WM_BASE_ERROR_NOT_THE_TOPMOST_POPUP,
                        "a popup was destroyed before the popups on it"};
  wl_resource_destroy(resource);  // and with it this
}

// "This request must be used in response to some sort of user action [...] if the compositor denies
// the grab, the popup is dismissed".
void XdgPopup::grab(wl_resource* resource, wl_resource* /*seat*/, std::uint32_t serial) {
  if (mapped_)
    throw ProtocolError{resource, XDG_POPUP_ERROR_INVALID_GRAB, "the popup is already mapped"};
  if (dismissed_ || grabbing_)
    return;
  const XdgPopup* const above = popup_of(parent_);
  if (above != nullptr && !above->grabbing_)
    throw ProtocolError{wm_base_resource(), XDG_WM_BASE_ERROR_INVALID_POPUP_PARENT,
                        "the parent of a grabbing popup has no grab"};
  if (!shell_.seat().serials().sent_to(wl_resource_get_client(resource), serial))
    return dismiss();
  const auto& grabs = shell_.grabs();
  const wl_client* const client = wl_resource_get_client(resource);
  const auto topmost = std::find_if(grabs.rbegin(), grabs.rend(), [&](const XdgPopup* popup) {
    return wl_resource_get_client(popup->resource_) == client;
  });
  if (topmost != grabs.rend() && *topmost != above)
    throw ProtocolError{wm_base_resource(), XDG_WM_BASE_ERROR_NOT_THE_TOPMOST_POPUP,
                        "the popup is not on top of the popup with the grab"};
  shell_.add_grab(*this);
  grabbing_ = true;
}

void XdgPopup::reposition(wl_resource* positioner, std::uint32_t token) {
  const PlacementRules& rules = XdgPositioner::from(positioner).rules();
  if (!rules.complete())
    throw ProtocolError{wm_base_resource(), XDG_WM_BASE_ERROR_INVALID_POSITIONER,
                        "the xdg_positioner lacks its size or its anchor rectangle"};
  if (dismissed_)
    return;
  rules_ = rules;
  token_ = token;
  if (xdg_surface_ != nullptr && xdg_surface_->initialized())
    xdg_surface_->configure();
}

}  // namespace demo
