// wl_shm: clients share memory with pixels in it. Formats: argb8888 and xrgb8888.
//
// Written here rather than taken from libwayland, whose own accepts strides with which a renderer
// reads behind the pool, and knows nothing of a limit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include <wayland-server-core.h>

#include "compositor-demo/protocol/client_limits.hpp"
#include "compositor-demo/protocol/resource.hpp"
#include "compositor-demo/protocol/shm_pool.hpp"
#include "compositor-demo/protocol/sigbus_guard.hpp"

namespace demo {

class Shm {
 public:
  // Advertises wl_shm. Throws std::runtime_error.
  explicit Shm(wl_display* display);
  Shm(const Shm&) = delete;
  Shm& operator=(const Shm&) = delete;

  void bind(wl_client* client, int version, std::uint32_t id);

 private:
  SigbusHandler handler_;
  Global global_;
};

// What a client bound of it.
class ShmBinding {
 public:
  explicit ShmBinding(wl_client* client) : charge_{client, Limit::Bindings} {}
  void create_pool(wl_resource* resource, std::uint32_t id, std::int32_t fd, std::int32_t size);

 private:
  Charge charge_;
};

// wl_shm_pool. The memory stays as long as a buffer in it is there.
class ShmPoolObject {
 public:
  explicit ShmPoolObject(std::shared_ptr<ShmPool> pool) noexcept : pool_{std::move(pool)} {}
  void create_buffer(wl_resource* resource, std::uint32_t id, std::int32_t offset,
                     std::int32_t width, std::int32_t height, std::int32_t stride,
                     std::uint32_t format);
  void resize(wl_resource* resource, std::int32_t size);

 private:
  std::shared_ptr<ShmPool> pool_;
};

}  // namespace demo
