#include "compositor-demo/render/damage_ring.hpp"

#include <gtest/gtest.h>

namespace demo {
namespace {

constexpr Rect whole{0, 0, 100, 100};

Region column(int x) {
  return Rect{x, 0, 1, 100};
}

TEST(DamageRing, KnowsNothingAtFirst) {
  const DamageRing ring;
  for (int age = -1; age < 4; ++age)
    EXPECT_EQ(ring.since(age, whole), Region{whole});
}

TEST(DamageRing, SumsUpAsManyFramesAsTheBufferIsOld) {
  DamageRing ring;
  for (int frame = 0; frame < 11; ++frame)
    ring.push(column(frame));
  EXPECT_EQ(ring.since(1, whole), column(10));
  EXPECT_EQ(ring.since(2, whole), column(10).united(column(9)));
  EXPECT_EQ(ring.since(4, whole), (Region{Rect{7, 0, 4, 100}}));
}

TEST(DamageRing, RepaintsAllWhenTheAgeIsUnknownOrTooOld) {
  DamageRing ring;
  for (int frame = 0; frame < 11; ++frame)
    ring.push(column(frame));
  EXPECT_EQ(ring.since(0, whole), Region{whole});
  EXPECT_EQ(ring.since(static_cast<int>(DamageRing::depth) + 1, whole), Region{whole});
}

TEST(DamageRing, ForgetsAndKeepsInsideTheScreen) {
  DamageRing ring;
  ring.push(column(1));
  ring.push(Rect{-50, -50, 51, 51});
  EXPECT_EQ(ring.since(1, whole), (Region{Rect{0, 0, 1, 1}}));
  ring.clear();
  EXPECT_EQ(ring.since(1, whole), Region{whole});
}

}  // namespace
}  // namespace demo
