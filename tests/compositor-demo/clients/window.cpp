#include "window.hpp"

#include <cstdint>
#include <limits>
#include <stdexcept>
#include <utility>

namespace clients {
namespace {

void must_show(Surface& surface) {
  if (!surface.commit_and_wait())
    throw std::runtime_error{"the compositor does not show the window"};
}

}  // namespace

// ------------------------------------------------------------------------------------- Surface

Surface::Surface(Connection& connection)
    : connection_{connection},
      surface_{wl_compositor_create_surface(connection.compositor.get())} {}

Surface::~Surface() = default;

Buffer& Surface::attach(std::unique_ptr<Buffer> buffer) {
  std::erase_if(buffers_, [](const auto& old) { return old->released(); });
  buffers_.push_back(std::move(buffer));
  Buffer& shown = *buffers_.back();
  shown.mark_busy();
  wl_surface_attach(get(), shown.get(), 0, 0);
  constexpr int everything = std::numeric_limits<std::int32_t>::max();
  wl_surface_damage_buffer(get(), 0, 0, everything, everything);
  return shown;
}

Buffer& Surface::attach(int width, int height, Colour colour, wl_shm_format format) {
  return attach(std::make_unique<Buffer>(connection_, width, height, colour, format));
}

void Surface::request_frame() {
  frame_.reset(wl_surface_frame(get()));
  static constexpr wl_callback_listener listener{
      .done = [](void* self, wl_callback*, std::uint32_t time) noexcept {
        auto& surface = *static_cast<Surface*>(self);
        surface.frame_time_ = time;
        surface.frame_.reset();
      }};
  wl_callback_add_listener(frame_.get(), &listener, this);
}

bool Surface::commit_and_wait() {
  request_frame();
  commit();
  return connection_.dispatch_until([this] { return frame_done(); });
}

// ---------------------------------------------------------------------------------- XdgSurface

XdgSurface::XdgSurface(Connection& connection)
    : Surface{connection}, xdg_{xdg_wm_base_get_xdg_surface(connection.wm_base.get(), get())} {
  static constexpr xdg_surface_listener listener{
      .configure = [](void* self, xdg_surface* surface, std::uint32_t serial) noexcept {
        xdg_surface_ack_configure(surface, serial);
        static_cast<XdgSurface*>(self)->configured_ = true;
      }};
  xdg_surface_add_listener(xdg(), &listener, this);
}

void XdgSurface::wait_for_configure() {
  commit();
  if (!connection().dispatch_until([this] { return configured_; }))
    throw std::runtime_error{"the compositor does not configure the window"};
}

// -------------------------------------------------------------------------------------- Window

Window::Window(Connection& connection)
    : XdgSurface{connection}, toplevel_{xdg_surface_get_toplevel(xdg())} {
  static constexpr xdg_toplevel_listener listener{
      .configure = [](void*, xdg_toplevel*, std::int32_t, std::int32_t, wl_array*) noexcept {},
      .close = [](void*, xdg_toplevel*) noexcept {},
      .configure_bounds = [](void*, xdg_toplevel*, std::int32_t, std::int32_t) noexcept {},
      .wm_capabilities = [](void*, xdg_toplevel*, wl_array*) noexcept {},
  };
  xdg_toplevel_add_listener(toplevel(), &listener, nullptr);
  wait_for_configure();
}

Window::Window(Connection& connection, int width, int height, Colour colour, wl_shm_format format)
    : Window{connection} {
  attach(width, height, colour, format);
  must_show(*this);
}

// ---------------------------------------------------------------------------------- Subsurface

Subsurface::Subsurface(Surface& parent, int x, int y, int width, int height, Colour colour)
    : Surface{parent.connection()},
      subsurface_{
          wl_subcompositor_get_subsurface(connection().subcompositor.get(), get(), parent.get())} {
  wl_subsurface_set_position(role(), x, y);
  attach(width, height, colour);
  commit();
}

// --------------------------------------------------------------------------------------- Popup

Popup::Popup(XdgSurface& parent, int x, int y, int width, int height, Colour colour,
             std::uint32_t adjustment)
    : XdgSurface{parent.connection()} {
  const Owned<xdg_positioner> positioner{xdg_wm_base_create_positioner(connection().wm_base.get())};
  xdg_positioner_set_size(positioner.get(), width, height);
  xdg_positioner_set_anchor_rect(positioner.get(), x, y, 1, 1);
  xdg_positioner_set_anchor(positioner.get(), XDG_POSITIONER_ANCHOR_TOP_LEFT);
  xdg_positioner_set_gravity(positioner.get(), XDG_POSITIONER_GRAVITY_BOTTOM_RIGHT);
  xdg_positioner_set_constraint_adjustment(positioner.get(), adjustment);
  popup_.reset(xdg_surface_get_popup(xdg(), parent.xdg(), positioner.get()));
  static constexpr xdg_popup_listener listener{
      .configure = [](void*, xdg_popup*, std::int32_t, std::int32_t, std::int32_t,
                      std::int32_t) noexcept {},
      .popup_done = [](void*, xdg_popup*) noexcept {},
      .repositioned = [](void*, xdg_popup*, std::uint32_t) noexcept {},
  };
  xdg_popup_add_listener(popup(), &listener, nullptr);
  wait_for_configure();
  attach(width, height, colour);
  must_show(*this);
}

}  // namespace clients
