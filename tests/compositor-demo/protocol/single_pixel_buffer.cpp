#include "compositor-demo/protocol/single_pixel_buffer.hpp"

#include <gtest/gtest.h>

#include "single-pixel-buffer-v1-client-protocol.h"
#include "surface_test.hpp"

namespace demo {
namespace {

class SinglePixelTest : public SurfaceTest {
 protected:
  ~SinglePixelTest() override { wp_single_pixel_buffer_manager_v1_destroy(manager); }
  wl_buffer* pixel(std::uint32_t red, std::uint32_t green, std::uint32_t blue,
                   std::uint32_t alpha) {
    return wp_single_pixel_buffer_manager_v1_create_u32_rgba_buffer(manager, red, green, blue,
                                                                    alpha);
  }
  wp_single_pixel_buffer_manager_v1* manager = static_cast<wp_single_pixel_buffer_manager_v1*>(
      client.bind(wp_single_pixel_buffer_manager_v1_interface));
};

TEST_F(SinglePixelTest, IsOnePixelOfThatColour) {
  wl_surface* const surface = make_surface();
  Heard released;
  wl_buffer* const first = pixel(0x80000000, 0x40ffffff, 0x20000000, 0x80ffffff);
  released.release(first);
  show(surface, first);
  EXPECT_EQ(of(surface).size(), (Size{1, 1}));
  Picture picture = frame(surface).at(0);
  EXPECT_EQ(*pixman_image_get_data(picture.image), 0x80804020U);
  EXPECT_TRUE(picture.opaque.empty());
  picture.access->begin();
  EXPECT_TRUE(picture.access->end());

  show(surface, pixel(0xffffffff, 0, 0, 0xffffffff));
  picture = frame(surface).at(0);
  EXPECT_EQ(*pixman_image_get_data(picture.image) & 0xffffffU, 0xff0000U);
  EXPECT_FALSE(picture.opaque.empty()) << "nothing shines through";
  EXPECT_EQ(released.times, 1);
}

}  // namespace
}  // namespace demo
