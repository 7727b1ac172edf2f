#include "xdg_client.hpp"

namespace demo {
namespace {

std::vector<std::uint32_t> values(const wl_array* array) {
  const auto* const first = static_cast<const std::uint32_t*>(array->data);
  return {first, first + array->size / sizeof(std::uint32_t)};
}

const xdg_surface_listener surface_listener{
    .configure = [](void* self, xdg_surface*, std::uint32_t serial) {
      static_cast<ClientXdgSurface*>(self)->serials.push_back(serial);
    }};

const xdg_toplevel_listener toplevel_listener{
    .configure =
        [](void* self, xdg_toplevel*, std::int32_t width, std::int32_t height, wl_array* states) {
          static_cast<ClientToplevel*>(self)->configures.push_back(
              {{width, height}, values(states)});
        },
    .close = [](void* self, xdg_toplevel*) { ++static_cast<ClientToplevel*>(self)->closes; },
    .configure_bounds =
        [](void* self, xdg_toplevel*, std::int32_t width, std::int32_t height) {
          static_cast<ClientToplevel*>(self)->bounds.push_back({width, height});
        },
    .wm_capabilities =
        [](void* self, xdg_toplevel*, wl_array* capabilities) {
          static_cast<ClientToplevel*>(self)->capabilities.push_back(values(capabilities));
        }};

const xdg_popup_listener popup_listener{
    .configure =
        [](void* self, xdg_popup*, std::int32_t x, std::int32_t y, std::int32_t width,
           std::int32_t height) {
          static_cast<ClientPopup*>(self)->configures.push_back({x, y, width, height});
        },
    .popup_done = [](void* self, xdg_popup*) { ++static_cast<ClientPopup*>(self)->dones; },
    .repositioned =
        [](void* self, xdg_popup*, std::uint32_t token) {
          static_cast<ClientPopup*>(self)->tokens.push_back(token);
        }};

}  // namespace

ClientXdgSurface::ClientXdgSurface(LoopbackClient& of)
    : client{of},
      surface{wl_compositor_create_surface(of.compositor)},
      xdg{xdg_wm_base_get_xdg_surface(of.wm_base, surface.get())} {
  xdg_surface_add_listener(xdg.get(), &surface_listener, this);
}

void ClientXdgSurface::attach(int width, int height) {
  buffers.emplace_back(client.make_buffer(width, height));
  wl_surface_attach(surface.get(), buffers.back().get(), 0, 0);
}

void ClientXdgSurface::map(int width, int height) {
  commit();
  client.roundtrip();
  if (serials.empty())
    return;
  ack();
  attach(width, height);
  commit();
  client.roundtrip();
}

ClientToplevel::ClientToplevel(LoopbackClient& of)
    : ClientXdgSurface{of}, toplevel{xdg_surface_get_toplevel(xdg.get())} {
  xdg_toplevel_add_listener(toplevel.get(), &toplevel_listener, this);
}

ClientPositioner::ClientPositioner(LoopbackClient& client, Size size, Rect anchor_rect,
                                   std::uint32_t anchor, std::uint32_t gravity)
    : positioner{xdg_wm_base_create_positioner(client.wm_base)} {
  xdg_positioner_set_size(positioner.get(), size.width, size.height);
  xdg_positioner_set_anchor_rect(positioner.get(), anchor_rect.x, anchor_rect.y, anchor_rect.width,
                                 anchor_rect.height);
  xdg_positioner_set_anchor(positioner.get(), anchor);
  xdg_positioner_set_gravity(positioner.get(), gravity);
}

ClientPopup::ClientPopup(LoopbackClient& of, const ClientXdgSurface* parent,
                         const ClientPositioner& positioner)
    : ClientXdgSurface{of},
      popup{xdg_surface_get_popup(xdg.get(), parent != nullptr ? parent->xdg.get() : nullptr,
                                  positioner.positioner.get())} {
  xdg_popup_add_listener(popup.get(), &popup_listener, this);
}

}  // namespace demo
