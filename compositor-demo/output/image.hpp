// Owned pixels.
#pragma once

#include <pixman.h>

#include <memory>
#include <new>

#include "compositor-demo/geometry.hpp"

namespace demo {

struct ImageDeleter {
  void operator()(pixman_image_t* image) const noexcept { pixman_image_unref(image); }
};
using Image = std::unique_ptr<pixman_image_t, ImageDeleter>;

// A black (or transparent) image. Throws std::bad_alloc.
inline Image make_image(Size size, pixman_format_code_t format = PIXMAN_x8r8g8b8) {
  Image image{pixman_image_create_bits(format, size.width, size.height, nullptr, 0)};
  if (!image)
    throw std::bad_alloc{};
  return image;
}

}  // namespace demo
