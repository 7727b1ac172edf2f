#include "compositor-demo/render/paint.hpp"

#include <gtest/gtest.h>

#include "tests/compositor-demo/render/sprites.hpp"

namespace demo {
namespace {

using test::Sprite;

constexpr Size canvas{16, 16};

Sprite numbered(Size size, Transform transform, int scale) {
  Sprite s;
  s.size = size;
  s.position = {3, 2};
  s.transform = transform;
  s.scale = scale;
  const Size stored = transformed(size, transform);
  s.pixels = test::image({stored.width * scale, stored.height * scale});
  for (int y = 0; y < size.height; ++y)
    for (int x = 0; x < size.width; ++x)
      s.set(x, y, 0xff000000U | static_cast<std::uint32_t>(x * 16 + y));
  return s;
}

TEST(Paint, TurnsAndScalesLikeTheProtocolSays) {
  for (int t = 0; t < 8; ++t) {
    for (const int scale : {1, 2, 3}) {
      const Sprite s = numbered({7, 5}, static_cast<Transform>(t), scale);
      const test::Image target = test::image(canvas, PIXMAN_x8r8g8b8);
      paint_picture(target.get(), Rect::at({}, canvas).intersected(s.picture().area()),
                    s.picture());
      for (int y = 0; y < 5; ++y)
        for (int x = 0; x < 7; ++x)
          ASSERT_EQ(test::pixel(target.get(), 3 + x, 2 + y) & 0xffffffU,
                    static_cast<std::uint32_t>(x * 16 + y))
              << "transform " << t << ", scale " << scale << " at " << x << "," << y;
    }
  }
}

TEST(Paint, StaysInsideTheRegion) {
  const Sprite s = numbered({10, 10}, Transform::Normal, 1);
  const test::Image target = test::image(canvas, PIXMAN_x8r8g8b8);
  test::fill(target.get(), 0x777777);
  const Region where = Region{Rect{4, 4, 2, 2}}.unite(Rect{8, 8, 1, 3});
  paint_picture(target.get(), where, s.picture());
  paint_background(target.get(), Rect{0, 0, 1, 1}, {0, 0, 0xffff, 0xffff});
  for (int y = 0; y < canvas.height; ++y) {
    for (int x = 0; x < canvas.width; ++x) {
      std::uint32_t expected = 0x777777;
      if (where.contains(Point{x, y}))
        expected = static_cast<std::uint32_t>((x - 3) * 16 + y - 2);
      if (x == 0 && y == 0)
        expected = 0x0000ff;
      ASSERT_EQ(test::pixel(target.get(), x, y) & 0xffffffU, expected) << x << "," << y;
    }
  }
}

TEST(Paint, LeavesTheImageAsItWas) {
  const Sprite s = numbered({4, 4}, Transform::Flipped90, 2);
  const test::Image target = test::image(canvas, PIXMAN_x8r8g8b8);
  paint_picture(target.get(), Rect{3, 2, 4, 4}, s.picture());
  const test::Image copy = test::image({8, 8});
  pixman_image_composite32(PIXMAN_OP_SRC, s.pixels.get(), nullptr, copy.get(), 0, 0, 0, 0, 0, 0, 8,
                           8);
  EXPECT_EQ(test::pixels_of(copy.get()), test::pixels_of(s.pixels.get()));
}

TEST(Paint, AnImageSmallerThanItClaimsIsTransparentThere) {
  Sprite s = numbered({2, 2}, Transform::Normal, 1);
  s.size = {6, 6};
  const test::Image target = test::image(canvas, PIXMAN_x8r8g8b8);
  test::fill(target.get(), 0x777777);
  paint_picture(target.get(), Rect{3, 2, 6, 6}, s.picture());
  EXPECT_EQ(test::pixel(target.get(), 3, 2) & 0xffffffU, 0U);
  EXPECT_EQ(test::pixel(target.get(), 8, 7) & 0xffffffU, 0x777777U);
}

}  // namespace
}  // namespace demo
