#include "compositor-demo/protocol/protocol.hpp"

#include <exception>
#include <new>
#include <utility>

#include <wayland-server-core.h>

#include "compositor-demo/log.hpp"
#include "compositor-demo/protocol/backlog.hpp"
#include "compositor-demo/protocol/compositor.hpp"
#include "compositor-demo/protocol/data_device.hpp"
#include "compositor-demo/protocol/disconnect.hpp"
#include "compositor-demo/protocol/display.hpp"
#include "compositor-demo/protocol/milliseconds.hpp"
#include "compositor-demo/protocol/output_global.hpp"
#include "compositor-demo/protocol/pointer_constraints.hpp"
#include "compositor-demo/protocol/presentation.hpp"
#include "compositor-demo/protocol/primary_selection.hpp"
#include "compositor-demo/protocol/relative_pointer.hpp"
#include "compositor-demo/protocol/seat.hpp"
#include "compositor-demo/protocol/shm.hpp"
#include "compositor-demo/protocol/single_pixel_buffer.hpp"
#include "compositor-demo/protocol/subsurface.hpp"
#include "compositor-demo/protocol/surface.hpp"
#include "compositor-demo/protocol/surface_watch.hpp"
#include "compositor-demo/protocol/viewporter.hpp"
#include "compositor-demo/protocol/windows.hpp"
#include "compositor-demo/protocol/xdg_output.hpp"
#include "compositor-demo/protocol/xdg_shell.hpp"

namespace demo {

namespace {}  // namespace

// In the order in which they need each other; they go the other way round, the display last.
struct Protocol::Parts {
  Parts(const calloop::LoopHandle<>& loop, Host& host, const Settings& settings)
      : display{loop, settings.socket},
        windows{host},
        outputs{display.get()},
        xdg_outputs{display.get(), outputs},
        shm{display.get()},
        single_pixel_buffers{display.get()},
        viewporter{display.get()},
        compositor{display.get(), outputs},
        subcompositor{display.get()},
        seat{display.get()},
        data_devices{display.get(), seat},
        primary_selection{display.get(), seat},
        relative_pointers{display.get()},
        constraints{display.get()},
        presentation{display.get()},
        xdg_shell{display.get(), windows, outputs, seat},
        focus_retry{display.get(), [this] { give_focus(); }} {
    xdg_shell.on_grabs_change([this] {
      try {
        give_focus();
      } catch (const std::exception&) {  // no memory
        focus_retry.start();
      }
    });
    seat.pointer().cursor().on_change([&host] { host.cursor_changed(); });
    data_devices.drag().on_change([&host] { host.cursor_changed(); });
    constraints.on_change([this] { update_constraints(); });
    constraints.on_warp(
        [this, &host](Surface& surface, double x, double y) { warp(host, surface, x, y); });
  }
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;
  // The host may be half gone: it hears nothing of how its windows end.
  ~Parts() {
    windows.mute();
    xdg_shell.on_grabs_change({});
    seat.pointer().cursor().on_change({});
    data_devices.drag().on_change({});
    constraints.on_change({});
    constraints.on_warp({});
    display.destroy_clients();
  }

  wl_client* client_of(WindowId id) const noexcept {
    Window* const window = windows.find(id);
    return window == nullptr ? nullptr : window->surface().client();
  }

  void give_focus();
  void update_constraints() noexcept;
  void warp(Host& host, Surface& surface, double x, double y) const noexcept;

  Display display;
  Windows windows;
  Outputs outputs;
  XdgOutputManager xdg_outputs;
  Shm shm;
  SinglePixelBuffers single_pixel_buffers;
  Viewporter viewporter;
  Compositor compositor;
  Subcompositor subcompositor;
  Seat seat;
  DataDeviceManager data_devices;
  PrimarySelection primary_selection;
  RelativePointers relative_pointers;
  PointerConstraints constraints;
  Presentation presentation;
  XdgShell xdg_shell;
  std::optional<WindowId> focus_wanted;
  std::optional<WindowId> focus;
  Retry focus_retry;
  std::vector<Picture> unseen;  // what frame_throttled pretends to draw
};

Protocol::Protocol(calloop::LoopHandle<Protocol> loop, Host& host, const Settings& settings)
    : parts_{std::make_unique<Parts>(calloop::LoopHandle<>{loop}, host, settings)} {}

Protocol::~Protocol() = default;

const std::string& Protocol::socket() const noexcept {
  return parts_->display.socket();
}

void Protocol::stop_accepting() noexcept {
  parts_->display.close_socket();
}

ClientId Protocol::add_client(calloop::OwnedFd connection) {
  return parts_->display.add_client(std::move(connection));
}

void Protocol::add_output(const OutputInfo& output) {
  parts_->outputs.add(output);
  parts_->xdg_shell.set_outputs(parts_->outputs.areas());
}

void Protocol::remove_output(const std::string& name) {
  parts_->outputs.remove(name);
  parts_->xdg_shell.set_outputs(parts_->outputs.areas());
}

void Protocol::change_output(const OutputInfo& output) {
  parts_->outputs.change(output);
  parts_->xdg_shell.set_outputs(parts_->outputs.areas());
}

// ------------------------------------------------------------------------------------- windows

Size Protocol::window_size(WindowId id) const {
  const Window* const window = parts_->windows.find(id);
  return window == nullptr ? Size{} : window->geometry().size();
}

std::optional<Point> Protocol::window_former_position(WindowId id) const {
  const Window* const window = parts_->windows.find(id);
  return window == nullptr ? std::nullopt : window->former_position();
}

std::optional<WindowId> Protocol::window_of(ClientId client, std::uint32_t surface) const {
  wl_client* const connection = parts_->display.find(client);
  wl_resource* const resource =
      connection == nullptr ? nullptr : wl_client_get_object(connection, surface);
  Surface* const content = resource == nullptr ? nullptr : Surface::from_any(resource);
  return content == nullptr ? std::nullopt : parts_->windows.of(*content);
}

pid_t Protocol::window_pid(WindowId id) const {
  pid_t pid = 0;
  if (wl_client* const client = parts_->client_of(id))
    wl_client_get_credentials(client, &pid, nullptr, nullptr);
  return pid;
}

std::string Protocol::window_title(WindowId id) const {
  const Window* const window = parts_->windows.find(id);
  return window == nullptr ? std::string{} : window->title();
}

void Protocol::configure(WindowId id, Size size) {
  if (Window* const window = parts_->windows.find(id))
    window->configure(size);
}

void Protocol::configure_resizing(WindowId id, Size size, bool resizing) {
  if (Window* const window = parts_->windows.find(id))
    window->configure_resizing(size, resizing);
}

void Protocol::set_window_state(WindowId id, WindowState state, Size size) {
  if (Window* const window = parts_->windows.find(id))
    window->set_state(state, size);
}

WindowState Protocol::window_state(WindowId id) const {
  const Window* const window = parts_->windows.find(id);
  return window == nullptr ? WindowState::Floating : window->state();
}

bool Protocol::window_resizing(WindowId id) const {
  const Window* const window = parts_->windows.find(id);
  return window != nullptr && window->resizing();
}

SizeLimits Protocol::window_limits(WindowId id) const {
  const Window* const window = parts_->windows.find(id);
  return window == nullptr ? SizeLimits{} : window->limits();
}

void Protocol::close(WindowId id) {
  if (Window* const window = parts_->windows.find(id))
    window->close();
}

void Protocol::set_position(WindowId id, Point position) {
  if (Window* const window = parts_->windows.find(id))
    window->moved_to(position);
}

void Protocol::disconnect(WindowId id, const std::string& reason) {
  wl_client* const client = parts_->client_of(id);
  if (client == nullptr || !disconnect_soon(client))
    return;
  log::warning("client with pid %d %s: disconnected", window_pid(id), reason.c_str());
  wl_client_post_implementation_error(client, "it %s", reason.c_str());
}

void Protocol::set_keyboard_focus(std::optional<WindowId> id) {
  parts_->focus_wanted = id;
  const Window* const window = id ? parts_->windows.find(*id) : nullptr;
  parts_->xdg_shell.end_grabs_but_of(window);
  parts_->give_focus();
}

// A window that comes and goes takes the focus from the one below and gives it back, as often as it
// likes: one leave for each enter, and no enter without room for both.
void Protocol::Parts::give_focus() {
  focus_retry.stop();
  Window* window = focus_wanted ? windows.find(*focus_wanted) : nullptr;
  wl_client* const client = window == nullptr ? nullptr : window->surface().client();
  if (client != nullptr && client != seat.keyboard_client() && !has_room(client)) {
    focus_retry.start();
    window = nullptr;
  }
  const auto next = window == nullptr ? std::nullopt : focus_wanted;
  if (focus && focus != next)
    if (Window* const former = windows.find(*focus))
      former->set_activated(false);
  focus = next;
  if (window != nullptr)
    window->set_activated(true);
  seat.set_keyboard_focus(window == nullptr ? nullptr : &window->keyboard_surface());
  update_constraints();
}

// The pointer is held only in the window that the user works with: it does not fall into a trap.
void Protocol::Parts::update_constraints() noexcept {
  Surface* const under = seat.pointer().focus();
  try {
    const bool chosen = under != nullptr && focus && windows.of(*under) == focus;
    constraints.update(under, seat.pointer().x(), seat.pointer().y(), chosen);
  } catch (const std::bad_alloc&) {  // of a region: with the next motion
    log::warning("no memory: a constraint of the pointer has to wait");
  }
}

void Protocol::Parts::warp(Host& host, Surface& surface, double x, double y) const noexcept {
  const auto id = windows.of(surface);
  const Window* const window = id ? windows.find(*id) : nullptr;
  if (window == nullptr || &window->surface() != &surface.root())
    return;
  const Point corner = surface.position_in_root() - window->geometry().origin();
  try {
    host.pointer_warped(*id, x + corner.x, y + corner.y);
  } catch (const std::exception& error) {
    log::error("the pointer is not where it should be: %s", error.what());
  }
}

// ---------------------------------------------------------------------------------- what is seen

void Protocol::append_pictures(WindowId id, Point origin, std::vector<Picture>& pictures) {
  Window* const window = parts_->windows.find(id);
  if (window == nullptr)
    return;
  window->moved_to(origin);
  window->append_pictures(origin, pictures);
}

void Protocol::frame_shown(WindowId id, const FrameTime& frame) {
  Window* const window = parts_->windows.find(id);
  if (window == nullptr)
    return;
  window->frame_shown(frame);
  parts_->display.check_reading(window->surface().client(), frame.time);
}

void Protocol::frame_throttled(WindowId id, calloop::TimePoint time) {
  Window* const window = parts_->windows.find(id);
  if (window == nullptr)
    return;
  window->append_pictures({}, parts_->unseen);
  parts_->unseen.clear();
  window->frame_unseen({.time = time});
  parts_->display.check_reading(window->surface().client(), time);
}

bool Protocol::append_cursor(Point hotspot, std::vector<Picture>& pictures) {
  const Cursor& cursor = parts_->seat.pointer().cursor();
  if (cursor.surface() != nullptr)
    cursor.surface()->append_pictures(hotspot - cursor.hotspot(), pictures);
  return cursor.surface() != nullptr || cursor.hidden();
}

void Protocol::append_drag_icon(Point held, std::vector<Picture>& pictures) {
  const DragIcon& icon = parts_->data_devices.drag().icon();
  if (icon.surface() != nullptr)
    icon.surface()->append_pictures(held + icon.offset(), pictures);
}

bool Protocol::has_drag_icon() const noexcept {
  return parts_->data_devices.drag().icon().surface() != nullptr;
}

void Protocol::cursor_shown(const FrameTime& frame) {
  if (Surface* const icon = parts_->data_devices.drag().icon().surface())
    icon->frame_shown(frame);
  if (Surface* const surface = parts_->seat.pointer().cursor().surface())
    surface->frame_shown(frame);
}

bool Protocol::shown_since_last_commit(WindowId id) const {
  const Window* const window = parts_->windows.find(id);
  return window != nullptr && window->shown_since_last_commit();
}

bool Protocol::frame_wanted(WindowId id) const {
  const Window* const window = parts_->windows.find(id);
  return window != nullptr && window->frame_wanted();
}

// ---------------------------------------------------------------------------------------- input

std::optional<WindowId> Protocol::pointer_window() const {
  Surface* const focus = parts_->seat.pointer().focus();
  return focus != nullptr ? parts_->windows.of(*focus) : std::nullopt;
}

void Protocol::pointer_moved(const RelativeMotion& motion, calloop::TimePoint time) {
  Pointer& pointer = parts_->seat.pointer();
  const Surface* const focus = pointer.focus();
  if (focus != nullptr && parts_->relative_pointers.send(focus->client(), motion, time))
    pointer.frame();
}

bool Protocol::pointer_locked() const noexcept {
  const PointerConstraint* const active = parts_->constraints.active();
  return active != nullptr && active->kind() == PointerConstraint::Kind::Lock;
}

std::optional<std::pair<double, double>> Protocol::pointer_confined(double x, double y) const {
  const PointerConstraint* const active = parts_->constraints.active();
  if (active == nullptr || active->kind() != PointerConstraint::Kind::Confinement)
    return std::nullopt;
  const auto id = parts_->windows.of(*active->surface());
  const Window* const window = id ? parts_->windows.find(*id) : nullptr;
  if (window == nullptr || &window->surface() != &active->surface()->root())
    return std::nullopt;
  const Point corner = active->surface()->position_in_root() - window->geometry().origin();
  const auto [at_x, at_y] = active->nearest(x - corner.x, y - corner.y);
  return std::pair{at_x + corner.x, at_y + corner.y};
}

bool Protocol::pointer_pressed() const noexcept {
  return parts_->seat.pointer().grabbed();
}

void Protocol::take_pointer() {
  parts_->seat.pointer().take_away();
}

void Protocol::take_touch(std::int32_t touch) {
  if (Surface* const surface = parts_->seat.touch().surface_of(touch))
    parts_->seat.touch().cancel(surface->client());
}

std::optional<WindowId> Protocol::pointer_grab() const {
  return parts_->seat.pointer().grabbed() ? pointer_window() : std::nullopt;
}

void Protocol::pointer_motion(std::optional<WindowId> id, double x, double y,
                              calloop::TimePoint time) {
  Window* const window = id ? parts_->windows.find(*id) : nullptr;
  const auto under = window == nullptr ? std::nullopt : window->hit(x, y);
  Pointer& pointer = parts_->seat.pointer();
  pointer.motion(under, milliseconds(time));
  if (Drag& drag = parts_->data_devices.drag(); drag.carried_by(std::nullopt))
    drag.motion(under, milliseconds(time));
  parts_->update_constraints();
  Surface* const focus = pointer.focus();
  if (focus == nullptr)
    return;
  if (pointer.grabbed() && window != nullptr && &focus->root() == &window->surface() &&
      (!under || under->surface != focus)) {
    const Point corner = focus->position_in_root() - window->geometry().origin();
    pointer.grabbed_motion(x - corner.x, y - corner.y, milliseconds(time));
  }
  parts_->display.check_reading(focus->client(), time);
}

void Protocol::pointer_button(std::uint32_t button, bool pressed, calloop::TimePoint time) {
  const Pointer& pointer = parts_->seat.pointer();
  if (pressed && !pointer.grabbed()) {
    const Surface* const focus = pointer.focus();
    parts_->xdg_shell.pressed(focus == nullptr ? nullptr : focus->client());
  }
  Drag& drag = parts_->data_devices.drag();
  if (!pressed && drag.carried_by(std::nullopt) && pointer.holds_only(button))
    drag.drop();
  parts_->seat.pointer().button(button, pressed, milliseconds(time));
}

bool Protocol::touch_is_carrying(std::int32_t touch) const noexcept {
  return parts_->data_devices.drag().carried_by(touch);
}

void Protocol::touch_carries(std::optional<WindowId> id, double x, double y,
                             calloop::TimePoint time) {
  Window* const window = id ? parts_->windows.find(*id) : nullptr;
  parts_->data_devices.drag().motion(window == nullptr ? std::nullopt : window->hit(x, y),
                                     milliseconds(time));
}

void Protocol::cancel_drag() {
  parts_->data_devices.drag().cancel();
}

void Protocol::key(std::uint32_t key, bool pressed, calloop::TimePoint time) {
  parts_->seat.keyboard().key(key, pressed, milliseconds(time));
  if (Surface* const focus = parts_->seat.keyboard().focus())
    parts_->display.check_reading(focus->client(), time);
}

void Protocol::pointer_axis(const Axis& axis, calloop::TimePoint time) {
  using Scroll = Pointer::Scroll;
  Scroll scroll;
  scroll.source = axis.source == AxisSource::Wheel    ? Scroll::Source::Wheel
                  : axis.source == AxisSource::Finger ? Scroll::Source::Finger
                                                      : Scroll::Source::Continuous;
  if (axis.dx != 0 || axis.v120_x != 0 || axis.stop_x)
    scroll.horizontal = {axis.dx, axis.v120_x, axis.stop_x};
  if (axis.dy != 0 || axis.v120_y != 0 || axis.stop_y)
    scroll.vertical = {axis.dy, axis.v120_y, axis.stop_y};
  parts_->seat.pointer().scroll(scroll, milliseconds(time));
  if (Surface* const focus = parts_->seat.pointer().focus())
    parts_->display.check_reading(focus->client(), time);
}

bool Protocol::accepts_input(WindowId id, double x, double y) const {
  Window* const window = parts_->windows.find(id);
  return window != nullptr && window->hit(x, y).has_value();
}

KeyModifiers Protocol::modifiers() const noexcept {
  const Keyboard& keyboard = parts_->seat.keyboard();
  return {.shift = keyboard.modifier_active(XKB_MOD_NAME_SHIFT),
          .control = keyboard.modifier_active(XKB_MOD_NAME_CTRL),
          .alt = keyboard.modifier_active(XKB_MOD_NAME_ALT),
          .logo = keyboard.modifier_active(XKB_MOD_NAME_LOGO)};
}

std::uint32_t Protocol::leds() const noexcept {
  return parts_->seat.keyboard().leds();
}

void Protocol::set_has_touch(bool has_touch) {
  parts_->seat.set_has_touch(has_touch);
}

void Protocol::touch_down(std::optional<WindowId> id, std::int32_t touch, double x, double y,
                          calloop::TimePoint time) {
  Window* const window = id ? parts_->windows.find(*id) : nullptr;
  const auto under = window == nullptr ? std::nullopt : window->hit(x, y);
  parts_->xdg_shell.pressed(under ? under->surface->client() : nullptr);
  parts_->seat.touch().down(touch, under, x, y, milliseconds(time));
  if (under)
    parts_->display.check_reading(under->surface->client(), time);
}

void Protocol::touch_motion(std::int32_t touch, double x, double y, calloop::TimePoint time) {
  parts_->seat.touch().motion(touch, x, y, milliseconds(time));
  if (Surface* const surface = parts_->seat.touch().surface_of(touch))
    parts_->display.check_reading(surface->client(), time);
}

void Protocol::touch_up(std::int32_t touch, calloop::TimePoint time) {
  if (Drag& drag = parts_->data_devices.drag(); drag.carried_by(touch))
    drag.drop();
  parts_->seat.touch().up(touch, milliseconds(time));
}

void Protocol::touch_frame() {
  parts_->seat.touch().frame();
}

void Protocol::touch_cancel() {
  if (Drag& drag = parts_->data_devices.drag(); !drag.carried_by(std::nullopt))
    drag.cancel();
  parts_->seat.touch().cancel();
}

}  // namespace demo
