#include "compositor-demo/render/occlusion.hpp"

#include <gtest/gtest.h>

#include "tests/compositor-demo/render/sprites.hpp"

namespace demo {
namespace {

constexpr Rect everything{0, 0, 100, 100};

class OcclusionTest : public testing::Test {
 protected:
  Picture window(Rect area, Region opaque, pixman_format_code_t format = PIXMAN_a8r8g8b8) {
    images_.push_back(test::image(area.size(), format));
    Picture picture;
    picture.image = images_.back().get();
    picture.position = area.origin();
    picture.size = area.size();
    picture.opaque = std::move(opaque);
    return picture;
  }
  std::vector<test::Image> images_;
  Occlusion occlusion_;
};

TEST_F(OcclusionTest, OpaquePartsHideWhatIsBelow) {
  const std::vector<Picture> list{window({0, 0, 50, 50}, {}),
                                  window({10, 10, 20, 20}, Rect{5, 5, 10, 10})};
  occlusion_.compute(list, everything);
  EXPECT_EQ(occlusion_.visible[0], Region{Rect(0, 0, 50, 50)}.subtracted(Rect{15, 15, 10, 10}));
  EXPECT_EQ(occlusion_.visible[1], (Region{Rect{10, 10, 20, 20}}));
  EXPECT_EQ(occlusion_.background, Region{everything}.subtracted(Rect{15, 15, 10, 10}));
}

TEST_F(OcclusionTest, AFormatWithoutAlphaIsOpaqueAllOver) {
  const std::vector<Picture> list{window({10, 10, 5, 5}, {}),
                                  window({0, 0, 50, 50}, {}, PIXMAN_x8r8g8b8)};
  occlusion_.compute(list, everything);
  EXPECT_TRUE(occlusion_.visible[0].empty());
  EXPECT_EQ(occlusion_.background, Region{everything}.subtracted(Rect{0, 0, 50, 50}));
}

TEST_F(OcclusionTest, AnOpaqueRegionEndsWithItsSurfaceAndTheScreen) {
  const std::vector<Picture> list{window({90, 90, 50, 50}, Region::everything())};
  occlusion_.compute(list, everything);
  EXPECT_EQ(occlusion_.visible[0], (Region{Rect{90, 90, 10, 10}}));
  EXPECT_EQ(occlusion_.background, Region{everything}.subtracted(Rect{90, 90, 10, 10}));
}

// Thousands of windows with gaps between them: what they leave of the background is not kept
// exactly.
TEST_F(OcclusionTest, TheBackgroundDoesNotFallIntoPiecesWithoutNumber) {
  std::vector<Picture> list{window(everything, {})};
  for (int i = 0; i < 2000; ++i)
    list.push_back(window({i % 50 * 2, i / 50 * 2, 1, 1}, {}, PIXMAN_x8r8g8b8));
  occlusion_.compute(list, everything);
  // One more window adds two pieces or so.
  EXPECT_LE(occlusion_.background.rects().size(), 300U);
  EXPECT_EQ(occlusion_.visible[0], occlusion_.background);
  // What nothing covers is still seen.
  EXPECT_TRUE(occlusion_.background.contains(Rect{0, 81, 100, 19}));
  for (std::size_t i = 1; i < list.size(); ++i)
    EXPECT_FALSE(occlusion_.visible[i].empty()) << i;
}

TEST_F(OcclusionTest, WhatPixmanCannotReadHidesNothing) {
  Picture huge = window({0, 0, 1, 1}, Region::everything());
  huge.size = {20'000, 1};
  huge.scale = 2;
  occlusion_.compute(std::vector<Picture>{huge}, everything);
  EXPECT_TRUE(occlusion_.visible[0].empty());
  EXPECT_EQ(occlusion_.background, Region{everything});
}

}  // namespace
}  // namespace demo
