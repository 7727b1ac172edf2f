// Memory of a graphics card that any driver has: slow to read, good enough to copy frames into.
#pragma once

#include <pixman.h>

#include <cstddef>
#include <cstdint>

#include "compositor-demo/geometry.hpp"
#include "compositor-demo/output/image.hpp"

namespace demo {

// A dumb buffer, mapped. The card's descriptor is borrowed.
class DumbBuffer {
 public:
  enum class Use { Screen, Cursor };

  // Black, or transparent for a cursor. Throws std::system_error that names the call.
  DumbBuffer(int card, Size size, Use use);
  DumbBuffer(const DumbBuffer&) = delete;
  DumbBuffer& operator=(const DumbBuffer&) = delete;
  ~DumbBuffer() { release(); }

  // What drmModeSetCrtc and drmModePageFlip take; 0 for a cursor.
  std::uint32_t framebuffer() const noexcept { return framebuffer_; }
  // What drmModeSetCursor takes.
  std::uint32_t handle() const noexcept { return handle_; }
  Size size() const noexcept { return size_; }
  pixman_image_t* image() const noexcept { return image_.get(); }

 private:
  void map(std::uint32_t stride, Use use);
  void release() noexcept;
  [[noreturn]] void fail(const char* call) const;

  int card_;
  Size size_;
  std::uint32_t handle_ = 0;
  std::uint32_t framebuffer_ = 0;
  void* memory_ = nullptr;
  std::size_t bytes_ = 0;
  Image image_;
};

}  // namespace demo
