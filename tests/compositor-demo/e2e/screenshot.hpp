// A picture that the compositor wrote.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <ostream>
#include <vector>

namespace e2e {

struct Area {
  int x = 0;
  int y = 0;
  int width = 0;
  int height = 0;
  bool operator==(const Area&) const = default;
};
inline std::ostream& operator<<(std::ostream& out, const Area& area) {
  return out << area.width << 'x' << area.height << '+' << area.x << '+' << area.y;
}

class Screenshot {
 public:
  // Throws std::runtime_error if the file is no PNG.
  explicit Screenshot(const std::filesystem::path& file);

  int width() const noexcept { return width_; }
  int height() const noexcept { return height_; }
  // 0xRRGGBB. The place must be in the picture.
  std::uint32_t at(int x, int y) const;
  // The smallest rectangle around all pixels of this colour; {} if there are none. What is in the
  // top byte of the colour does not matter.
  Area bounds(std::uint32_t colour) const;
  // How many pixels have this colour.
  std::size_t count(std::uint32_t colour) const;
  // How many different colours there are.
  std::size_t colours() const;

 private:
  int width_ = 0;
  int height_ = 0;
  std::vector<std::uint32_t> pixels_;
};

}  // namespace e2e
