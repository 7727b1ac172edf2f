#include "compositor-demo/protocol/region.hpp"

#include <memory>
#include <string>

#include <wayland-server-protocol.h>

#include "compositor-demo/log.hpp"
#include "compositor-demo/protocol/resource.hpp"

namespace demo {

namespace {

const struct wl_region_interface wl_region_requests = {
    .destroy = destroy_resource,
    .add = request<&RegionObject::add>,
    .subtract = request<&RegionObject::subtract>,
};

}  // namespace

void RegionObject::create(wl_client* client, int version, std::uint32_t id) {
  auto region = std::make_unique<RegionObject>(client);
  give_object(create_resource(client, &wl_region_interface, version, id), &wl_region_requests,
              std::move(region));
}

RegionObject::RegionObject(wl_client* client)
    : charge_{client, Limit::Regions},
      counted_{std::make_shared<Counted>(Counted{{client, Limit::Rectangles, 0}, {}})} {}

std::shared_ptr<const Region> RegionObject::from(wl_resource* resource) noexcept {
  const RegionObject* const object = object_of<RegionObject>(resource);
  if (object == nullptr)
    return nullptr;
  return {object->counted_, &object->counted_->region};
}

Region& RegionObject::own() {
  if (counted_.use_count() > 1)
    counted_ = std::make_shared<Counted>(Counted{
        {charge_.limits(), Limit::Rectangles, counted_->charge.amount()}, counted_->region});
  return counted_->region;
}

void RegionObject::add(std::int32_t x, std::int32_t y, std::int32_t width, std::int32_t height) {
  own().unite(Rect{x, y, width, height});
  changed();
}

void RegionObject::subtract(std::int32_t x, std::int32_t y, std::int32_t width,
                            std::int32_t height) {
  own().subtract(Rect{x, y, width, height});
  changed();
}

void RegionObject::changed() {
  const std::size_t rectangles = counted_->region.rects().size();
  counted_->charge.resize(rectangles);
  if (rectangles <= most_rectangles)
    return;
  log::warning("client with pid %d wants a region of more than %zu rectangles: disconnected",
               charge_.limits()->pid(), most_rectangles);
  throw LimitExceeded{"more than " + std::to_string(most_rectangles) + " rectangles in a region"};
}

}  // namespace demo
