// wp_single_pixel_buffer: buffers of one colour, for a viewport to make large.
#pragma once

#include <cstdint>

#include <wayland-server-core.h>

#include "compositor-demo/protocol/client_limits.hpp"
#include "compositor-demo/protocol/resource.hpp"

namespace demo {

// The global. Outlives its clients.
class SinglePixelBuffers {
 public:
  // Advertises wp_single_pixel_buffer_manager_v1. Throws std::runtime_error.
  explicit SinglePixelBuffers(wl_display* display);
  SinglePixelBuffers(const SinglePixelBuffers&) = delete;
  SinglePixelBuffers& operator=(const SinglePixelBuffers&) = delete;

  void bind(wl_client* client, int version, std::uint32_t id);

 private:
  Global global_;
};

// What a client bound of it.
class SinglePixelBinding {
 public:
  explicit SinglePixelBinding(wl_client* client) : charge_{client, Limit::Bindings} {}
  // Premultiplied; each part of all that 32 bits can say.
  void create_u32_rgba_buffer(wl_resource* resource, std::uint32_t id, std::uint32_t red,
                              std::uint32_t green, std::uint32_t blue, std::uint32_t alpha);

 private:
  Charge charge_;
};

}  // namespace demo
