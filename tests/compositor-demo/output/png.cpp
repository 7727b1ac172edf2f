#include "compositor-demo/output/png.hpp"

#include <fcntl.h>
#include <png.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <calloop/fd.hpp>

#include "compositor-demo/output/image.hpp"

namespace demo {
namespace {

namespace fs = std::filesystem;

class PngTest : public testing::Test {
 protected:
  PngTest() {
    std::string name = (fs::temp_directory_path() / "demo-png-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr)
      throw std::system_error{errno, std::generic_category()};
    directory_ = name;
  }
  ~PngTest() override {
    std::error_code ignored;
    fs::remove_all(directory_, ignored);
  }
  std::string file(const char* name) const { return (directory_ / name).string(); }
  std::size_t files() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator{directory_}, fs::directory_iterator{}));
  }

  fs::path directory_;
};

Image gradient(Size size) {
  Image image = make_image(size);
  for (int y = 0; y < size.height; ++y)
    for (int x = 0; x < size.width; ++x)
      pixman_image_get_data(image.get())[y * (pixman_image_get_stride(image.get()) / 4) + x] =
          0xab000000U | static_cast<unsigned>(x % 256) << 16 | static_cast<unsigned>(y % 256) << 8 |
          0x7fU;
  return image;
}

// Does not get smaller by compression.
Image noise(Size size) {
  Image image = make_image(size);
  std::mt19937 random{1};
  std::generate_n(pixman_image_get_data(image.get()), size.width * size.height, std::ref(random));
  return image;
}

std::vector<std::uint32_t> read_png(const std::string& file, Size& size) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  EXPECT_TRUE(png_image_begin_read_from_file(&png, file.c_str())) << png.message;
  EXPECT_EQ(png.format & PNG_FORMAT_FLAG_ALPHA, 0U);
  png.format = PNG_FORMAT_RGB;
  size = {static_cast<int>(png.width), static_cast<int>(png.height)};
  std::vector<png_byte> bytes(PNG_IMAGE_SIZE(png));
  EXPECT_TRUE(png_image_finish_read(&png, nullptr, bytes.data(), 0, nullptr)) << png.message;
  std::vector<std::uint32_t> pixels;
  for (std::size_t i = 0; i + 2 < bytes.size(); i += 3)
    pixels.push_back(static_cast<std::uint32_t>(bytes[i]) << 16 |
                     static_cast<std::uint32_t>(bytes[i + 1]) << 8 | bytes[i + 2]);
  return pixels;
}

TEST_F(PngTest, WhatIsWrittenIsReadBack) {
  const Size size{301, 7};  // rows that are no multiple of four bytes
  write_png(file("a.png"), gradient(size).get());
  Size read;
  const auto pixels = read_png(file("a.png"), read);
  ASSERT_EQ(read, size);
  for (int y = 0; y < size.height; ++y)
    for (int x = 0; x < size.width; ++x)
      ASSERT_EQ(pixels[static_cast<std::size_t>(y * size.width + x)],
                static_cast<unsigned>(x % 256) << 16 | static_cast<unsigned>(y) << 8 | 0x7fU);
}

TEST_F(PngTest, ReplacesTheFileAndLeavesNothingElse) {
  std::ofstream{file("a.png")} << "old";
  write_png(file("a.png"), gradient({5, 5}).get());
  write_png(file("a.png"), gradient({6, 4}).get());
  Size size;
  read_png(file("a.png"), size);
  EXPECT_EQ(size, (Size{6, 4}));
  EXPECT_EQ(files(), 1U);
}

TEST_F(PngTest, FollowsALinkToTheFile) {
  std::ofstream{file("real.png")} << "old";
  fs::create_symlink("real.png", file("link.png"));
  write_png(file("link.png"), gradient({5, 5}).get());
  EXPECT_TRUE(fs::is_symlink(file("link.png")));
  Size size;
  read_png(file("real.png"), size);
  EXPECT_EQ(size, (Size{5, 5}));
}

TEST_F(PngTest, NamesAFileThatCannotBeWritten) {
  const std::string name = file("missing/a.png");
  try {
    write_png(name, gradient({5, 5}).get());
    FAIL() << "written";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code().value(), ENOENT);
    EXPECT_NE(std::string{error.what()}.find(name), std::string::npos) << error.what();
  }
}

TEST_F(PngTest, NeverReplacesADevice) {
  write_png("/dev/null", gradient({5, 5}).get());
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

TEST_F(PngTest, DoesNotWaitForAReaderOfAPipe) {
  ASSERT_EQ(::mkfifo(file("pipe").c_str(), 0600), 0);
  const auto error_of_writing = [&] {
    try {
      write_png(file("pipe"), noise({400, 300}).get());
    } catch (const std::system_error& error) {
      EXPECT_NE(std::string{error.what()}.find(file("pipe")), std::string::npos) << error.what();
      return error.code().value();
    }
    return 0;
  };
  EXPECT_EQ(error_of_writing(), ENXIO);
  // One who does not read.
  const calloop::OwnedFd reader{::open(file("pipe").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
  EXPECT_EQ(error_of_writing(), ETIMEDOUT);
  EXPECT_TRUE(fs::is_fifo(file("pipe")));
}

TEST_F(PngTest, WritesToAPipeThatIsRead) {
  ASSERT_EQ(::mkfifo(file("pipe").c_str(), 0600), 0);
  std::jthread writer;
  {
    const calloop::OwnedFd reader{::open(file("pipe").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
    writer = std::jthread{[&] { write_png(file("pipe"), noise({400, 300}).get()); }};
    ::fcntl(reader.get(), F_SETFL, 0);
    std::ofstream copy{file("copy.png"), std::ios::binary};
    // The end comes when the writer has closed it, so it must have opened it before.
    std::array<char, 4096> buffer{};
    bool begun = false;
    while (true) {
      const ssize_t count = ::read(reader.get(), buffer.data(), buffer.size());
      if (count == 0 && begun)
        break;
      begun = begun || count > 0;
      copy.write(buffer.data(), count);
    }
  }
  Size size;
  read_png(file("copy.png"), size);
  EXPECT_EQ(size, (Size{400, 300}));
}

TEST_F(PngTest, SaysWhenThereIsNoRoom) {
  if (!fs::is_character_file("/dev/full"))
    GTEST_SKIP() << "there is no /dev/full";
  try {
    write_png("/dev/full", gradient({500, 500}).get());
    FAIL() << "written";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code().value(), ENOSPC) << error.what();
  }
}

}  // namespace
}  // namespace demo
