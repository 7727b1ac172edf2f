#include "compositor-demo/protocol/touch.hpp"

#include <algorithm>
#include <memory>

#include <wayland-server-protocol.h>

#include "compositor-demo/protocol/fixed.hpp"
#include "compositor-demo/protocol/resource.hpp"

namespace demo {

const struct wl_touch_interface Touch::Resource::requests = {.release = destroy_resource};

Touch::Resource::Resource(Touch& touch, wl_resource* resource)
    : touch_{touch},
      resource_{resource},
      charge_{wl_resource_get_client(resource), Limit::Objects} {
  touch_.resources_.push_back(resource_);
}

Touch::Resource::~Resource() {
  std::erase(touch_.resources_, resource_);
  std::erase(touch_.unframed_, resource_);
  for (Finger& finger : touch_.fingers_)
    std::erase(finger.told, resource_);
}

void Touch::create_resource(wl_client* client, int version, std::uint32_t id) {
  wl_resource* const resource = demo::create_resource(client, &wl_touch_interface, version, id);
  give_object(resource, &Resource::requests, std::make_unique<Resource>(*this, resource));
}

std::list<Touch::Finger>::iterator Touch::find(std::int32_t id) noexcept {
  return std::ranges::find(fingers_, id, &Finger::id);
}

Surface* Touch::surface_of(std::int32_t id) const noexcept {
  const auto finger = std::ranges::find(fingers_, id, &Finger::id);
  return finger == fingers_.end() ? nullptr : finger->surface.get();
}

void Touch::expect_frame(wl_resource* resource) {
  if (std::ranges::find(unframed_, resource) == unframed_.end())
    unframed_.push_back(resource);
}

void Touch::down(std::int32_t id, const std::optional<Surface::Hit>& under, double x, double y,
                 std::uint32_t milliseconds) {
  up(id, milliseconds);
  if (!under)
    return;
  Surface& surface = *under->surface;
  Finger& finger = fingers_.emplace_back(*this, id);
  finger.milliseconds = milliseconds;
  finger.surface.watch(&surface);
  finger.dx = under->x - x;
  finger.dy = under->y - y;
  finger.x = under->x;
  finger.y = under->y;
  const std::uint32_t serial = serials_.next(surface.client());
  finger.serial = serial;
  for (wl_resource* const resource : resources_) {
    if (wl_resource_get_client(resource) != surface.client())
      continue;
    finger.told.push_back(resource);
    expect_frame(resource);
    wl_touch_send_down(resource, serial, milliseconds, surface.resource(), id, fixed(finger.x),
                       fixed(finger.y));
  }
}

void Touch::motion(std::int32_t id, double x, double y, std::uint32_t milliseconds) {
  const auto finger = find(id);
  if (finger == fingers_.end() || finger->surface.get() == nullptr)
    return;
  x += finger->dx;
  y += finger->dy;
  if (x == finger->x && y == finger->y)
    return;
  finger->milliseconds = milliseconds;
  finger->x = x;
  finger->y = y;
  for (wl_resource* const resource : finger->told) {
    expect_frame(resource);
    wl_touch_send_motion(resource, milliseconds, id, fixed(x), fixed(y));
  }
}

void Touch::up(std::int32_t id, std::uint32_t milliseconds) {
  const auto finger = find(id);
  if (finger == fingers_.end())
    return;
  send_up(*finger, milliseconds);
  fingers_.erase(finger);
}

void Touch::send_up(Finger& finger, std::uint32_t milliseconds) {
  if (finger.told.empty())
    return;
  const std::uint32_t serial = serials_.next(wl_resource_get_client(finger.told.front()));
  for (wl_resource* const resource : finger.told) {
    expect_frame(resource);
    wl_touch_send_up(resource, serial, milliseconds, finger.id);
  }
  finger.told.clear();
}

// "The touch point has disappeared": for the client that is now, and not when the finger is lifted.
void Touch::surface_gone(Finger& finger) noexcept {
  std::vector<wl_resource*> told = finger.told;
  send_up(finger, finger.milliseconds);
  for (wl_resource* const resource : told) {
    wl_touch_send_frame(resource);
    std::erase(unframed_, resource);
  }
}

void Touch::frame() {
  for (wl_resource* const resource : unframed_)
    wl_touch_send_frame(resource);
  unframed_.clear();
}

std::optional<std::int32_t> Touch::put_down_with(std::uint32_t serial) const noexcept {
  const auto finger = std::ranges::find(fingers_, serial, &Finger::serial);
  if (finger == fingers_.end() || finger->surface.get() == nullptr)
    return std::nullopt;
  return finger->id;
}

// "No frame event is required after the cancel event": of what was not framed it is the end, too.
template <class F>
void Touch::cancel_if(F chosen) {
  std::vector<wl_resource*> cancelled;
  for (Finger& finger : fingers_) {
    if (!chosen(finger))
      continue;
    for (wl_resource* const resource : finger.told)
      if (std::ranges::find(cancelled, resource) == cancelled.end())
        cancelled.push_back(resource);
    finger.told.clear();
  }
  for (wl_resource* const resource : cancelled) {
    wl_touch_send_cancel(resource);
    std::erase(unframed_, resource);
  }
  fingers_.remove_if(chosen);
}

void Touch::cancel() {
  cancel_if([](const Finger&) { return true; });
  frame();  // of fingers that were lifted just before
}

void Touch::cancel(const wl_client* client) {
  cancel_if([client](const Finger& finger) {
    const Surface* const surface = finger.surface.get();
    return surface != nullptr && surface->client() == client;
  });
}

}  // namespace demo
