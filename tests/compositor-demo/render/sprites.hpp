// Pictures of random content for the renderer's tests, and what a screen full of them looks like
// when every pixel is computed from scratch.
#pragma once

#include <pixman.h>

#include <cstdint>
#include <memory>
#include <random>
#include <vector>

#include "compositor-demo/geometry.hpp"
#include "compositor-demo/picture.hpp"

namespace demo::test {

struct Unref {
  void operator()(pixman_image_t* image) const noexcept { pixman_image_unref(image); }
};
using Image = std::unique_ptr<pixman_image_t, Unref>;

inline Image image(Size size, pixman_format_code_t format = PIXMAN_a8r8g8b8) {
  return Image{pixman_image_create_bits(format, size.width, size.height, nullptr, 0)};
}

inline std::uint32_t& pixel(pixman_image_t* image, int x, int y) {
  return pixman_image_get_data(image)[y * (pixman_image_get_stride(image) / 4) + x];
}

inline void fill(pixman_image_t* image, std::uint32_t colour) {
  for (int y = 0; y < pixman_image_get_height(image); ++y)
    for (int x = 0; x < pixman_image_get_width(image); ++x)
      pixel(image, x, y) = colour;
}

// Premultiplied.
constexpr std::uint32_t argb(unsigned alpha, unsigned red, unsigned green, unsigned blue) {
  const auto part = [&](unsigned v) { return v * alpha / 255; };
  return alpha << 24 | part(red) << 16 | part(green) << 8 | part(blue);
}

// One surface with its memory.
struct Sprite {
  PictureId id{};
  Image pixels;
  Point position;
  Size size;
  int scale = 1;
  Transform transform = Transform::Normal;
  Region opaque;
  Region damage;

  Picture picture() const {
    return {id, pixels.get(), position, size, scale, transform, {}, opaque, damage, nullptr};
  }
  // Where in the image the pixel (x, y) of the surface is stored, from the words of the protocol:
  // mirrored about the vertical axis, then turned counter-clockwise.
  Point stored_at(int x, int y) const {
    int width = size.width;
    int height = size.height;
    const unsigned t = static_cast<unsigned>(transform);
    if (t & 4U)
      x = width - 1 - x;
    for (unsigned quarter = 0; quarter < (t & 3U); ++quarter) {
      const int turned_x = y;
      y = width - 1 - x;
      x = turned_x;
      std::swap(width, height);
    }
    return {x * scale, y * scale};
  }
  std::uint32_t at(int x, int y) const {
    const Point p = stored_at(x, y);
    return pixel(pixels.get(), p.x, p.y);
  }
  void set(int x, int y, std::uint32_t colour) {
    const Point p = stored_at(x, y);
    for (int dy = 0; dy < scale; ++dy)
      for (int dx = 0; dx < scale; ++dx)
        pixel(pixels.get(), p.x + dx, p.y + dy) = colour;
  }
};

// OVER for premultiplied colours, rounded as the Render extension has it.
inline std::uint32_t over(std::uint32_t source, std::uint32_t below) {
  const std::uint32_t through = 255 - (source >> 24);
  std::uint32_t result = 0;
  for (unsigned shift = 0; shift < 32; shift += 8) {
    const std::uint32_t product = ((below >> shift) & 255U) * through + 128;
    const std::uint32_t sum = ((source >> shift) & 255U) + ((product + (product >> 8)) >> 8);
    result |= std::min<std::uint32_t>(sum, 255) << shift;
  }
  return result;
}

// Every pixel of the screen, each picture over the one below.
inline std::vector<std::uint32_t> redraw(const std::vector<Sprite>& sprites, Size screen,
                                         std::uint32_t background) {
  std::vector<std::uint32_t> result;
  for (int y = 0; y < screen.height; ++y) {
    for (int x = 0; x < screen.width; ++x) {
      std::uint32_t colour = background;
      for (const Sprite& s : sprites)
        if (Rect::at(s.position, s.size).contains(Point{x, y}))
          colour = over(s.at(x - s.position.x, y - s.position.y), colour);
      result.push_back(colour & 0xffffffU);
    }
  }
  return result;
}

inline std::vector<std::uint32_t> pixels_of(pixman_image_t* image) {
  std::vector<std::uint32_t> result;
  for (int y = 0; y < pixman_image_get_height(image); ++y)
    for (int x = 0; x < pixman_image_get_width(image); ++x)
      result.push_back(pixel(image, x, y) & 0xffffffU);
  return result;
}

}  // namespace demo::test
