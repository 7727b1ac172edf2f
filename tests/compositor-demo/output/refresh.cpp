#include "compositor-demo/output/refresh.hpp"

#include <chrono>
#include <cstdint>

#include <gtest/gtest.h>

namespace demo {
namespace {

using namespace std::chrono_literals;

constexpr calloop::TimePoint phase{12345ns};

TEST(Refresh, DoesNotDrift) {
  Refresh grid{60'000};
  grid.start(phase);
  EXPECT_EQ(grid.moment(0), phase);
  EXPECT_EQ(grid.moment(1), phase + 16'666'666ns);
  EXPECT_EQ(grid.moment(60), phase + 1s);
  EXPECT_EQ(grid.moment(std::int64_t{60} * 3600 * 24 * 365), phase + 8760h);
}

TEST(Refresh, RatesOfMillihertz) {
  Refresh grid{59'940};
  grid.start(phase);
  EXPECT_EQ(grid.moment(59'940), phase + 1000s);
  EXPECT_EQ(grid.period(), 16'683'350ns);
  EXPECT_EQ(Refresh{1'000}.period(), 1s);
  EXPECT_EQ(Refresh{1'000'000}.period(), 1ms);
}

TEST(Refresh, MomentsGrow) {
  Refresh grid{143'981};
  grid.start(phase);
  for (std::int64_t n = 143'000; n < 145'000; ++n) {
    const auto gap = grid.moment(n + 1) - grid.moment(n);
    ASSERT_GE(gap, grid.period());
    ASSERT_LE(gap, grid.period() + 1ns);
  }
}

}  // namespace
}  // namespace demo
