// wp_viewporter: surfaces that show a part of their buffer, in any size.
//
// The state is one of the surface's: see Surface::State::viewport.
#pragma once

#include <cstdint>

#include <wayland-server-core.h>

#include "compositor-demo/protocol/client_limits.hpp"
#include "compositor-demo/protocol/resource.hpp"
#include "compositor-demo/protocol/surface.hpp"
#include "compositor-demo/protocol/surface_watch.hpp"

namespace demo {

// The global. Outlives its clients.
class Viewporter {
 public:
  // Advertises wp_viewporter 1. Throws std::runtime_error.
  explicit Viewporter(wl_display* display);
  Viewporter(const Viewporter&) = delete;
  Viewporter& operator=(const Viewporter&) = delete;

  void bind(wl_client* client, int version, std::uint32_t id);

 private:
  Global global_;
};

// What a client bound of it.
class ViewporterBinding {
 public:
  explicit ViewporterBinding(wl_client* client) : charge_{client, Limit::Bindings} {}
  void get_viewport(wl_resource* resource, std::uint32_t id, wl_resource* surface);

 private:
  Charge charge_;
};

// wp_viewport.
class Viewport {
 public:
  Viewport(wl_resource* resource, Surface& surface);
  Viewport(const Viewport&) = delete;
  Viewport& operator=(const Viewport&) = delete;
  ~Viewport();

  // Requests.
  void set_source(wl_resource* resource, wl_fixed_t x, wl_fixed_t y, wl_fixed_t width,
                  wl_fixed_t height);
  void set_destination(wl_resource* resource, std::int32_t width, std::int32_t height);

 private:
  Surface& surface(wl_resource* resource) const;

  Charge charge_;
  SurfaceWatch surface_;
};

}  // namespace demo
