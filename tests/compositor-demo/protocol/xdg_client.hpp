// Windows and popups as a client makes them, with a record of what the server said to them.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <wayland-client.h>

#include "compositor-demo/geometry.hpp"
#include "loopback.hpp"
#include "proxy.hpp"
#include "xdg-shell-client-protocol.h"

namespace demo {

struct ClientXdgSurface {
  explicit ClientXdgSurface(LoopbackClient& of);
  ClientXdgSurface(const ClientXdgSurface&) = delete;
  ClientXdgSurface& operator=(const ClientXdgSurface&) = delete;

  void commit() { wl_surface_commit(surface.get()); }
  // The server must be one that does not mind.
  void attach(int width, int height);
  void attach_nothing() { wl_surface_attach(surface.get(), nullptr, 0, 0); }
  // Acknowledges the last configure.
  void ack() { xdg_surface_ack_configure(xdg.get(), serials.back()); }
  // The whole way: asks for a configure, acknowledges it, commits a buffer.
  void map(int width, int height);

  LoopbackClient& client;
  Proxy<wl_surface> surface;
  Proxy<xdg_surface> xdg;
  std::vector<std::uint32_t> serials;  // of the configures
  std::vector<Proxy<wl_buffer>> buffers;
};

struct ClientToplevel : ClientXdgSurface {
  explicit ClientToplevel(LoopbackClient& of);

  struct Configure {
    Size size;
    std::vector<std::uint32_t> states;
  };
  Proxy<xdg_toplevel> toplevel;
  std::vector<Configure> configures;
  std::vector<Size> bounds;
  std::vector<std::vector<std::uint32_t>> capabilities;
  int closes = 0;
};

// What a positioner is told, in the protocol's numbers.
struct ClientPositioner {
  ClientPositioner(LoopbackClient& client, Size size, Rect anchor_rect,
                   std::uint32_t anchor = XDG_POSITIONER_ANCHOR_TOP_LEFT,
                   std::uint32_t gravity = XDG_POSITIONER_GRAVITY_BOTTOM_RIGHT);
  Proxy<xdg_positioner> positioner;
};

struct ClientPopup : ClientXdgSurface {
  ClientPopup(LoopbackClient& of, const ClientXdgSurface* parent,
              const ClientPositioner& positioner);

  Proxy<xdg_popup> popup;
  std::vector<Rect> configures;
  std::vector<std::uint32_t> tokens;  // of repositioned
  int dones = 0;
};

}  // namespace demo
