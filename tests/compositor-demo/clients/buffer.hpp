// Pixels that a client shares with the compositor.
#pragma once

#include <cstddef>
#include <cstdint>

#include <calloop/fd.hpp>

#include "connection.hpp"
#include "owned.hpp"

namespace clients {

// 0xAARRGGBB; colours are premultiplied with the alpha.
using Colour = std::uint32_t;

// A shared memory file, empty (zeroes) at first. Throws std::system_error.
calloop::OwnedFd make_shared_file(std::size_t bytes);

class Buffer {
 public:
  // Filled with one colour. Throws std::system_error.
  Buffer(Connection& connection, int width, int height, Colour colour,
         wl_shm_format format = WL_SHM_FORMAT_XRGB8888);
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer();

  wl_buffer* get() const noexcept { return buffer_.get(); }
  int width() const noexcept { return width_; }
  int height() const noexcept { return height_; }
  // Of the shared memory.
  int fd() const noexcept { return file_.get(); }

  void fill(Colour colour) noexcept { fill(0, 0, width_, height_, colour); }
  void fill(int x, int y, int width, int height, Colour colour) noexcept;

  // The compositor does not read it any more; false again after mark_busy().
  bool released() const noexcept { return released_; }
  void mark_busy() noexcept { released_ = false; }

 private:
  std::size_t bytes() const noexcept;

  int width_;
  int height_;
  calloop::OwnedFd file_;
  Colour* pixels_ = nullptr;
  bool released_ = true;
  Owned<wl_buffer> buffer_;
};

}  // namespace clients
