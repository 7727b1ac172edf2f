#include "compositor-demo/output/refresh.hpp"

#include <chrono>
#include <cstdint>

#include <gtest/gtest.h>

namespace demo {
namespace {

using namespace std::chrono_literals;

constexpr calloop::TimePoint start{12345ns};

TEST(Refresh, DoesNotDrift) {
  Refresh grid{60'000};
  grid.start(start);
  EXPECT_EQ(grid.moment(0), start);
  EXPECT_EQ(grid.moment(1), start + 16'666'666ns);
  EXPECT_EQ(grid.moment(60), start + 1s);
  EXPECT_EQ(grid.moment(std::int64_t{60} * 3600 * 24 * 365), start + 8760h);
}

TEST(Refresh, RatesOfMillihertz) {
  Refresh grid{59'940};
  grid.start(start);
  EXPECT_EQ(grid.moment(59'940), start + 1000s);
  EXPECT_EQ(grid.period(), 16'683'350ns);
  EXPECT_EQ(Refresh{1'000}.period(), 1s);
  EXPECT_EQ(Refresh{1'000'000}.period(), 1ms);
}

TEST(Refresh, MomentsGrow) {
  Refresh grid{143'981};
  grid.start(start);
  for (std::int64_t n = 143'000; n < 145'000; ++n) {
    const auto gap = grid.moment(n + 1) - grid.moment(n);
    ASSERT_GE(gap, grid.period());
    ASSERT_LE(gap, grid.period() + 1ns);
  }
}

}  // namespace
}  // namespace demo
