// A buffer that is a rectangle of pixels in a client's shared memory: read in place, never copied.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include <pixman.h>
#include <wayland-server-core.h>

#include "compositor-demo/geometry.hpp"
#include "compositor-demo/protocol/buffer.hpp"
#include "compositor-demo/protocol/client_limits.hpp"
#include "compositor-demo/protocol/shm_pool.hpp"
#include "compositor-demo/protocol/sigbus_guard.hpp"

namespace demo {

// The memory lives as long as this.
class ShmBuffer final : public Buffer {
 public:
  // The layout must have been checked against the pool.
  ShmBuffer(wl_resource* resource, std::shared_ptr<ShmPool> pool, const ShmLayout& layout,
            Charge charge);

  Size size() const noexcept override { return {layout_.width, layout_.height}; }
  bool opaque() const noexcept override { return layout_.opaque; }  // xrgb8888
  pixman_image_t* image() override;

  void begin() noexcept override;
  bool end() noexcept override;

 private:
  struct FreeImage {
    void operator()(pixman_image_t* image) const noexcept { pixman_image_unref(image); }
  };

  std::shared_ptr<ShmPool> pool_;
  ShmLayout layout_;
  Charge charge_;
  std::optional<SigbusGuard> guard_;  // between begin and end
  std::unique_ptr<pixman_image_t, FreeImage> image_;
  const std::byte* image_data_ = nullptr;  // where image_ looks; the pool may move
};

}  // namespace demo
