#include "compositor-demo/output/cursor_theme.hpp"

#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/environment.hpp"
#include "tests/temporary_directory.hpp"

namespace demo {
namespace {

// A cursor file as Xcursor(3) describes it: one image of `size` pixels a side, all of one colour.
void write_cursor(const std::filesystem::path& file, std::uint32_t size, std::uint32_t colour) {
  constexpr std::uint32_t magic = 0x72756358;  // "Xcur"
  constexpr std::uint32_t image = 0xfffd0002;
  std::vector<std::uint32_t> words{magic, 16,   0x10000, 1,    image, size, 28, 36,
                                   image, size, 1,       size, size,  3,    2,  0};
  words.insert(words.end(), std::size_t{size} * size, colour);
  std::filesystem::create_directories(file.parent_path());
  std::ofstream out{file, std::ios::binary};
  out.write(reinterpret_cast<const char*>(words.data()),
            static_cast<std::streamsize>(words.size() * sizeof words[0]));
}

// libXcursor looks at XCURSOR_PATH once in a process.
class CursorTheme : public testing::Test {
 protected:
  static const std::filesystem::path& directory() {
    static const tests::TemporaryDirectory themes;
    return themes.path();
  }

 private:
  tests::Environment path_{"XCURSOR_PATH", directory().c_str()};
};

std::uint32_t first_pixel(const CursorPicture& cursor) {
  return *pixman_image_get_data(cursor.image.get());
}

TEST_F(CursorTheme, HasTheImageOfThatName) {
  write_cursor(directory() / "mine/cursors/left_ptr", 32, 0x80112233);
  const CursorPicture cursor = load_cursor("left_ptr", "mine", 32);
  EXPECT_EQ(pixman_image_get_width(cursor.image.get()), 32);
  EXPECT_EQ(pixman_image_get_height(cursor.image.get()), 32);
  EXPECT_EQ(cursor.hotspot, (Point{3, 2}));
  EXPECT_EQ(first_pixel(cursor), 0x80112233);
}

TEST_F(CursorTheme, IsThatOfTheEnvironment) {
  const tests::Environment theme{"XCURSOR_THEME", "other"};
  const tests::Environment size{"XCURSOR_SIZE", "16"};
  write_cursor(directory() / "other/cursors/left_ptr", 16, 0xff445566);
  EXPECT_EQ(first_pixel(load_cursor("left_ptr")), 0xff445566);
}

TEST_F(CursorTheme, IsAnArrowWhereThereIsNone) {
  const tests::Environment size{"XCURSOR_SIZE", "many"};
  const CursorPicture cursor = load_cursor("left_ptr", "nothing");
  ASSERT_NE(cursor.image, nullptr);
  EXPECT_EQ(first_pixel(cursor), 0xffffffff);
  EXPECT_EQ(cursor.hotspot, (Point{1, 1}));
}

}  // namespace
}  // namespace demo
