// The memory of a wl_shm_pool, and whether what a client says about a buffer in it can be true.
#pragma once

#include <cstddef>
#include <cstdint>

#include <calloop/fd.hpp>

#include "compositor-demo/protocol/client_limits.hpp"

namespace demo {

// Where the pixels of a buffer are in its pool. Four bytes a pixel.
struct ShmLayout {
  std::int32_t offset = 0;  // bytes from the start of the pool
  std::int32_t width = 0;
  std::int32_t height = 0;
  std::int32_t stride = 0;  // bytes from one row to the next
  bool opaque = false;      // xrgb8888: the fourth byte means nothing

  // Pixels per direction: beyond, pixman's fixed-point numbers end.
  static constexpr std::int32_t largest = 32767;

  // What is wrong with it in a pool of `pool_size` bytes; null if every pixel lies inside.
  const char* problem(std::size_t pool_size) const noexcept;
};

// A client's file, mapped for reading. The client can shrink the file at any time: reading must be
// guarded against SIGBUS (SigbusGuard). The descriptor is not kept.
class ShmPool {
 public:
  // Throws std::system_error when the file cannot be mapped, LimitExceeded when the client has
  // mapped too much.
  ShmPool(calloop::OwnedFd fd, std::size_t size, wl_client* client);
  ShmPool(const ShmPool&) = delete;
  ShmPool& operator=(const ShmPool&) = delete;
  ~ShmPool();

  // Whose memory it is. What holds a pool belongs to that client, so it lives.
  wl_client* client() const noexcept { return client_; }
  std::byte* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }
  // Pools only grow; data() may change. Throws like the constructor and is then unchanged.
  void grow(std::size_t size);
  // The file was truncated while it was read: the mapping now is blank memory.
  bool lost() const noexcept { return lost_; }
  void mark_lost() noexcept { lost_ = true; }

 private:
  wl_client* client_;
  Charge pools_;
  Charge bytes_;
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  bool lost_ = false;
};

}  // namespace demo
