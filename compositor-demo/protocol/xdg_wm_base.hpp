// xdg_wm_base: what one client bound of xdg-shell.
#pragma once

#include <cstdint>
#include <vector>

#include <wayland-server-core.h>

#include "compositor-demo/protocol/client_limits.hpp"

namespace demo {

class XdgShell;
class XdgSurface;

class XdgWmBase {
 public:
  static void create(XdgShell& shell, wl_client* client, int version, std::uint32_t id);

  XdgWmBase(XdgShell& shell, wl_resource* resource);
  XdgWmBase(const XdgWmBase&) = delete;
  XdgWmBase& operator=(const XdgWmBase&) = delete;
  ~XdgWmBase();

  XdgShell& shell() const noexcept { return shell_; }
  wl_resource* resource() const noexcept { return resource_; }

  // Asks the client whether it still answers; nothing is sent while an answer is outstanding.
  void ping();
  // A ping was sent and not answered yet.
  bool pong_outstanding() const noexcept { return outstanding_ping_ != 0; }

  // Kept by the surfaces themselves.
  void surface_created(XdgSurface& surface) { surfaces_.push_back(&surface); }
  void surface_destroyed(const XdgSurface& surface) noexcept;

  // Requests.
  void destroy(wl_resource* resource);
  void create_positioner(std::uint32_t id);
  void get_xdg_surface(std::uint32_t id, wl_resource* surface);
  void pong(std::uint32_t serial);

 private:
  XdgShell& shell_;
  wl_resource* resource_;
  Charge charge_;
  std::vector<XdgSurface*> surfaces_;
  std::uint32_t outstanding_ping_ = 0;  // its serial; 0: none
};

}  // namespace demo
