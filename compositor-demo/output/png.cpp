#include "compositor-demo/output/png.hpp"

#include <fcntl.h>
#include <png.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <span>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <calloop/fd.hpp>

#include "compositor-demo/output/image.hpp"

namespace demo {
namespace {

// How long somebody may take who reads the picture from a pipe: the compositor stands still
// meanwhile.
constexpr std::chrono::milliseconds patience{500};

struct FileCloser {
  void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};
struct Free {
  // NOLINTNEXTLINE(cppcoreguidelines-no-malloc): open_memstream(3) has allocated it.
  void operator()(char* memory) const noexcept { std::free(memory); }
};

// A PNG in memory.
struct Encoded {
  std::unique_ptr<char, Free> bytes;
  std::size_t size = 0;
};

[[noreturn]] void fail(const std::string& file, int error = errno) {
  throw std::system_error{error, std::generic_category(), "screenshot " + file};
}

// Never waits for somebody who reads: a pipe without a reader is ENXIO.
calloop::OwnedFd open_file(const std::string& path, int flags, const std::string& reported_as) {
  calloop::OwnedFd fd{::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NONBLOCK | flags, 0666)};
  if (!fd)
    fail(reported_as);
  return fd;
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

Encoded encode(pixman_image_t* image, const std::string& reported_as) {
  // 24 bits per pixel, in the order that libpng calls BGR on this byte order.
  const Size size{pixman_image_get_width(image), pixman_image_get_height(image)};
  const Image rgb = make_image(size, PIXMAN_r8g8b8);
  pixman_image_composite32(PIXMAN_OP_SRC, image, nullptr, rgb.get(), 0, 0, 0, 0, 0, 0, size.width,
                           size.height);

  char* bytes = nullptr;
  std::size_t length = 0;
  std::unique_ptr<std::FILE, FileCloser> stream{::open_memstream(&bytes, &length)};
  if (!stream)
    fail(reported_as);
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  png.width = static_cast<png_uint_32>(size.width);
  png.height = static_cast<png_uint_32>(size.height);
  png.format = std::endian::native == std::endian::little ? PNG_FORMAT_BGR : PNG_FORMAT_RGB;
  png.flags = PNG_IMAGE_FLAG_FAST;
  const bool worked =
      png_image_write_to_stdio(&png, stream.get(), 0, pixman_image_get_data(rgb.get()),
                               pixman_image_get_stride(rgb.get()), nullptr) != 0;
  stream.reset();  // only now `bytes` is what was written
  Encoded encoded{std::unique_ptr<char, Free>{bytes}, length};
  if (!worked)
    throw std::runtime_error{"screenshot " + reported_as + ": " + png.message};
  return encoded;
}

void write_all(const calloop::OwnedFd& file, const Encoded& encoded,
               const std::string& reported_as) {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + patience;
  std::span<const char> rest{encoded.bytes.get(), encoded.size};
  while (!rest.empty()) {
    const ssize_t written = ::write(file.get(), rest.data(), rest.size());
    if (written >= 0) {
      rest = rest.subspan(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
      struct pollfd writable{file.get(), POLLOUT, 0};
      if (left.count() <= 0 || ::poll(&writable, 1, static_cast<int>(left.count())) == 0)
        fail(reported_as, ETIMEDOUT);
    } else if (errno != EINTR) {
      fail(reported_as);
    }
  }
}

// close(2) may be the first to say that there was no room.
void close_written(calloop::OwnedFd file, const std::string& reported_as) {
  if (::close(file.release()) != 0 && errno != EINTR)
    fail(reported_as);
}

}  // namespace

void write_png(const std::string& file, pixman_image_t* image) {
  const Encoded encoded = encode(image, file);
  struct stat status{};
  const bool exists = ::stat(file.c_str(), &status) == 0;
  if (exists && !S_ISREG(status.st_mode)) {
    write_all(open_file(file, 0, file), encoded, file);
    return;
  }
  // Through a symbolic link to the file itself: the link stays.
  const std::string target = exists ? std::filesystem::canonical(file).string() : file;
  Temporary temporary{target};
  calloop::OwnedFd written = open_file(temporary.path(), O_CREAT | O_EXCL, file);
  write_all(written, encoded, file);
  close_written(std::move(written), file);
  temporary.keep_as(target);
}

}  // namespace demo
