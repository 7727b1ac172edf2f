#include "compositor-demo/protocol/single_pixel_buffer.hpp"

#include <memory>
#include <new>
#include <utility>

#include <wayland-server-protocol.h>

#include "compositor-demo/protocol/buffer.hpp"
#include "single-pixel-buffer-v1-server-protocol.h"

namespace demo {
namespace {

constexpr int single_pixel_buffer_manager_version = 1;

const struct wp_single_pixel_buffer_manager_v1_interface single_pixel_buffer_manager_requests = {
    .destroy = destroy_resource,
    .create_u32_rgba_buffer = request<&SinglePixelBinding::create_u32_rgba_buffer>,
};

class SinglePixelBuffer final : public Buffer {
 public:
  SinglePixelBuffer(wl_resource* resource, std::uint32_t pixel)
      : Buffer{resource},
        charge_{wl_resource_get_client(resource), Limit::Buffers},
        pixel_{pixel},
        image_{pixman_image_create_bits_no_clear(opaque() ? PIXMAN_x8r8g8b8 : PIXMAN_a8r8g8b8, 1, 1,
                                                 &pixel_, sizeof pixel_)} {
    if (!image_)
      throw std::bad_alloc{};
  }

  Size size() const noexcept override { return {1, 1}; }
  bool opaque() const noexcept override { return pixel_ >> 24U == 0xff; }
  pixman_image_t* image() override { return image_.get(); }
  // Nobody can take this memory away.
  void begin() noexcept override {}
  bool end() noexcept override { return true; }

 private:
  struct FreeImage {
    void operator()(pixman_image_t* image) const noexcept { pixman_image_unref(image); }
  };

  Charge charge_;
  std::uint32_t pixel_;
  std::unique_ptr<pixman_image_t, FreeImage> image_;
};

}  // namespace

SinglePixelBuffers::SinglePixelBuffers(wl_display* display)
    : global_{make_global<&SinglePixelBuffers::bind>(display,
                                                     &wp_single_pixel_buffer_manager_v1_interface,
                                                     single_pixel_buffer_manager_version, *this)} {}

void SinglePixelBuffers::bind(wl_client* client, int bound_version, std::uint32_t id) {
  auto binding = std::make_unique<SinglePixelBinding>(client);
  give_object(
      create_resource(client, &wp_single_pixel_buffer_manager_v1_interface, bound_version, id),
      &single_pixel_buffer_manager_requests, std::move(binding));
}

void SinglePixelBinding::create_u32_rgba_buffer(wl_resource* resource, std::uint32_t id,
                                                std::uint32_t red, std::uint32_t green,
                                                std::uint32_t blue, std::uint32_t alpha) {
  const std::uint32_t pixel =
      (alpha >> 24U) << 24U | (red >> 24U) << 16U | (green >> 24U) << 8U | blue >> 24U;
  wl_resource* const buffer =
      create_resource(wl_resource_get_client(resource), &wl_buffer_interface, 1, id);
  Buffer::give(buffer, std::make_shared<SinglePixelBuffer>(buffer, pixel));
}

}  // namespace demo
