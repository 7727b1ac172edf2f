#include "compositor-demo/render/frame_budget.hpp"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace demo {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

TEST(FrameBudget, IsManyTimesTheScreenAndNeverSmall) {
  EXPECT_EQ(frame_budget({3840, 2160}), 32LL * 3840 * 2160);
  EXPECT_GE(frame_budget({1, 1}), 64'000'000);
}

TEST(OverBudget, NobodyIs) {
  EXPECT_THAT(over_budget({}, 100), IsEmpty());
  const std::vector<Work> many(50, Work{1, 2});
  EXPECT_THAT(over_budget(many, 100), IsEmpty()) << "together just as much";
  // What others make is not theirs.
  EXPECT_THAT(over_budget(std::vector<Work>{{1, 100}, {2, 100}, {3, 100}}, 100), IsEmpty());
}

TEST(OverBudget, OfAProcessTheMostExpensiveGo) {
  const std::vector<Work> windows{{7, 30}, {7, 90}, {9, 99}, {7, 60}, {7, 40}, {9, 0}};
  EXPECT_THAT(over_budget(windows, 100), ElementsAre(1, 3)) << "70 are left";
}

TEST(OverBudget, EachProcessForItself) {
  const std::vector<Work> windows{{1, 200}, {2, 10}, {3, 101}, {1, 1}};
  EXPECT_THAT(over_budget(windows, 100), UnorderedElementsAre(0, 2));
}

}  // namespace
}  // namespace demo
