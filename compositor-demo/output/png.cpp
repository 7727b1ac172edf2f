#include "compositor-demo/output/png.hpp"

#include <fcntl.h>
#include <png.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <calloop/fd.hpp>

#include "compositor-demo/output/image.hpp"

namespace demo {
namespace {

struct FileCloser {
  void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, FileCloser>;

[[noreturn]] void fail(const std::string& file, int error = errno) {
  throw std::system_error{error, std::generic_category(), "screenshot " + file};
}

File open_file(const std::string& path, int flags, const std::string& reported_as) {
  calloop::OwnedFd fd{::open(path.c_str(), O_WRONLY | O_CLOEXEC | flags, 0666)};
  if (!fd)
    fail(reported_as);
  File file{::fdopen(fd.get(), "wb")};
  if (!file)
    fail(reported_as);
  static_cast<void>(fd.release());  // the stream closes it
  return file;
}

// A file beside `path` that is gone again unless it is kept.
class Temporary {
 public:
  explicit Temporary(const std::string& path)
      : path_{path + "." + std::to_string(::getpid()) + ".part"} {
    ::unlink(path_.c_str());  // left by a process of that number which was killed
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  ~Temporary() {
    if (!kept_)
      ::unlink(path_.c_str());
  }
  const std::string& path() const noexcept { return path_; }
  void keep_as(const std::string& path) {
    if (::rename(path_.c_str(), path.c_str()) != 0)
      fail(path);
    kept_ = true;
  }

 private:
  std::string path_;
  bool kept_ = false;
};

void write_pixels(File file, pixman_image_t* image, const std::string& reported_as) {
  // 24 bits per pixel, in the order that libpng calls BGR on this byte order.
  const Size size{pixman_image_get_width(image), pixman_image_get_height(image)};
  const Image rgb = make_image(size, PIXMAN_r8g8b8);
  pixman_image_composite32(PIXMAN_OP_SRC, image, nullptr, rgb.get(), 0, 0, 0, 0, 0, 0, size.width,
                           size.height);

  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  png.width = static_cast<png_uint_32>(size.width);
  png.height = static_cast<png_uint_32>(size.height);
  png.format = std::endian::native == std::endian::little ? PNG_FORMAT_BGR : PNG_FORMAT_RGB;
  png.flags = PNG_IMAGE_FLAG_FAST;  // the compositor stands still meanwhile
  errno = 0;
  if (!png_image_write_to_stdio(&png, file.get(), 0, pixman_image_get_data(rgb.get()),
                                pixman_image_get_stride(rgb.get()), nullptr)) {
    if (errno != 0)
      fail(reported_as);  // libpng only says "Write Error"
    throw std::runtime_error{"screenshot " + reported_as + ": " + png.message};
  }
  if (std::fclose(file.release()) != 0)
    fail(reported_as);
}

}  // namespace

void write_png(const std::string& file, pixman_image_t* image) {
  struct stat status{};
  const bool exists = ::stat(file.c_str(), &status) == 0;
  if (exists && !S_ISREG(status.st_mode)) {
    write_pixels(open_file(file, 0, file), image, file);
    return;
  }
  // Through a symbolic link to the file itself: the link stays.
  const std::string target = exists ? std::filesystem::canonical(file).string() : file;
  Temporary temporary{target};
  write_pixels(open_file(temporary.path(), O_CREAT | O_EXCL, file), image, file);
  temporary.keep_as(target);
}

}  // namespace demo
