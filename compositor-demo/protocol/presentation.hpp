// wp_presentation: when what a client committed turned into light.
#pragma once

#include <cstdint>

#include <wayland-server-core.h>

#include "compositor-demo/protocol/client_limits.hpp"
#include "compositor-demo/protocol/resource.hpp"

namespace demo {

// The global. Outlives its clients.
class Presentation {
 public:
  // Advertises wp_presentation 1. Throws std::runtime_error.
  explicit Presentation(wl_display* display);
  Presentation(const Presentation&) = delete;
  Presentation& operator=(const Presentation&) = delete;

  void bind(wl_client* client, int version, std::uint32_t id);

 private:
  Global global_;
};

// What a client bound of it.
class PresentationBinding {
 public:
  explicit PresentationBinding(wl_client* client) : charge_{client, Limit::Bindings} {}
  void feedback(wl_resource* resource, wl_resource* surface, std::uint32_t id);

 private:
  Charge charge_;
};

}  // namespace demo
