#include "compositor-demo/protocol/shm_buffer.hpp"

#include <new>

#include <wayland-server-protocol.h>

#include "compositor-demo/log.hpp"
#include "compositor-demo/protocol/disconnect.hpp"
#include "compositor-demo/protocol/resource.hpp"

namespace demo {

namespace {

// What a wl_buffer owns.
using Share = std::shared_ptr<ShmBuffer>;

const struct wl_buffer_interface requests = {.destroy = destroy_resource};

}  // namespace

ShmBuffer::ShmBuffer(wl_resource* resource, std::shared_ptr<ShmPool> pool, const ShmLayout& layout,
                     Charge charge)
    : resource_{resource}, pool_{std::move(pool)}, layout_{layout}, charge_{std::move(charge)} {}

ShmBuffer::~ShmBuffer() = default;

void ShmBuffer::give(wl_resource* resource, std::shared_ptr<ShmBuffer> buffer) {
  auto share = std::make_unique<Share>(std::move(buffer));
  wl_resource_set_implementation(resource, &requests, share.release(), &wl_buffer_destroyed);
}

void ShmBuffer::wl_buffer_destroyed(wl_resource* resource) noexcept {
  const std::unique_ptr<Share> share{object_of<Share>(resource)};
  (*share)->resource_ = nullptr;
}

std::shared_ptr<ShmBuffer> ShmBuffer::from(wl_resource* buffer) noexcept {
  if (buffer == nullptr || !wl_resource_instance_of(buffer, &wl_buffer_interface, &requests))
    return nullptr;
  return *object_of<Share>(buffer);
}

pixman_image_t* ShmBuffer::image() {
  const std::byte* const data = pool_->data() + layout_.offset;
  if (!image_ || image_data_ != data) {
    // pixman only reads the images it composites from.
    auto* const pixels = const_cast<std::uint32_t*>(reinterpret_cast<const std::uint32_t*>(data));
    image_.reset(
        pixman_image_create_bits_no_clear(layout_.opaque ? PIXMAN_x8r8g8b8 : PIXMAN_a8r8g8b8,
                                          layout_.width, layout_.height, pixels, layout_.stride));
    if (!image_)
      throw std::bad_alloc{};
    image_data_ = data;
  }
  return image_.get();
}

void ShmBuffer::begin() noexcept {
  guard_.emplace(pool_->data(), pool_->size());
}

bool ShmBuffer::end() noexcept {
  const bool lost = guard_ && guard_->lost();
  guard_.reset();
  if (!lost)
    return !pool_->lost();
  pool_->mark_lost();
  wl_client* const client = pool_->client();
  log::warning("client with pid %d took away memory that was being shown: disconnected",
               charge_.limits()->pid());
  if (resource_ != nullptr) {
    wl_resource_post_error(resource_, WL_SHM_ERROR_INVALID_FD, "the file of the buffer shrank");
  } else {
    wl_client_post_implementation_error(client, "the file of a destroyed buffer shrank");
  }
  disconnect_soon(client);
  return false;
}

BufferUse::~BufferUse() {
  if (!buffer_ || --buffer_->uses_ != 0)
    return;
  if (buffer_->resource_ != nullptr)
    wl_buffer_send_release(buffer_->resource_);
}

}  // namespace demo
