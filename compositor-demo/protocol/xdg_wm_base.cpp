#include "compositor-demo/protocol/xdg_wm_base.hpp"

#include <algorithm>
#include <memory>
#include <string>

#include "compositor-demo/protocol/resource.hpp"
#include "compositor-demo/protocol/surface.hpp"
#include "compositor-demo/protocol/xdg_positioner.hpp"
#include "compositor-demo/protocol/xdg_shell.hpp"
#include "compositor-demo/protocol/xdg_surface.hpp"
#include "xdg-shell-server-protocol.h"

namespace demo {
namespace {

const struct xdg_wm_base_interface xdg_wm_base_requests = {
    .destroy = request<&XdgWmBase::destroy>,
    .create_positioner = request<&XdgWmBase::create_positioner>,
    .get_xdg_surface = request<&XdgWmBase::get_xdg_surface>,
    .pong = request<&XdgWmBase::pong>,
};

}  // namespace

void XdgWmBase::create(XdgShell& shell, wl_client* client, int version, std::uint32_t id) {
  wl_resource* resource = create_resource(client, &xdg_wm_base_interface, version, id);
  give_object(resource, &xdg_wm_base_requests, std::make_unique<XdgWmBase>(shell, resource));
}

XdgWmBase::XdgWmBase(XdgShell& shell, wl_resource* resource)
    : shell_{shell},
      resource_{resource},
      charge_{wl_resource_get_client(resource), Limit::Bindings} {}

XdgWmBase::~XdgWmBase() {
  for (XdgSurface* surface : surfaces_)
    surface->wm_base_destroyed();
}

void XdgWmBase::surface_destroyed(const XdgSurface& surface) noexcept {
  std::erase(surfaces_, &surface);
}

void XdgWmBase::ping() {
  if (pong_outstanding())
    return;
  outstanding_ping_ = shell_.next_serial();
  xdg_wm_base_send_ping(resource_, outstanding_ping_);
}

void XdgWmBase::destroy(wl_resource* resource) {
  if (!surfaces_.empty())
    throw ProtocolError{resource, XDG_WM_BASE_ERROR_DEFUNCT_SURFACES,
                        "xdg_wm_base destroyed before " + std::to_string(surfaces_.size()) +
                            " of its xdg_surfaces"};
  wl_resource_destroy(resource);  // and with it this
}

void XdgWmBase::create_positioner(std::uint32_t id) {
  XdgPositioner::create(wl_resource_get_client(resource_), wl_resource_get_version(resource_), id);
}

void XdgWmBase::get_xdg_surface(std::uint32_t id, wl_resource* surface) {
  XdgSurface::create(*this, Surface::from(surface), id);
}

void XdgWmBase::pong(std::uint32_t serial) {
  if (serial == outstanding_ping_)
    outstanding_ping_ = 0;
}

}  // namespace demo
