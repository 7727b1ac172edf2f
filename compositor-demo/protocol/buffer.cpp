#include "compositor-demo/protocol/buffer.hpp"

#include <wayland-server-protocol.h>

#include "compositor-demo/protocol/resource.hpp"

namespace demo {

namespace {

// What a wl_buffer owns.
using Share = std::shared_ptr<Buffer>;

const struct wl_buffer_interface wl_buffer_requests = {.destroy = destroy_resource};

}  // namespace

void Buffer::give(wl_resource* resource, std::shared_ptr<Buffer> buffer) {
  auto share = std::make_unique<Share>(std::move(buffer));
  wl_resource_set_implementation(resource, &wl_buffer_requests, share.release(),
                                 &wl_buffer_destroyed);
}

void Buffer::wl_buffer_destroyed(wl_resource* resource) noexcept {
  const std::unique_ptr<Share> share{object_of<Share>(resource)};
  (*share)->resource_ = nullptr;
}

std::shared_ptr<Buffer> Buffer::from(wl_resource* buffer) noexcept {
  if (buffer == nullptr ||
      !wl_resource_instance_of(buffer, &wl_buffer_interface, &wl_buffer_requests))
    return nullptr;
  return *object_of<Share>(buffer);
}

BufferUse::~BufferUse() {
  if (!buffer_ || --buffer_->uses_ != 0)
    return;
  if (buffer_->resource_ != nullptr)
    wl_buffer_send_release(buffer_->resource_);
}

}  // namespace demo
