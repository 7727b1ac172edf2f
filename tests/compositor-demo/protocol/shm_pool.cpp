#include "compositor-demo/protocol/shm_pool.hpp"

#include <limits>

#include <gtest/gtest.h>

namespace demo {
namespace {

constexpr std::int32_t highest = std::numeric_limits<std::int32_t>::max();
constexpr std::int32_t lowest = std::numeric_limits<std::int32_t>::min();

bool fits(ShmLayout layout, std::size_t pool) {
  return layout.problem(pool) == nullptr;
}

TEST(ShmLayout, FillsItsPoolExactly) {
  EXPECT_TRUE(fits({0, 10, 10, 40}, 400));
  EXPECT_FALSE(fits({0, 10, 10, 40}, 399));
  EXPECT_FALSE(fits({4, 10, 10, 40}, 400));
  EXPECT_TRUE(fits({4, 10, 10, 40}, 404));
  // Nothing is read behind the last pixel of the last row.
  EXPECT_TRUE(fits({0, 10, 10, 80}, 80 * 9 + 40));
  EXPECT_FALSE(fits({0, 10, 10, 80}, 80 * 9 + 39));
}

TEST(ShmLayout, RefusesWhatPointsOutside) {
  EXPECT_FALSE(fits({-4, 10, 10, 40}, 4000));
  EXPECT_FALSE(fits({lowest, 1, 1, 4}, 4000));
  EXPECT_FALSE(fits({highest - 3, 1, 1, 4}, 4000));
  EXPECT_FALSE(fits({0, 0, 10, 40}, 4000));
  EXPECT_FALSE(fits({0, 10, 0, 40}, 4000));
  EXPECT_FALSE(fits({0, -1, 10, 40}, 4000));
  EXPECT_FALSE(fits({0, 10, -1, 40}, 4000));
  EXPECT_FALSE(fits({0, 10, 10, -40}, 4000));
  EXPECT_FALSE(fits({0, 10, 10, 0}, 4000));
}

TEST(ShmLayout, RefusesRowsThatOverlapOrAreUnaligned) {
  EXPECT_FALSE(fits({0, 10, 10, 36}, 4000));
  EXPECT_FALSE(fits({0, 10, 10, 41}, 4000));
  EXPECT_FALSE(fits({2, 10, 10, 40}, 4000));
  // A width in bytes: what a client gets wrong that forgets the size of a pixel.
  EXPECT_FALSE(fits({0, 1200, 1, 1200}, 4096 * 10));
}

TEST(ShmLayout, DoesNotOverflow) {
  const auto everything = static_cast<std::size_t>(highest);
  EXPECT_FALSE(fits({0, 32767, 32767, highest - 3}, everything));
  EXPECT_FALSE(fits({highest - 3, 32767, 32767, highest - 3}, everything));
  EXPECT_FALSE(fits({0, highest, 1, highest - 3}, everything));
  EXPECT_FALSE(fits({0, 0x40000000, 1, 4}, everything)) << "four times the width wraps to zero";
  EXPECT_FALSE(fits({0, 1, highest, 4}, everything));
  EXPECT_FALSE(fits({0, 1, 3, highest - 3}, everything)) << "twice the stride wraps";
  EXPECT_TRUE(fits({0, 1, 1, highest - 3}, everything));
}

}  // namespace
}  // namespace demo
