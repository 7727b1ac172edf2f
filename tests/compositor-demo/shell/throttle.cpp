#include "compositor-demo/shell/throttle.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace demo {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr WindowId eager{1};
constexpr WindowId patient{2};
constexpr calloop::TimePoint t0{100s};

TEST(Throttle, NobodyWaitsAtFirst) {
  Throttle throttle;
  EXPECT_FALSE(throttle.next());
  EXPECT_THAT(throttle.take(t0), IsEmpty());
}

TEST(Throttle, GivesOneFrameASecond) {
  Throttle throttle;
  int frames = 0;
  for (auto now = t0; now < t0 + 10s; now += 10ms) {
    throttle.wait(eager, now);  // commits again at once
    frames += static_cast<int>(throttle.take(now).size());
  }
  EXPECT_EQ(frames, 10);
}

TEST(Throttle, ServesEveryWindowInItsOwnTime) {
  Throttle throttle;
  throttle.wait(eager, t0);
  EXPECT_THAT(throttle.take(t0), ElementsAre(eager));
  EXPECT_FALSE(throttle.next()) << "does not wait";
  throttle.wait(eager, t0 + 1ms);
  throttle.wait(patient, t0 + 500ms);
  EXPECT_EQ(throttle.next(), t0 + 500ms);
  EXPECT_THAT(throttle.take(t0 + 500ms), ElementsAre(patient));
  EXPECT_EQ(throttle.next(), t0 + 1s);
  EXPECT_THAT(throttle.take(t0 + 999ms), IsEmpty());
  EXPECT_THAT(throttle.take(t0 + 1s), ElementsAre(eager));
  throttle.wait(eager, t0 + 2s);
  throttle.wait(patient, t0 + 2s);
  EXPECT_THAT(throttle.take(t0 + 2s), UnorderedElementsAre(eager, patient));
}

TEST(Throttle, ForgetsWindowsThatAreGone) {
  Throttle throttle;
  throttle.wait(eager, t0);
  throttle.forget(eager);
  throttle.forget(patient);
  EXPECT_FALSE(throttle.next());
}

}  // namespace
}  // namespace demo
