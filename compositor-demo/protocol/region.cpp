#include "compositor-demo/protocol/region.hpp"

#include <memory>

#include <wayland-server-protocol.h>

#include "compositor-demo/log.hpp"
#include "compositor-demo/protocol/resource.hpp"

namespace demo {

namespace {

const struct wl_region_interface requests = {
    .destroy = destroy_resource,
    .add = request<&RegionObject::add>,
    .subtract = request<&RegionObject::subtract>,
};

}  // namespace

void RegionObject::create(wl_client* client, int version, std::uint32_t id) {
  auto region = std::make_unique<RegionObject>(client);
  give_object(create_resource(client, &wl_region_interface, version, id), &requests,
              std::move(region));
}

const Region* RegionObject::from(wl_resource* resource) noexcept {
  const RegionObject* const object = object_of<RegionObject>(resource);
  return object == nullptr ? nullptr : &object->region_;
}

void RegionObject::add(std::int32_t x, std::int32_t y, std::int32_t width, std::int32_t height) {
  region_.unite(Rect{x, y, width, height});
  check();
}

void RegionObject::subtract(std::int32_t x, std::int32_t y, std::int32_t width,
                            std::int32_t height) {
  region_.subtract(Rect{x, y, width, height});
  check();
}

void RegionObject::check() const {
  if (region_.rects().size() <= most_rectangles)
    return;
  log::warning("client with pid %d wants a region of more than %zu rectangles: disconnected",
               charge_.limits()->pid(), most_rectangles);
  throw LimitExceeded{"more than " + std::to_string(most_rectangles) + " rectangles in a region"};
}

}  // namespace demo
