#include "compositor-demo/protocol/xdg_toplevel.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <ranges>
#include <span>

#include "compositor-demo/log.hpp"
#include "compositor-demo/protocol/output_global.hpp"
#include "compositor-demo/protocol/resource.hpp"
#include "compositor-demo/protocol/seat.hpp"
#include "compositor-demo/protocol/wire_array.hpp"
#include "compositor-demo/protocol/xdg_popup.hpp"
#include "compositor-demo/protocol/xdg_shell.hpp"
#include "xdg-shell-server-protocol.h"

namespace demo {
namespace {

constexpr std::size_t max_text = 1024;
// Configurations that were sent and never acknowledged; the oldest are forgotten beyond this.
constexpr std::size_t max_unacknowledged_states = 64;

const struct xdg_toplevel_interface xdg_toplevel_requests = {
    .destroy = destroy_resource,
    .set_parent = request<&XdgToplevel::set_parent>,
    .set_title = request<&XdgToplevel::set_title>,
    .set_app_id = request<&XdgToplevel::set_app_id>,
    .show_window_menu = request<&XdgToplevel::show_window_menu>,
    .move = request<&XdgToplevel::move>,
    .resize = request<&XdgToplevel::resize>,
    .set_max_size = request<&XdgToplevel::set_max_size>,
    .set_min_size = request<&XdgToplevel::set_min_size>,
    .set_maximized = request<&XdgToplevel::set_maximized>,
    .unset_maximized = request<&XdgToplevel::unset_maximized>,
    .set_fullscreen = request<&XdgToplevel::set_fullscreen>,
    .unset_fullscreen = request<&XdgToplevel::unset_fullscreen>,
    .set_minimized = request<&XdgToplevel::set_minimized>,
};

// The first `limit` bytes without half a UTF-8 character at the end.
std::string_view cut(std::string_view text, std::size_t limit) noexcept {
  if (text.size() <= limit)
    return text;
  while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xC0U) == 0x80U)
    --limit;
  return text.substr(0, limit);
}

bool exceeds(int smaller, int larger) noexcept {
  return larger != 0 && smaller > larger;
}

}  // namespace

XdgToplevel& XdgToplevel::create(XdgSurface& surface, int version, std::uint32_t id) {
  wl_resource* resource = create_resource(wl_resource_get_client(surface.resource()),
                                          &xdg_toplevel_interface, version, id);
  return give_object(resource, &xdg_toplevel_requests,
                     std::make_unique<XdgToplevel>(surface, resource));
}

XdgToplevel* XdgToplevel::from(wl_resource* resource) noexcept {
  return object_of<XdgToplevel>(resource);
}

XdgToplevel::XdgToplevel(XdgSurface& surface, wl_resource* resource)
    : shell_{surface.shell()},
      xdg_surface_{&surface},
      resource_{resource},
      charge_{wl_resource_get_client(resource), Limit::Objects} {}

XdgToplevel::~XdgToplevel() {
  if (xdg_surface_ != nullptr)
    xdg_surface_->object_destroyed();
  leave_family();
  for (XdgPopup* popup : popups_)
    popup->toplevel_destroyed();
}

// --- the dialogue about size and states

void XdgToplevel::configure(Size size) {
  wanted_.size = {std::max(size.width, 0), std::max(size.height, 0)};
  configure_if_changed();
}

void XdgToplevel::configure_resizing(Size size, bool resizing) {
  wanted_.resizing = resizing;
  configure(size);
}

// "the compositor will respond by emitting a configure event", whatever it decides.
void XdgToplevel::set_state(WindowState state, Size size) {
  wanted_.state = state;
  wanted_.size = size;
  if (initialized())
    xdg_surface_->configure();
}

void XdgToplevel::set_activated(bool activated) {
  wanted_.activated = activated;
  configure_if_changed();
}

void XdgToplevel::configure_if_changed() {
  if (initialized() && wanted_ != sent_)
    xdg_surface_->configure();
}

void XdgToplevel::send_configuration(std::uint32_t serial) {
  const int version = wl_resource_get_version(resource_);
  if (version >= XDG_TOPLEVEL_WM_CAPABILITIES_SINCE_VERSION && !capabilities_sent_) {
    std::array<std::uint32_t, 2> capabilities{XDG_TOPLEVEL_WM_CAPABILITIES_MAXIMIZE,
                                              XDG_TOPLEVEL_WM_CAPABILITIES_FULLSCREEN};
    wl_array array = wire_array(std::span<std::uint32_t>{capabilities});
    xdg_toplevel_send_wm_capabilities(resource_, &array);
    capabilities_sent_ = true;
  }
  const Size bounds = shell_.window_bounds();
  if (version >= XDG_TOPLEVEL_CONFIGURE_BOUNDS_SINCE_VERSION && bounds != bounds_sent_) {
    xdg_toplevel_send_configure_bounds(resource_, bounds.width, bounds.height);
    bounds_sent_ = bounds;
  }
  std::array<std::uint32_t, 3> states{};
  std::size_t count = 0;
  if (wanted_.state == WindowState::Maximized)
    states[count++] = XDG_TOPLEVEL_STATE_MAXIMIZED;
  if (wanted_.state == WindowState::Fullscreen)
    states[count++] = XDG_TOPLEVEL_STATE_FULLSCREEN;
  if (wanted_.resizing)
    states[count++] = XDG_TOPLEVEL_STATE_RESIZING;
  if (wanted_.activated)
    states[count++] = XDG_TOPLEVEL_STATE_ACTIVATED;
  wl_array array = wire_array(std::span{states}.first(count));
  xdg_toplevel_send_configure(resource_, wanted_.size.width, wanted_.size.height, &array);
  sent_ = wanted_;
  unacknowledged_.emplace_back(serial, sent_);
  if (unacknowledged_.size() > max_unacknowledged_states)
    unacknowledged_.pop_front();
}

void XdgToplevel::close() {
  xdg_toplevel_send_close(resource_);
}

// --- what is committed

void XdgToplevel::before_commit(bool /*initial*/, bool /*maps*/) {
  const auto& [min, max] = pending_limits_;
  if (exceeds(min.width, max.width) || exceeds(min.height, max.height))
    throw ProtocolError{resource_, XDG_TOPLEVEL_ERROR_INVALID_SIZE,
                        "the minimum size is larger than the maximum size"};
}

void XdgToplevel::committed(std::optional<std::uint32_t> serial) {
  limits_ = pending_limits_;
  if (!serial)
    return;
  const auto sent =
      std::ranges::find(unacknowledged_, *serial, &std::pair<std::uint32_t, Configuration>::first);
  if (sent == unacknowledged_.end())
    return;
  const WindowState before = std::exchange(current_, sent->second).state;
  unacknowledged_.erase(unacknowledged_.begin(), sent + 1);
  if (id_ && current_.state != before)
    shell_.windows().state_changed(*id_);
}

void XdgToplevel::mapped() {
  unsaid_origin_ = geometry().origin();
  id_ = shell_.windows().add(*this);
  shell_.windows().mapped(*id_);
}

void XdgToplevel::unmapped() noexcept {
  if (id_)
    shell_.windows().remove(*std::exchange(id_, std::nullopt));
  leave_family();
  title_.clear();
  app_id_.clear();
  if (origin_)
    former_origin_ = std::exchange(origin_, std::nullopt);
  pending_limits_ = {};
  limits_ = {};
  wanted_ = {};
  sent_ = {};
  current_ = {};
  unacknowledged_.clear();
  maximized_ = false;
}

void XdgToplevel::tree_changed() {
  if (!id_)
    return;
  const Point origin = geometry().origin();
  const Point by = origin - std::exchange(unsaid_origin_, origin);
  if (by != Point{} && !xdg_surface_->has_window_geometry())
    shell_.windows().grew(*id_, by);
  shell_.windows().committed(*id_);
}

// --- what there is to see

Rect XdgToplevel::geometry() const noexcept {
  return xdg_surface_ ? xdg_surface_->window_geometry() : Rect{};
}

bool XdgToplevel::awaits(std::uint32_t serial) const noexcept {
  return std::ranges::find(unacknowledged_, serial,
                           &std::pair<std::uint32_t, Configuration>::first) !=
         unacknowledged_.end();
}

std::optional<Rect> XdgToplevel::popup_bounds(std::optional<Size> size) const noexcept {
  if (!origin_)
    return std::nullopt;
  const std::optional<Rect> output =
      shell_.output_of(Rect::at(*origin_, size.value_or(geometry().size())));
  if (!output)
    return std::nullopt;
  return output->translated(-*origin_);
}

void XdgToplevel::remove_popup(const XdgPopup& popup) noexcept {
  std::erase(popups_, &popup);
}

// Calls f(surface, position of its top left relative to that of the window geometry), the lowest
// first. Nothing may be mapped or dismissed meanwhile.
template <class F>
void XdgToplevel::for_each_part(F&& f) const {
  if (xdg_surface_ == nullptr || !xdg_surface_->is_mapped())
    return;
  f(*xdg_surface_->surface(), -geometry().origin());
  for (const XdgPopup* popup : popups_)
    if (Surface* surface = popup->shown_surface())
      f(*surface, popup->surface_position());
}

Surface& XdgToplevel::keyboard_surface() noexcept {
  for (XdgPopup* const popup : shell_.grabs() | std::views::reverse)
    if (popup->toplevel() == this && popup->shown_surface() != nullptr)
      return *popup->shown_surface();
  return surface();
}

bool XdgToplevel::shows(const Surface& root) const noexcept {
  if (xdg_surface_ != nullptr && xdg_surface_->surface() == &root)
    return true;
  return std::ranges::any_of(popups_,
                             [&root](const XdgPopup* popup) { return popup->is_made_of(root); });
}

void XdgToplevel::moved_to(Point origin) {
  if (origin_ == origin)
    return;
  origin_ = origin;
  for (XdgPopup* popup : popups_)
    popup->reconstrain();
}

void XdgToplevel::append_pictures(Point origin, std::vector<Picture>& pictures) {
  for_each_part([&](Surface& surface, Point position) {
    surface.append_pictures(origin + position, pictures);
  });
}

void XdgToplevel::frame_shown(const FrameTime& frame) noexcept {
  for_each_part([&](Surface& surface, Point) { surface.frame_shown(frame); });
}

void XdgToplevel::frame_unseen(const FrameTime& frame) noexcept {
  for_each_part([&](Surface& surface, Point) { surface.frame_unseen(frame); });
}

bool XdgToplevel::shown_since_last_commit() const noexcept {
  bool shown = true;
  for_each_part(
      [&](Surface& surface, Point) { shown = shown && surface.shown_since_last_commit(); });
  return shown;
}

bool XdgToplevel::frame_wanted() const noexcept {
  bool wanted = false;
  for_each_part([&](Surface& surface, Point) { wanted = wanted || surface.frame_wanted(); });
  return wanted;
}

std::optional<Surface::Hit> XdgToplevel::hit(double x, double y) noexcept {
  std::optional<Surface::Hit> topmost;
  for_each_part([&](Surface& surface, Point position) {
    if (const auto here = surface.hit(x - position.x, y - position.y))
      topmost = here;
  });
  return topmost;
}

// --- requests

void XdgToplevel::set_parent(wl_resource* resource, wl_resource* parent) {
  XdgToplevel* const window = from(parent);
  for (const XdgToplevel* above = window; above != nullptr; above = above->parent_)
    if (above == this)
      throw ProtocolError{resource, XDG_TOPLEVEL_ERROR_INVALID_PARENT,
                          "a window cannot be above itself or a window above it"};
  set_parent_window(window != nullptr && window->id_ ? window : nullptr);
}

void XdgToplevel::set_parent_window(XdgToplevel* parent) {
  if (parent == parent_)
    return;
  if (parent != nullptr)
    parent->children_.push_back(this);
  if (parent_ != nullptr)
    std::erase(parent_->children_, this);
  parent_ = parent;
}

// "If a surface becomes unmapped, its children's parent is set to the parent of the now-unmapped
// surface."
void XdgToplevel::leave_family() noexcept {
  while (!children_.empty()) {
    XdgToplevel* const child = children_.back();
    children_.pop_back();
    child->parent_ = nullptr;
    try {
      child->set_parent_window(parent_);
    } catch (const std::bad_alloc&) {
      log::warning("no memory: a window lost its parent");
    }
  }
  if (parent_ != nullptr)
    std::erase(parent_->children_, this);
  parent_ = nullptr;
}

void XdgToplevel::set_text(std::string& text, const char* value, const char* what) {
  const std::string_view whole{value};
  const std::string_view kept = cut(whole, max_text);
  if (kept.size() < whole.size() && !cut_reported_) {
    cut_reported_ = true;
    log::warning("a client sent an %s of %zu bytes: cut to %zu", what, whole.size(), kept.size());
  }
  text = kept;
}

void XdgToplevel::set_title(const char* title) {
  set_text(title_, title, "xdg_toplevel title");
}

void XdgToplevel::set_app_id(const char* app_id) {
  set_text(app_id_, app_id, "xdg_toplevel app id");
}

void XdgToplevel::show_window_menu(wl_resource*, std::uint32_t, std::int32_t, std::int32_t) {}

void XdgToplevel::move(wl_resource* /*seat*/, std::uint32_t serial) {
  let_user_drag(serial, 0);
}

// "The compositor may ignore [such] requests depending on the state of the surface [...] or if the
// passed serial is no longer valid": only what the user holds down on this window drags it.
void XdgToplevel::let_user_drag(std::uint32_t serial, std::uint32_t edges) {
  if (!id_)
    return;
  Seat& seat = shell_.seat();
  Surface* origin = seat.pointer().grabbed_with(serial);
  const std::optional<std::int32_t> finger =
      origin == nullptr ? seat.touch().put_down_with(serial) : std::nullopt;
  if (finger)
    origin = seat.touch().surface_of(*finger);
  if (origin != nullptr && shows(origin->root()))
    shell_.windows().grabbed(*id_, {.edges = edges, .touch = finger});
}

void XdgToplevel::resize(wl_resource* resource, wl_resource* /*seat*/, std::uint32_t serial,
                         std::uint32_t edges) {
  constexpr std::uint32_t vertical = XDG_TOPLEVEL_RESIZE_EDGE_TOP | XDG_TOPLEVEL_RESIZE_EDGE_BOTTOM;
  constexpr std::uint32_t horizontal =
      XDG_TOPLEVEL_RESIZE_EDGE_LEFT | XDG_TOPLEVEL_RESIZE_EDGE_RIGHT;
  if ((edges & ~(vertical | horizontal)) != 0 || (edges & vertical) == vertical ||
      (edges & horizontal) == horizontal)
    throw ProtocolError{resource, XDG_TOPLEVEL_ERROR_INVALID_RESIZE_EDGE, "no such edge or corner"};
  if (edges != XDG_TOPLEVEL_RESIZE_EDGE_NONE)
    let_user_drag(serial, edges);
}

void XdgToplevel::set_max_size(wl_resource* resource, std::int32_t width, std::int32_t height) {
  if (width < 0 || height < 0)
    throw ProtocolError{resource, XDG_TOPLEVEL_ERROR_INVALID_SIZE, "a negative maximum size"};
  pending_limits_.max = {width, height};
}

void XdgToplevel::set_min_size(wl_resource* resource, std::int32_t width, std::int32_t height) {
  if (width < 0 || height < 0)
    throw ProtocolError{resource, XDG_TOPLEVEL_ERROR_INVALID_SIZE, "a negative minimum size"};
  pending_limits_.min = {width, height};
}

// Before it is mapped nobody else knows the window; it is then told how large the screen is.
void XdgToplevel::want(WindowState state, const std::string& output) {
  if (id_)
    return shell_.windows().wants(*id_, state, output);
  set_state(state, state == WindowState::Floating ? Size{} : shell_.window_bounds());
}

void XdgToplevel::set_maximized() {
  maximized_ = true;
  want(wanted_.state == WindowState::Fullscreen ? WindowState::Fullscreen : WindowState::Maximized);
}

void XdgToplevel::unset_maximized() {
  maximized_ = false;
  want(wanted_.state == WindowState::Fullscreen ? WindowState::Fullscreen : WindowState::Floating);
}

void XdgToplevel::set_fullscreen(wl_resource* output) {
  want(WindowState::Fullscreen, shell_.outputs().name_of(output));
}

void XdgToplevel::unset_fullscreen() {
  want(maximized_ ? WindowState::Maximized : WindowState::Floating);
}

void XdgToplevel::set_minimized() {}

}  // namespace demo
