// Monitors come, change and go.
#include <gtest/gtest.h>

#include <string>

#include "seat_test.hpp"

namespace vm {
namespace {

class Outputs : public SeatTest {
 protected:
  void TearDown() override {
    const bool two = demo != nullptr;
    SeatTest::TearDown();
    if (two)
      machine().set_monitor(1, 0, 0);
  }
};

constexpr std::uint32_t red = 0xff0000;
constexpr std::uint32_t green = 0x00ff00;

TEST_F(Outputs, ASecondMonitorIsPluggedInAndUnplugged) {
  demo = std::make_unique<Demo>(machine(), "--cursor software");
  start_client("red", 300, 200, red);
  EXPECT_TRUE(shows(red, {16, 16, 300, 200}));
  machine().set_monitor(1, 800, 600);
  ASSERT_TRUE(demo->says("Virtual-2 is 800x600"));
  // New windows open where the pointer is.
  point_at(1280 + 700, 500, {0, 0, 1280 + 800, 800});
  start_client("green", 300, 200, green);
  EXPECT_TRUE(shows(green, {16, 16, 300, 200}, 1));
  EXPECT_TRUE(shows(red, {16, 16, 300, 200}, 0));
  machine().set_monitor(1, 0, 0);
  ASSERT_TRUE(demo->says("Virtual-2 is unplugged"));
  EXPECT_TRUE(screen_becomes(
      [](const e2e::Screenshot& picture) { return picture.count(green) == 300UL * 200; }));
  machine().qmp().type("a");
  EXPECT_FALSE(machine().wait_for_event("green key 30 1").empty());
  EXPECT_EQ(demo->end(), 0);
}

TEST_F(Outputs, AModeChangesWhileItRuns) {
  demo = std::make_unique<Demo>(machine(), "--cursor software");
  start_client("red", 300, 200, red);
  machine().set_monitor(0, 1024, 768);
  ASSERT_TRUE(demo->says("Virtual-1 is now 1024x768"));
  EXPECT_TRUE(screen_becomes([](const e2e::Screenshot& picture) {
    return picture.width() == 1024 && picture.height() == 768 &&
           picture.bounds(red) == e2e::Area{16, 16, 300, 200};
  }));
  machine().set_monitor(0, 1280, 800);
  ASSERT_TRUE(demo->says("Virtual-1 is now 1280x800"));
  EXPECT_TRUE(screen_becomes([](const e2e::Screenshot& picture) {
    return picture.width() == 1280 && picture.bounds(red) == e2e::Area{16, 16, 300, 200};
  }));
  EXPECT_EQ(demo->end(), 0);
}

}  // namespace
}  // namespace vm
