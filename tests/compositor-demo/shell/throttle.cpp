#include "compositor-demo/shell/throttle.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace demo {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr WindowId a{1};
constexpr WindowId b{2};
constexpr calloop::TimePoint start{100s};

TEST(Throttle, NobodyWaitsAtFirst) {
  Throttle throttle;
  EXPECT_FALSE(throttle.next());
  EXPECT_THAT(throttle.take(start), IsEmpty());
}

TEST(Throttle, GivesOneFrameASecond) {
  Throttle throttle;
  int frames = 0;
  for (auto now = start; now < start + 10s; now += 10ms) {
    throttle.wait(a, now);  // an eager client: commits again at once
    frames += static_cast<int>(throttle.take(now).size());
  }
  EXPECT_EQ(frames, 10);
}

TEST(Throttle, ServesEveryWindowInItsOwnTime) {
  Throttle throttle;
  throttle.wait(a, start);
  EXPECT_THAT(throttle.take(start), ElementsAre(a));
  EXPECT_FALSE(throttle.next()) << "does not wait";
  throttle.wait(a, start + 1ms);
  throttle.wait(b, start + 500ms);
  EXPECT_EQ(throttle.next(), start + 500ms);
  EXPECT_THAT(throttle.take(start + 500ms), ElementsAre(b));
  EXPECT_EQ(throttle.next(), start + 1s);
  EXPECT_THAT(throttle.take(start + 999ms), IsEmpty());
  EXPECT_THAT(throttle.take(start + 1s), ElementsAre(a));
  throttle.wait(a, start + 2s);
  throttle.wait(b, start + 2s);
  EXPECT_THAT(throttle.take(start + 2s), UnorderedElementsAre(a, b));
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
