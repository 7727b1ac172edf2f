// wl_region: a client builds a set of pixels, and then gives it to a surface by value.
#pragma once

#include <cstdint>

#include <wayland-server-core.h>

#include "compositor-demo/geometry.hpp"
#include "compositor-demo/protocol/client_limits.hpp"

namespace demo {

class RegionObject {
 public:
  // More rectangles than any client has use for; each operation costs time in proportion.
  static constexpr std::size_t most_rectangles = 4096;

  explicit RegionObject(wl_client* client) : charge_{client, Limit::Regions} {}
  static void create(wl_client* client, int version, std::uint32_t id);
  // From a wl_region argument of a request; null for a null argument.
  static const Region* from(wl_resource* resource) noexcept;

  // Requests. A rectangle without positive extent is no pixel.
  void add(std::int32_t x, std::int32_t y, std::int32_t width, std::int32_t height);
  void subtract(std::int32_t x, std::int32_t y, std::int32_t width, std::int32_t height);

 private:
  void check() const;

  Charge charge_;
  Region region_;
};

}  // namespace demo
