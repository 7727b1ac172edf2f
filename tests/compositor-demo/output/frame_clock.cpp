#include "compositor-demo/output/frame_clock.hpp"

#include <chrono>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <calloop/event_loop.hpp>
#include <calloop/sources/timer.hpp>
#include <calloop/testing.hpp>

namespace demo {
namespace {

using namespace std::chrono_literals;
using calloop::TimePoint;

constexpr TimePoint start{1000s};

class FrameClockTest : public testing::Test {
 protected:
  FrameClockTest() : FrameClockTest{std::make_unique<calloop::TestBackend>(start)} {}
  explicit FrameClockTest(std::unique_ptr<calloop::TestBackend> backend)
      : time_{*backend}, loop_{std::move(backend)} {}

  void dispatch() { loop_.dispatch(std::nullopt); }
  // Everything that can happen without time going by.
  void settle() { loop_.dispatch(0ns); }
  bool would_sleep_for_ever() {
    try {
      dispatch();
    } catch (const std::logic_error&) {
      return true;
    }
    return false;
  }

  calloop::TestBackend& time_;
  calloop::EventLoop<> loop_;
  std::vector<TimePoint> ticks_;
  std::vector<std::uint64_t> sequence_;
  FrameClock clock_{loop_.handle(), 60'000, [this](TimePoint t, std::uint64_t sequence) {
                      ticks_.push_back(t);
                      sequence_.push_back(sequence);
                    }};
};

TEST_F(FrameClockTest, NeverTicksUnasked) {
  EXPECT_TRUE(would_sleep_for_ever());
  clock_.request();
  dispatch();
  EXPECT_EQ(ticks_.size(), 1U);
  EXPECT_TRUE(would_sleep_for_ever()) << "nothing is armed after the frame";
}

TEST_F(FrameClockTest, AFrameAfterARestComesAtOnce) {
  clock_.request();
  settle();
  ASSERT_EQ(ticks_, std::vector{start});
  time_.advance(10s + 123456ns);
  clock_.request();
  settle();
  ASSERT_EQ(ticks_.size(), 2U);
  EXPECT_EQ(ticks_[1], start + 10s + 123456ns);
  EXPECT_EQ(sequence_[1] - sequence_[0], 600U) << "refreshes went by meanwhile";
}

TEST_F(FrameClockTest, ASecondFrameWaitsForThePeriod) {
  clock_.request();
  settle();
  time_.advance(5ms);
  clock_.request();
  clock_.request();
  settle();
  EXPECT_EQ(ticks_.size(), 1U);
  dispatch();
  ASSERT_EQ(ticks_.size(), 2U);
  EXPECT_EQ(ticks_[1], start + 16'666'666ns);
  EXPECT_TRUE(would_sleep_for_ever()) << "asked twice, ticked once";
}

TEST_F(FrameClockTest, ContinuousFramesDoNotDrift) {
  clock_.request();
  settle();
  for (int frame = 1; frame <= 600; ++frame) {
    time_.advance(std::chrono::microseconds{frame % 7 * 1000});  // a client draws
    clock_.request();
    dispatch();
  }
  ASSERT_EQ(ticks_.size(), 601U);
  EXPECT_EQ(ticks_.back(), start + 10s);
  EXPECT_EQ(sequence_.back() - sequence_.front(), 600U);
}

TEST_F(FrameClockTest, ALateFrameDoesNotDelayTheNext) {
  clock_.request();
  settle();
  clock_.request();
  time_.advance(20ms);  // something else kept the loop busy
  settle();
  ASSERT_EQ(ticks_.size(), 2U);
  EXPECT_EQ(ticks_[1], start + 16'666'666ns);
  clock_.request();
  dispatch();
  EXPECT_EQ(ticks_[2], start + 33'333'333ns);
}

TEST_F(FrameClockTest, MomentsThatAreLongPastAreLeftOut) {
  clock_.request();
  settle();
  clock_.request();
  time_.advance(55ms);
  settle();
  ASSERT_EQ(ticks_.size(), 2U);
  EXPECT_EQ(ticks_[1], start + 50ms) << "the third refresh";
  EXPECT_EQ(sequence_[1] - sequence_[0], 3U);
}

TEST_F(FrameClockTest, IsNeverFasterThanTheRefresh) {
  std::vector<TimePoint> at;
  FrameClock eager{loop_.handle(), 60'000, [&](TimePoint, std::uint64_t) {
                     at.push_back(time_.now());
                     eager.request();
                   }};
  eager.request();
  while (time_.now() < start + 1s)
    dispatch();
  EXPECT_GE(at.size(), 60U);
  EXPECT_LE(at.size(), 62U);
}

TEST_F(FrameClockTest, WaitsForWhatElseTheLoopHasToDo) {
  clock_.request();
  bool first = false;
  loop_.handle().insert_source(calloop::Timer::immediate(),
                               [&](TimePoint) { first = ticks_.empty(); });
  settle();
  EXPECT_TRUE(first);
  EXPECT_EQ(ticks_.size(), 1U);
}

TEST_F(FrameClockTest, ATickMayDestroyItsClock) {
  std::unique_ptr<FrameClock> clock;
  int ticks = 0;
  clock = std::make_unique<FrameClock>(loop_.handle(), 60'000, [&](TimePoint, std::uint64_t) {
    if (++ticks == 1)
      clock->request();
    else
      clock.reset();
  });
  clock->request();
  dispatch();
  dispatch();
  EXPECT_EQ(ticks, 2);
  EXPECT_FALSE(clock);
  EXPECT_TRUE(would_sleep_for_ever());
}

TEST_F(FrameClockTest, ADestroyedClockDoesNotTick) {
  for (const bool rested : {true, false}) {
    auto clock = std::make_unique<FrameClock>(
        loop_.handle(), 60'000, [&](TimePoint, std::uint64_t) { ticks_.emplace_back(); });
    clock->request();
    if (!rested) {
      settle();
      clock->request();
    }
    ticks_.clear();
    clock.reset();
    settle();
    EXPECT_TRUE(ticks_.empty());
  }
}

}  // namespace
}  // namespace demo
