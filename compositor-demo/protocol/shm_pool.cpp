#include "compositor-demo/protocol/shm_pool.hpp"

#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <system_error>

namespace demo {

const char* ShmLayout::problem(std::size_t pool_size) const noexcept {
  // In 64 bits none of this can overflow: every factor has 31.
  if (offset < 0)
    return "the offset is negative";
  if (offset % 4 != 0)
    return "the offset is not a multiple of four";
  if (width <= 0 || height <= 0)
    return "the size is not positive";
  if (width > largest || height > largest)
    return "the size is more than 32767";
  if (stride % 4 != 0)
    return "the stride is not a multiple of four";
  const std::int64_t row = std::int64_t{width} * 4;
  if (stride < row)
    return "the stride is smaller than a row of pixels";
  const std::int64_t end = offset + std::int64_t{stride} * (height - 1) + row;
  if (static_cast<std::uint64_t>(end) > pool_size)
    return "it does not fit into its pool";
  return nullptr;
}

ShmPool::ShmPool(calloop::OwnedFd fd, std::size_t size, wl_client* client)
    : client_{client},
      pools_{client, Limit::Pools},
      bytes_{client, Limit::MappedBytes, size},
      size_{size} {
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0)
    throw std::system_error{errno, std::generic_category(), "fstat"};
  // Mapping a device could have any effect.
  if (!S_ISREG(status.st_mode))
    throw std::system_error{ENODEV, std::generic_category(), "not a regular file"};
  void* const memory = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd.get(), 0);
  if (memory == MAP_FAILED)
    throw std::system_error{errno, std::generic_category(), "mmap"};
  data_ = static_cast<std::byte*>(memory);
}

ShmPool::~ShmPool() {
  ::munmap(data_, size_);
}

void ShmPool::grow(std::size_t size) {
  if (size <= size_)
    return;
  const std::size_t old = bytes_.amount();
  bytes_.resize(size);
  void* const memory = ::mremap(data_, size_, size, MREMAP_MAYMOVE);
  if (memory == MAP_FAILED) {
    const int error = errno;
    bytes_.resize(old);
    throw std::system_error{error, std::generic_category(), "mremap"};
  }
  data_ = static_cast<std::byte*>(memory);
  size_ = size;
}

}  // namespace demo
