// wl_compositor: where surfaces and regions come from.
#pragma once

#include <cstdint>

#include <wayland-server-core.h>

#include "compositor-demo/picture.hpp"
#include "compositor-demo/protocol/client_limits.hpp"
#include "compositor-demo/protocol/resource.hpp"

namespace demo {

class Outputs;

// The global. Outlives its clients.
class Compositor {
 public:
  // Advertises wl_compositor 5. Throws std::runtime_error.
  Compositor(wl_display* display, const Outputs& outputs);
  Compositor(const Compositor&) = delete;
  Compositor& operator=(const Compositor&) = delete;

  // Never the same again.
  PictureId next_picture() noexcept { return PictureId{++last_picture_}; }
  const Outputs& outputs() const noexcept { return outputs_; }

  void bind(wl_client* client, int version, std::uint32_t id);

 private:
  const Outputs& outputs_;
  std::uint64_t last_picture_ = 0;
  Global global_;
};

// What a client bound of it.
class CompositorBinding {
 public:
  CompositorBinding(Compositor& compositor, wl_client* client)
      : compositor_{compositor}, charge_{client, Limit::Bindings} {}
  void create_surface(wl_resource* resource, std::uint32_t id);
  void create_region(wl_resource* resource, std::uint32_t id);

 private:
  Compositor& compositor_;
  Charge charge_;
};

}  // namespace demo
