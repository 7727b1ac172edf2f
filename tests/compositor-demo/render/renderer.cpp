#include "compositor-demo/render/renderer.hpp"

#include <algorithm>
#include <array>
#include <random>

#include <gtest/gtest.h>

#include "tests/compositor-demo/render/sprites.hpp"

namespace demo {
namespace {

using test::Sprite;

constexpr Size monitor{64, 48};
constexpr pixman_color_t background{0x3333, 0x4444, 0x5555, 0xffff};
constexpr std::uint32_t background_pixel = 0x334455;

// A screen whose windows change at random from frame to frame.
class RandomScene {
 public:
  explicit RandomScene(unsigned seed) : random_{seed} {}

  std::vector<Sprite> sprites;

  std::vector<Picture> pictures() const {
    std::vector<Picture> list;
    for (const Sprite& s : sprites)
      list.push_back(s.picture());
    return list;
  }

  void change() {
    for (Sprite& s : sprites)
      s.damage.clear();
    for (int n = roll(4); n >= 0; --n) {
      switch (sprites.empty() ? 0 : roll(7)) {
        case 0:
          if (sprites.size() < 8)
            sprites.insert(sprites.begin() + roll(sprites.size() + 1), make());
          break;
        case 1:
          sprites.erase(any());
          break;
        case 2:
          any()->position = somewhere();
          break;
        case 3:
          std::iter_swap(any(), any());
          break;
        case 4:
          std::ranges::rotate(sprites, any());
          break;
        case 5: {  // another buffer, as when a window is resized
          Sprite resized = make();
          const auto old = any();
          resized.id = old->id;
          *old = std::move(resized);
          old->damage = Rect::at({}, old->size);
          break;
        }
        default:
          draw(*any());
      }
    }
  }

 private:
  int roll(std::size_t sides) {
    return std::uniform_int_distribution<int>{0, static_cast<int>(sides) - 1}(random_);
  }
  std::vector<Sprite>::iterator any() { return sprites.begin() + roll(sprites.size()); }
  Point somewhere() { return {roll(84) - 20, roll(68) - 20}; }

  Rect inside(Size size) {
    const int x = roll(static_cast<std::size_t>(size.width));
    const int y = roll(static_cast<std::size_t>(size.height));
    return {x, y, 1 + roll(static_cast<std::size_t>(size.width - x)),
            1 + roll(static_cast<std::size_t>(size.height - y))};
  }

  Sprite make() {
    Sprite s;
    s.id = PictureId{++ids_};
    s.position = somewhere();
    s.size = {1 + roll(40), 1 + roll(30)};
    s.scale = roll(4) == 0 ? 2 : 1;
    s.transform = roll(3) == 0 ? static_cast<Transform>(roll(8)) : Transform::Normal;
    const Size stored = transformed(s.size, s.transform);
    const bool alpha = roll(4) != 0;
    s.pixels = test::image({stored.width * s.scale, stored.height * s.scale},
                           alpha ? PIXMAN_a8r8g8b8 : PIXMAN_x8r8g8b8);
    if (!alpha)
      s.opaque = Rect::at({}, s.size);
    else
      for (int n = roll(4); n > 0; --n)
        s.opaque.unite(inside(s.size));
    paint(s, Rect::at({}, s.size));
    if (!alpha)
      s.opaque.clear();  // the format says it
    return s;
  }
  void draw(Sprite& s) {
    const Rect where = inside(s.size);
    if (PIXMAN_FORMAT_A(pixman_image_get_format(s.pixels.get())) == 0) {
      s.opaque = Rect::at({}, s.size);
      paint(s, where);
      s.opaque.clear();
    } else {
      paint(s, where);
    }
    s.damage.unite(where);
  }
  // Opaque pixels where the client promises them, any others elsewhere.
  void paint(Sprite& s, const Rect& where) {
    for (int y = where.y; y < where.bottom(); ++y)
      for (int x = where.x; x < where.right(); ++x)
        s.set(x, y,
              test::argb(s.opaque.contains(Point{x, y}) ? 255U : static_cast<unsigned>(roll(256)),
                         static_cast<unsigned>(roll(256)), static_cast<unsigned>(roll(256)),
                         static_cast<unsigned>(roll(256))));
  }

  std::mt19937 random_;
  std::uint64_t ids_ = 0;
};

TEST(Renderer, RepaintsOneBufferToThePixelsOfAFullRedraw) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    RandomScene scene{seed};
    Renderer renderer{background};
    const test::Image target = test::image(monitor, PIXMAN_x8r8g8b8);
    for (int frame = 0; frame < 40; ++frame) {
      scene.change();
      renderer.render(target.get(), frame == 0 ? 0 : 1, scene.pictures());
      ASSERT_EQ(test::pixels_of(target.get()),
                test::redraw(scene.sprites, monitor, background_pixel))
          << "seed " << seed << ", frame " << frame;
    }
  }
}

TEST(Renderer, BringsBuffersOfAnyAgeUpToDate) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    RandomScene scene{seed};
    std::mt19937 random{seed};
    Renderer renderer{background};
    struct Buffer {
      test::Image image = test::image(monitor, PIXMAN_x8r8g8b8);
      int shown_in_frame = -1;
    };
    std::array<Buffer, 3> buffers;
    for (int frame = 0; frame < 60; ++frame) {
      scene.change();
      Buffer& buffer = buffers[random() % buffers.size()];
      const int age = buffer.shown_in_frame < 0 ? 0 : frame - buffer.shown_in_frame;
      renderer.render(buffer.image.get(), age, scene.pictures());
      buffer.shown_in_frame = frame;
      ASSERT_EQ(test::pixels_of(buffer.image.get()),
                test::redraw(scene.sprites, monitor, background_pixel))
          << "seed " << seed << ", frame " << frame << ", age " << age;
    }
  }
}

TEST(Renderer, TouchesNothingButWhatChanged) {
  Sprite window;
  window.id = PictureId{1};
  window.size = {20, 20};
  window.position = {10, 10};
  window.pixels = test::image(window.size);
  test::fill(window.pixels.get(), 0xff112233);
  Renderer renderer{background};
  const test::Image target = test::image(monitor, PIXMAN_x8r8g8b8);
  renderer.render(target.get(), 0, std::array{window.picture()});

  test::fill(target.get(), 0);
  window.damage = Rect{3, 4, 5, 6};
  const Region damage = renderer.render(target.get(), 1, std::array{window.picture()});
  EXPECT_EQ(damage, (Region{Rect{13, 14, 5, 6}}));
  for (int y = 0; y < monitor.height; ++y)
    for (int x = 0; x < monitor.width; ++x)
      ASSERT_EQ(test::pixel(target.get(), x, y) & 0xffffffU,
                damage.contains(Point{x, y}) ? 0x112233U : 0U)
          << x << "," << y;
}

TEST(Renderer, RepaintsEverythingForAnotherSize) {
  Renderer renderer{background};
  const test::Image small = test::image({8, 8}, PIXMAN_x8r8g8b8);
  renderer.render(small.get(), 0, {});
  const test::Image large = test::image({16, 16}, PIXMAN_x8r8g8b8);
  EXPECT_EQ(renderer.render(large.get(), 1, {}), (Region{Rect{0, 0, 16, 16}}));
  EXPECT_EQ(test::pixel(large.get(), 15, 15) & 0xffffffU, background_pixel);
}

TEST(Renderer, SaysWhoCanBeSeen) {
  std::vector<Sprite> sprites(3);
  for (std::size_t i = 0; i < sprites.size(); ++i) {
    sprites[i].id = PictureId{i};
    sprites[i].size = {10, 10};
    sprites[i].pixels = test::image({10, 10}, PIXMAN_x8r8g8b8);
  }
  sprites[2].position = {200, 0};  // off the screen
  std::vector<Picture> pictures;
  for (const Sprite& s : sprites)
    pictures.push_back(s.picture());
  Renderer renderer{background};
  const test::Image target = test::image(monitor, PIXMAN_x8r8g8b8);
  renderer.render(target.get(), 0, pictures);
  EXPECT_FALSE(renderer.visible(0));
  EXPECT_TRUE(renderer.visible(1));
  EXPECT_FALSE(renderer.visible(2));
}

TEST(Renderer, SaysBeforehandWhatAPictureCosts) {
  std::array<Sprite, 3> sprites;
  for (std::size_t i = 0; i < sprites.size(); ++i) {
    sprites[i].id = PictureId{i};
    sprites[i].size = {20, 10};
    sprites[i].pixels = test::image({20, 10});
  }
  sprites[0].position = {-10, 0};  // half of it is off the screen
  sprites[2].transform = Transform::Rotated180;
  std::vector<Picture> pictures;
  for (const Sprite& s : sprites)
    pictures.push_back(s.picture());
  Renderer renderer{background};
  renderer.plan(monitor, 0, pictures);
  constexpr std::int64_t rectangle = 256;
  EXPECT_EQ(renderer.work(0), 10 * 10 + rectangle);
  EXPECT_EQ(renderer.work(1), 20 * 10 + rectangle);
  EXPECT_GT(renderer.work(2), 4 * 20 * 10) << "it is turned";
  renderer.plan(monitor, 1, pictures);
  EXPECT_EQ(renderer.work(1), 0) << "nothing changed";
}

TEST(Renderer, LeavesOutWhatItIsToldTo) {
  std::array<Sprite, 2> sprites;
  for (std::size_t i = 0; i < sprites.size(); ++i) {
    sprites[i].id = PictureId{i};
    sprites[i].size = {10, 10};
    sprites[i].position = {static_cast<int>(20 * i), 0};
    sprites[i].pixels = test::image({10, 10});
    test::fill(sprites[i].pixels.get(), 0xff112233);
  }
  const std::array pictures{sprites[0].picture(), sprites[1].picture()};
  Renderer renderer{background};
  const test::Image target = test::image(monitor, PIXMAN_x8r8g8b8);
  renderer.plan(monitor, 0, pictures);
  renderer.leave_out(0);
  renderer.paint(target.get(), pictures);
  EXPECT_EQ(test::pixel(target.get(), 5, 5) & 0xffffffU, background_pixel);
  EXPECT_EQ(test::pixel(target.get(), 25, 5) & 0xffffffU, 0x112233U);
  EXPECT_FALSE(renderer.visible(0));
  EXPECT_TRUE(renderer.visible(1));
}

// Counts how its memory is read.
class Guard final : public Access {
 public:
  void begin() noexcept override {
    overlapped = overlapped || open > 0;
    ++open;
    ++reads;
  }
  bool end() noexcept override {
    --open;
    return false;
  }
  static inline int open = 0;
  static inline bool overlapped = false;
  int reads = 0;
};

TEST(Renderer, ReadsEachImageInsideItsOwnGuard) {
  std::array<Sprite, 3> sprites;
  std::array<Guard, 3> guards;
  std::vector<Picture> pictures;
  for (std::size_t i = 0; i < sprites.size(); ++i) {
    sprites[i].id = PictureId{i};
    sprites[i].size = {10, 10};
    sprites[i].position = {i == 2 ? 20 : 0, 0};
    sprites[i].pixels = test::image({10, 10}, PIXMAN_x8r8g8b8);
    pictures.push_back(sprites[i].picture());
    pictures.back().access = &guards[i];
  }
  Renderer renderer{background};
  const test::Image target = test::image(monitor, PIXMAN_x8r8g8b8);
  renderer.render(target.get(), 0, pictures);
  EXPECT_EQ(guards[0].reads, 0) << "hidden by the second";
  EXPECT_EQ(guards[1].reads, 1);
  EXPECT_EQ(guards[2].reads, 1);
  renderer.render(target.get(), 1, pictures);
  EXPECT_EQ(guards[1].reads, 1) << "nothing changed";
  EXPECT_EQ(Guard::open, 0);
  EXPECT_FALSE(Guard::overlapped);
}

}  // namespace
}  // namespace demo
