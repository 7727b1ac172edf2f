// A wl_buffer: pixels of a client, wherever they are.
#pragma once

#include <memory>
#include <utility>

#include <pixman.h>
#include <wayland-server-core.h>

#include "compositor-demo/geometry.hpp"
#include "compositor-demo/picture.hpp"

namespace demo {

// Lives as long as its wl_buffer or a surface needs it. All reading goes through Access: begin()
// before the first, end() after the last.
class Buffer : public Access {
 public:
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  virtual ~Buffer() = default;

  virtual Size size() const noexcept = 0;
  // Every pixel covers what is behind it.
  virtual bool opaque() const noexcept = 0;
  // The pixels. Borrowed; valid until the next request of a client is served. Throws
  // std::bad_alloc.
  virtual pixman_image_t* image() = 0;

  // The object behind a wl_buffer argument; null if it is not one of ours.
  static std::shared_ptr<Buffer> from(wl_resource* buffer) noexcept;
  // Makes the wl_buffer own a share of the buffer.
  static void give(wl_resource* resource, std::shared_ptr<Buffer> buffer);

 protected:
  explicit Buffer(wl_resource* resource) noexcept : resource_{resource} {}
  // Null: the client has destroyed the wl_buffer.
  wl_resource* resource() const noexcept { return resource_; }

 private:
  friend class BufferUse;
  static void wl_buffer_destroyed(wl_resource* resource) noexcept;

  wl_resource* resource_;
  int uses_ = 0;
};

// A surface's use of a buffer: from the commit that brings it to the commit that replaces it. When
// the last use ends, the client is told that it may write again (wl_buffer.release).
class BufferUse {
 public:
  BufferUse() noexcept = default;
  explicit BufferUse(std::shared_ptr<Buffer> buffer) noexcept : buffer_{std::move(buffer)} {
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

  Buffer* get() const noexcept { return buffer_.get(); }

 private:
  std::shared_ptr<Buffer> buffer_;
};

}  // namespace demo
