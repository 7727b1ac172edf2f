#include "buffer.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace clients {

calloop::OwnedFd make_shared_file(std::size_t bytes) {
  calloop::OwnedFd file{::memfd_create("test-client", MFD_CLOEXEC)};
  if (!file || ::ftruncate(file.get(), static_cast<off_t>(bytes)) != 0)
    throw std::system_error{errno, std::generic_category(), "memfd_create"};
  return file;
}

std::size_t Buffer::bytes() const noexcept {
  return static_cast<std::size_t>(width_) * static_cast<std::size_t>(height_) * sizeof(Colour);
}

Buffer::Buffer(Connection& connection, int width, int height, Colour colour, wl_shm_format format)
    : width_{width}, height_{height}, file_{make_shared_file(bytes())} {
  void* const memory = ::mmap(nullptr, bytes(), PROT_READ | PROT_WRITE, MAP_SHARED, file_.get(), 0);
  if (memory == MAP_FAILED)
    throw std::system_error{errno, std::generic_category(), "mmap"};
  pixels_ = static_cast<Colour*>(memory);
  fill(colour);

  const Owned<wl_shm_pool> pool{
      wl_shm_create_pool(connection.shm.get(), fd(), static_cast<int>(bytes()))};
  buffer_.reset(wl_shm_pool_create_buffer(pool.get(), 0, width, height,
                                          width * static_cast<int>(sizeof(Colour)), format));
  static constexpr wl_buffer_listener listener{.release = [](void* self, wl_buffer*) noexcept {
    static_cast<Buffer*>(self)->released_ = true;
  }};
  wl_buffer_add_listener(buffer_.get(), &listener, this);
}

Buffer::~Buffer() {
  ::munmap(pixels_, bytes());
}

void Buffer::fill(int x, int y, int width, int height, Colour colour) noexcept {
  for (int row = y; row < y + height; ++row)
    std::fill_n(pixels_ + std::ptrdiff_t{row} * width_ + x, width, colour);
}

}  // namespace clients
