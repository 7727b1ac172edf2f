#include "compositor-demo/shell/throttle.hpp"

#include <gtest/gtest.h>

namespace demo {
namespace {

using namespace std::chrono_literals;

constexpr WindowId a{1};
constexpr WindowId b{2};
constexpr calloop::TimePoint start{100s};

TEST(Throttle, NobodyWaitsAtFirst) {
  Throttle throttle;
  EXPECT_FALSE(throttle.next());
  EXPECT_FALSE(throttle.take(start));
}

TEST(Throttle, GivesOneFrameASecond) {
  Throttle throttle;
  int frames = 0;
  for (auto now = start; now < start + 10s; now += 10ms) {
    throttle.wait(a, now);  // an eager client: commits again at once
    if (throttle.take(now))
      ++frames;
  }
  EXPECT_EQ(frames, 10);
}

TEST(Throttle, ServesEveryWindowInItsOwnTime) {
  Throttle throttle;
  throttle.wait(a, start);
  EXPECT_EQ(throttle.take(start), a);
  EXPECT_FALSE(throttle.next()) << "does not wait";
  throttle.wait(a, start + 1ms);
  throttle.wait(b, start + 500ms);
  EXPECT_EQ(throttle.next(), start + 500ms);
  EXPECT_EQ(throttle.take(start + 500ms), b);
  EXPECT_EQ(throttle.next(), start + 1s);
  EXPECT_FALSE(throttle.take(start + 999ms));
  EXPECT_EQ(throttle.take(start + 1s), a);
}

TEST(Throttle, ForgetsWindowsThatAreGone) {
  Throttle throttle;
  throttle.wait(a, start);
  throttle.forget(a);
  throttle.forget(b);
  EXPECT_FALSE(throttle.next());
}

}  // namespace
}  // namespace demo
