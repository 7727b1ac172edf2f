// The plane of a CRTC that shows the pointer: moving it costs no frame.
#pragma once

#include <pixman.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "compositor-demo/geometry.hpp"
#include "compositor-demo/output/dumb_buffer.hpp"

namespace demo {

class DrmCursor {
 public:
  // Throws std::system_error if the driver has no cursors, or no memory for them.
  DrmCursor(int card, std::uint32_t crtc);
  DrmCursor(const DrmCursor&) = delete;
  DrmCursor& operator=(const DrmCursor&) = delete;
  ~DrmCursor() = default;

  // Images up to this size can be shown.
  Size size() const noexcept { return buffers_[0]->size(); }
  // Shows the top left of an image with alpha, `hotspot` being the pixel that points. False if the
  // driver refuses: then there is no plane.
  bool show(pixman_image_t* image, Point hotspot) noexcept;
  void hide() noexcept;
  // Where it points to, in the output's pixels; may be outside.
  void move(Point position) noexcept;
  // Says all of it again to a card that may have forgotten.
  void restore() noexcept;

 private:
  bool set() noexcept;

  int card_;
  std::uint32_t crtc_;
  std::array<std::unique_ptr<DumbBuffer>, 2> buffers_;  // a new image does not overwrite the shown
  std::size_t shown_ = 0;
  bool visible_ = false;
  Point hotspot_;
  Point position_;
};

}  // namespace demo
