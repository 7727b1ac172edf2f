// wl_region: a client builds a set of pixels, and then gives it to a surface by value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include <wayland-server-core.h>

#include "compositor-demo/geometry.hpp"
#include "compositor-demo/protocol/client_limits.hpp"

namespace demo {

class RegionObject {
 public:
  // More rectangles than any client has use for; each operation costs time in proportion.
  static constexpr std::size_t most_rectangles = 4096;

  explicit RegionObject(wl_client* client);
  static void create(wl_client* client, int version, std::uint32_t id);
  // What a wl_region argument of a request holds now, shared and not copied; null for a null
  // argument.
  static std::shared_ptr<const Region> from(wl_resource* resource) noexcept;

  // Requests. A rectangle without positive extent is no pixel.
  void add(std::int32_t x, std::int32_t y, std::int32_t width, std::int32_t height);
  void subtract(std::int32_t x, std::int32_t y, std::int32_t width, std::int32_t height);

 private:
  // Both count as long as anybody uses the rectangles.
  struct Counted {
    Charge charge;
    Region region;
  };
  // Surfaces that were given the region keep what it was then.
  Region& own();
  void changed();

  Charge charge_;
  std::shared_ptr<Counted> counted_;
};

}  // namespace demo
