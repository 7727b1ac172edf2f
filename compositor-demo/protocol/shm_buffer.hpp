// A wl_buffer: a rectangle of pixels in a client's shared memory, read in place, never copied.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include <pixman.h>
#include <wayland-server-core.h>

#include "compositor-demo/geometry.hpp"
#include "compositor-demo/picture.hpp"
#include "compositor-demo/protocol/client_limits.hpp"
#include "compositor-demo/protocol/shm_pool.hpp"
#include "compositor-demo/protocol/sigbus_guard.hpp"

namespace demo {

// Lives as long as its wl_buffer or a surface needs it; the memory lives as long. All reading goes
// through Access: begin() before the first, end() after the last.
class ShmBuffer final : public Access {
 public:
  // The layout must have been checked against the pool.
  ShmBuffer(wl_resource* resource, std::shared_ptr<ShmPool> pool, const ShmLayout& layout,
            Charge charge);
  ShmBuffer(const ShmBuffer&) = delete;
  ShmBuffer& operator=(const ShmBuffer&) = delete;
  ~ShmBuffer();

  Size size() const noexcept { return {layout_.width, layout_.height}; }
  // Every pixel covers what is behind it (xrgb8888).
  bool opaque() const noexcept { return layout_.opaque; }
  // The pixels. Borrowed; valid until the next request of a client is served. Throws
  // std::bad_alloc.
  pixman_image_t* image();

  void begin() noexcept override;
  bool end() noexcept override;

  // The object behind a wl_buffer argument; null if it is not one of ours.
  static std::shared_ptr<ShmBuffer> from(wl_resource* buffer) noexcept;
  // Makes the wl_buffer own a share of the buffer.
  static void give(wl_resource* resource, std::shared_ptr<ShmBuffer> buffer);

 private:
  friend class BufferUse;
  struct FreeImage {
    void operator()(pixman_image_t* image) const noexcept { pixman_image_unref(image); }
  };
  static void wl_buffer_destroyed(wl_resource* resource) noexcept;

  wl_resource* resource_;  // null: the client has destroyed the wl_buffer
  std::shared_ptr<ShmPool> pool_;
  ShmLayout layout_;
  Charge charge_;
  int uses_ = 0;
  std::optional<SigbusGuard> guard_;  // between begin and end
  std::unique_ptr<pixman_image_t, FreeImage> image_;
  const std::byte* image_data_ = nullptr;  // where image_ looks; the pool may move
};

// A surface's use of a buffer: from the commit that brings it to the commit that replaces it. When
// the last use ends, the client is told that it may write again (wl_buffer.release).
class BufferUse {
 public:
  BufferUse() noexcept = default;
  explicit BufferUse(std::shared_ptr<ShmBuffer> buffer) noexcept : buffer_{std::move(buffer)} {
    if (buffer_)
      ++buffer_->uses_;
  }
  BufferUse(BufferUse&& other) noexcept : buffer_{std::exchange(other.buffer_, nullptr)} {}
  BufferUse& operator=(BufferUse&& other) noexcept {
    BufferUse taken{std::move(other)};
    std::swap(buffer_, taken.buffer_);
    return *this;
  }
  ~BufferUse();

  ShmBuffer* get() const noexcept { return buffer_.get(); }

 private:
  std::shared_ptr<ShmBuffer> buffer_;
};

}  // namespace demo
