#include "screenshot.hpp"

#include <png.h>

#include <algorithm>
#include <set>
#include <stdexcept>

namespace e2e {

Screenshot::Screenshot(const std::filesystem::path& file) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  if (png_image_begin_read_from_file(&image, file.c_str()) == 0)
    throw std::runtime_error{file.string() + ": " + image.message};
  image.format = PNG_FORMAT_RGB;
  std::vector<png_byte> bytes(PNG_IMAGE_SIZE(image));
  if (png_image_finish_read(&image, nullptr, bytes.data(), 0, nullptr) == 0)
    throw std::runtime_error{file.string() + ": " + image.message};
  width_ = static_cast<int>(image.width);
  height_ = static_cast<int>(image.height);
  pixels_.reserve(bytes.size() / 3);
  for (std::size_t i = 0; i + 2 < bytes.size(); i += 3)
    pixels_.push_back(static_cast<std::uint32_t>(bytes[i]) << 16 |
                      static_cast<std::uint32_t>(bytes[i + 1]) << 8 | bytes[i + 2]);
}

std::uint32_t Screenshot::at(int x, int y) const {
  if (x < 0 || y < 0 || x >= width_ || y >= height_)
    throw std::out_of_range{"a pixel outside of the screenshot"};
  return pixels_[static_cast<std::size_t>(y) * static_cast<std::size_t>(width_) +
                 static_cast<std::size_t>(x)];
}

Area Screenshot::bounds(std::uint32_t colour) const {
  int left = width_;
  int top = height_;
  int right = 0;
  int bottom = 0;
  for (int y = 0; y < height_; ++y) {
    for (int x = 0; x < width_; ++x) {
      if (at(x, y) != (colour & 0xffffffU))
        continue;
      left = std::min(left, x);
      right = std::max(right, x + 1);
      top = std::min(top, y);
      bottom = std::max(bottom, y + 1);
    }
  }
  return right > left ? Area{left, top, right - left, bottom - top} : Area{};
}

std::size_t Screenshot::count(std::uint32_t colour) const {
  return static_cast<std::size_t>(std::ranges::count(pixels_, colour & 0xffffffU));
}

std::size_t Screenshot::colours() const {
  return std::set<std::uint32_t>{pixels_.begin(), pixels_.end()}.size();
}

}  // namespace e2e
