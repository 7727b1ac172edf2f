#include "compositor-demo/output/cursor_theme.hpp"

#include <X11/Xcursor/Xcursor.h>
#undef None  // what X calls nothing, others call theirs

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>

namespace demo {
namespace {

constexpr int default_size = 24;
constexpr int largest_size = 256;

std::string theme_of_environment() {
  const char* const theme = std::getenv("XCURSOR_THEME");
  return theme == nullptr || *theme == '\0' ? "default" : theme;
}

int size_of_environment() noexcept {
  const char* const text = std::getenv("XCURSOR_SIZE");
  if (text == nullptr)
    return default_size;
  int size = 0;
  const std::string_view digits{text};
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), size);
  return error == std::errc{} && size > 0 && size <= largest_size ? size : default_size;
}

Image image_with_alpha(Size size) {
  return make_image(size, PIXMAN_a8r8g8b8);
}

// A black arrow with a white edge; '#' is black and '.' white.
constexpr std::string_view arrow[] = {
    "..          ", ".#.         ", ".##.        ", ".###.       ", ".####.      ",
    ".#####.     ", ".######.    ", ".#######.   ", ".########.  ", ".#####..... ",
    ".##.##.     ", ".#. .##.    ", "..  .##.    ", "     .##.   ", "      ..    ",
};

CursorPicture own_arrow() {
  const Size size{static_cast<int>(arrow[0].size()), static_cast<int>(std::size(arrow))};
  CursorPicture cursor{image_with_alpha(size), {1, 1}};
  const int stride = pixman_image_get_stride(cursor.image.get()) / 4;
  std::uint32_t* row = pixman_image_get_data(cursor.image.get());
  for (const std::string_view line : arrow) {
    for (std::size_t x = 0; x < line.size(); ++x)
      row[x] = line[x] == '#' ? 0xff000000 : line[x] == '.' ? 0xffffffff : 0;
    row += stride;
  }
  return cursor;
}

}  // namespace

CursorPicture load_cursor(const std::string& name, const std::string& theme, int size) {
  struct Destroy {
    void operator()(XcursorImage* image) const noexcept { XcursorImageDestroy(image); }
  };
  const std::string from = theme.empty() ? theme_of_environment() : theme;
  const std::unique_ptr<XcursorImage, Destroy> loaded{
      XcursorLibraryLoadImage(name.c_str(), from.c_str(), size > 0 ? size : size_of_environment())};
  if (!loaded || loaded->width == 0 || loaded->height == 0)
    return own_arrow();
  const Size extent{static_cast<int>(loaded->width), static_cast<int>(loaded->height)};
  CursorPicture cursor{image_with_alpha(extent),
                       {static_cast<int>(loaded->xhot), static_cast<int>(loaded->yhot)}};
  auto* const rows = reinterpret_cast<char*>(pixman_image_get_data(cursor.image.get()));
  const auto stride = static_cast<std::size_t>(pixman_image_get_stride(cursor.image.get()));
  const std::size_t bytes = loaded->width * sizeof(XcursorPixel);
  for (std::size_t y = 0; y < loaded->height; ++y)
    std::memcpy(rows + y * stride, loaded->pixels + y * loaded->width, bytes);
  return cursor;
}

}  // namespace demo
