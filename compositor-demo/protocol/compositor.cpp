#include "compositor-demo/protocol/compositor.hpp"

#include <memory>

#include <wayland-server-protocol.h>

#include "compositor-demo/protocol/region.hpp"
#include "compositor-demo/protocol/surface.hpp"

namespace demo {

namespace {

const struct wl_compositor_interface wl_compositor_requests = {
    .create_surface = request<&CompositorBinding::create_surface>,
    .create_region = request<&CompositorBinding::create_region>,
};

}  // namespace

Compositor::Compositor(wl_display* display, const Outputs& outputs)
    : outputs_{outputs},
      global_{make_global<&Compositor::bind>(display, &wl_compositor_interface, 5, *this)} {}

void Compositor::bind(wl_client* client, int version, std::uint32_t id) {
  auto binding = std::make_unique<CompositorBinding>(*this, client);
  give_object(create_resource(client, &wl_compositor_interface, version, id),
              &wl_compositor_requests, std::move(binding));
}

void CompositorBinding::create_surface(wl_resource* resource, std::uint32_t id) {
  Surface::create(compositor_, wl_resource_get_client(resource), wl_resource_get_version(resource),
                  id);
}

void CompositorBinding::create_region(wl_resource* resource, std::uint32_t id) {
  RegionObject::create(wl_resource_get_client(resource), wl_resource_get_version(resource), id);
}

}  // namespace demo
