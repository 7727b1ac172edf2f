#include "compositor-demo/output/arrangement.hpp"

#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace demo {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Arrangement, IsSideBySide) {
  EXPECT_THAT(side_by_side(std::array{Size{1280, 800}, Size{800, 600}, Size{640, 480}}),
              ElementsAre(Point{0, 0}, Point{1280, 0}, Point{2080, 0}));
}

TEST(Arrangement, OfNothingIsEmpty) {
  EXPECT_THAT(side_by_side({}), IsEmpty());
}

}  // namespace
}  // namespace demo
