#include "compositor-demo/render/damage_tracker.hpp"

#include <array>

#include <gtest/gtest.h>

namespace demo {
namespace {

constexpr Size screen{100, 100};

Picture window(std::uint64_t id, Rect area, Region damage = {}) {
  Picture picture;
  picture.id = PictureId{id};
  picture.position = area.origin();
  picture.size = area.size();
  picture.damage = std::move(damage);
  return picture;
}

class DamageTrackerTest : public testing::Test {
 protected:
  Region update(std::vector<Picture> frame) { return tracker_.update(frame, screen); }
  DamageTracker tracker_;
};

TEST_F(DamageTrackerTest, FirstFrameIsAllNew) {
  EXPECT_EQ(update({}), (Region{Rect{0, 0, 100, 100}}));
  EXPECT_TRUE(update({}).empty());
  tracker_.reset();
  EXPECT_EQ(update({}), (Region{Rect{0, 0, 100, 100}}));
}

TEST_F(DamageTrackerTest, TakesTheDamageOfSurfacesToWhereTheyAre) {
  update({window(1, {10, 20, 30, 40})});
  EXPECT_EQ(update({window(1, {10, 20, 30, 40}, Rect{1, 2, 3, 4})}), (Region{Rect{11, 22, 3, 4}}));
  EXPECT_TRUE(update({window(1, {10, 20, 30, 40})}).empty());
}

TEST_F(DamageTrackerTest, BelievesNoDamageOutsideTheSurfaceOrTheScreen) {
  update({window(1, {90, 90, 30, 30})});
  EXPECT_EQ(update({window(1, {90, 90, 30, 30}, Region::everything())}),
            (Region{Rect{90, 90, 10, 10}}));
}

// Each further piece would be compared with all that are there.
TEST_F(DamageTrackerTest, PiecesWithoutNumberAreOne) {
  std::vector<Picture> frame;
  for (int i = 0; i < 2000; ++i)
    frame.push_back(window(static_cast<std::uint64_t>(i), {i % 50 * 2, i / 50 * 2, 1, 1}));
  update({});
  const Region damage = update(frame);
  EXPECT_LE(damage.rects().size(), 256U);
  for (const Picture& picture : frame)
    EXPECT_TRUE(damage.contains(picture.area()));
}

TEST_F(DamageTrackerTest, SeesWindowsComeMoveGrowAndGo) {
  update({});
  EXPECT_EQ(update({window(1, {0, 0, 10, 10})}), (Region{Rect{0, 0, 10, 10}}));
  EXPECT_EQ(update({window(1, {20, 0, 10, 10})}),
            Region{Rect(0, 0, 10, 10)}.united(Rect{20, 0, 10, 10}));
  EXPECT_EQ(update({window(1, {20, 0, 15, 5})}),
            Region{Rect(20, 0, 10, 10)}.united(Rect{20, 0, 15, 5}));
  EXPECT_EQ(update({}), (Region{Rect{20, 0, 15, 5}}));
}

TEST_F(DamageTrackerTest, SeesTheSamePixelsReadInAnotherWay) {
  update({window(1, {0, 0, 10, 10})});
  Picture turned = window(1, {0, 0, 10, 10});
  turned.transform = Transform::Rotated180;
  EXPECT_EQ(update({turned}), (Region{Rect{0, 0, 10, 10}}));
  turned.scale = 2;
  EXPECT_EQ(update({turned}), (Region{Rect{0, 0, 10, 10}}));
}

TEST_F(DamageTrackerTest, RepaintsWhereRestackedWindowsOverlap) {
  const Picture a = window(1, {0, 0, 20, 20});
  const Picture b = window(2, {10, 10, 20, 20});
  const Picture c = window(3, {50, 50, 20, 20});
  update({a, b, c});
  const Region swapped = update({b, a, c});
  EXPECT_TRUE(swapped.contains(Rect{10, 10, 10, 10}));
  EXPECT_FALSE(swapped.intersects(c.area())) << "kept its place";
}

TEST_F(DamageTrackerTest, AWindowBelowThatClosesRepaintsNothingElse) {
  const Picture a = window(1, {0, 0, 20, 20});
  const Picture b = window(2, {10, 10, 20, 20});
  update({a, b});
  EXPECT_EQ(update({b}), Region{a.area()});
}

}  // namespace
}  // namespace demo
