#include "compositor-demo/protocol/shm_buffer.hpp"

#include <new>
#include <utility>

#include <wayland-server-protocol.h>

#include "compositor-demo/log.hpp"
#include "compositor-demo/protocol/disconnect.hpp"

namespace demo {

ShmBuffer::ShmBuffer(wl_resource* resource, std::shared_ptr<ShmPool> pool, const ShmLayout& layout,
                     Charge charge)
    : Buffer{resource}, pool_{std::move(pool)}, layout_{layout}, charge_{std::move(charge)} {}

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
  if (resource() != nullptr) {
    wl_resource_post_error(resource(), WL_SHM_ERROR_INVALID_FD, "the file of the buffer shrank");
  } else {
    wl_client_post_implementation_error(client, "the file of a destroyed buffer shrank");
  }
  disconnect_soon(client);
  return false;
}

}  // namespace demo
