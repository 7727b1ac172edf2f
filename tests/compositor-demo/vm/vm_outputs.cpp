// Monitors come, change and go.
#include <gtest/gtest.h>

#include <cstdint>
#include <sstream>
#include <string>

#include "seat_test.hpp"

namespace vm {
namespace {

class Outputs : public SeatTest {
 protected:
  void TearDown() override {
    const bool booted = demo != nullptr;
    SeatTest::TearDown();
    if (!booted)
      return;
    machine().set_monitor(0, 1280, 800);
    machine().set_monitor(1, 0, 0);
  }
};

TEST_F(Outputs, ASecondMonitorIsPluggedInAndUnplugged) {
  demo = std::make_unique<Demo>(machine(), "--cursor software");
  start_client("red", 300, 200, red);
  EXPECT_TRUE(shows(red, {16, 16, 300, 200}));
  machine().set_monitor(1, 800, 600);
  ASSERT_TRUE(demo->says("Virtual-2 is 800x600"));
  EXPECT_EQ(machine().wait_for_event("red output"), "red output Virtual-2 at 1280 0 is 800x600");
  // New windows open where the pointer is.
  point_at(1280 + 700, 500, {0, 0, 1280 + 800, 800});
  start_client("green", 300, 200, green);
  EXPECT_TRUE(shows(green, {16, 16, 300, 200}, 1));
  EXPECT_TRUE(shows(red, {16, 16, 300, 200}, 0));
  EXPECT_EQ(screen(0).count(green), 0U);
  EXPECT_EQ(screen(1).count(red), 0U);
  machine().set_monitor(1, 0, 0);
  ASSERT_TRUE(demo->says("Virtual-2 is unplugged"));
  EXPECT_EQ(machine().wait_for_event("red output"), "red output Virtual-2 goes");
  EXPECT_TRUE(screen_becomes(
      [](const e2e::Screenshot& picture) { return picture.count(green) == 300UL * 200; }));
  machine().qmp().type("a");
  EXPECT_FALSE(machine().wait_for_event("green key 30 1").empty());
  EXPECT_EQ(demo->end(), 0);
}

// wp_presentation, from the page flips of the kernel.
TEST_F(Outputs, ClientsHearWhenTheirFramesWereSeen) {
  demo = std::make_unique<Demo>(machine());
  start_client("red", 300, 200, red, "timed");
  std::int64_t last = 0;
  for (int frame = 0; frame < 3; ++frame) {
    std::istringstream words{machine().wait_for_event("red presented")};
    std::string name;
    std::string event;
    std::string output;
    std::int64_t refresh = 0;
    unsigned flags = 0;
    std::int64_t seen = 0;
    std::int64_t age = 0;
    ASSERT_TRUE(words >> name >> event >> output >> refresh >> flags >> seen >> age);
    EXPECT_EQ(output, "Virtual-1");
    EXPECT_GT(refresh, 1'000'000);    // a thousand frames a second
    EXPECT_LT(refresh, 100'000'000);  // ten
    // All of what a flip can tell, or nothing, where the driver does not count its frames.
    EXPECT_TRUE(flags == 0 || flags == 7) << flags;
    EXPECT_GT(seen, last);
    EXPECT_GE(age, 0) << "it was not seen yet";
    EXPECT_LT(age, 5'000'000'000);
    last = seen;
  }
  EXPECT_EQ(demo->end(), 0);
}

TEST_F(Outputs, AModeChangesWhileItRuns) {
  demo = std::make_unique<Demo>(machine(), "--cursor software");
  start_client("red", 300, 200, red);
  machine().set_monitor(0, 1024, 768);
  ASSERT_TRUE(demo->says("Virtual-1 is now 1024x768"));
  EXPECT_EQ(machine().wait_for_event("red output"), "red output Virtual-1 at 0 0 is 1024x768");
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

// A window that the smaller one would not show comes over, as from one that is unplugged.
TEST_F(Outputs, ChangeWhileTheSeatIsAnothers) {
  demo = std::make_unique<Demo>(machine(), "--cursor software");
  start_client("red", 1100, 200, red);
  start_client("green", 100, 200, green);  // beside it
  EXPECT_TRUE(shows(green, {1132, 16, 100, 200}));
  machine().must("chvt 2");
  ASSERT_TRUE(demo->says("the seat is somebody else's"));
  machine().set_monitor(0, 1024, 768);
  machine().set_monitor(1, 800, 600);
  machine().forget_events();
  machine().must("chvt 1");
  EXPECT_TRUE(demo->says("Virtual-1 is now 1024x768"));
  EXPECT_TRUE(demo->says("Virtual-2 is 800x600"));
  EXPECT_EQ(machine().wait_for_event("red output Virtual-1"),
            "red output Virtual-1 at 0 0 is 1024x768");
  EXPECT_EQ(machine().wait_for_event("red output Virtual-2"),
            "red output Virtual-2 at 1024 0 is 800x600");
  EXPECT_TRUE(shows(green, {924, 16, 100, 200}));
  point_at(1024 + 400, 300, {0, 0, 1024 + 800, 768});
  start_client("blue", 200, 100, blue);
  EXPECT_TRUE(shows(blue, {108, 16, 200, 100}, 1));  // beside what the red one has there

  machine().must("chvt 2");
  EXPECT_TRUE(machine().becomes_true("grep -q tty2 /sys/class/tty/tty0/active"));
  machine().set_monitor(1, 0, 0);
  machine().must("chvt 1");
  EXPECT_TRUE(demo->says("Virtual-2 is unplugged"));
  EXPECT_TRUE(screen_becomes(
      [](const e2e::Screenshot& picture) { return picture.count(blue) == 200UL * 100; }));
  EXPECT_EQ(demo->end(), 0);
}

// Windows live without any screen, and are on the next one.
TEST_F(Outputs, TheLastMonitorIsUnpluggedAndPluggedIn) {
  demo = std::make_unique<Demo>(machine(), "--cursor software");
  start_client("red", 300, 200, red, "draw");
  machine().set_monitor(0, 0, 0);
  ASSERT_TRUE(demo->says("Virtual-1 is unplugged"));
  EXPECT_EQ(machine().wait_for_event("red output"), "red output Virtual-1 goes");
  machine().forget_events();
  machine().qmp().type("a");
  EXPECT_EQ(machine().next_event(), "red key 30 1");
  machine().set_monitor(0, 1280, 800);
  EXPECT_FALSE(machine().wait_for_event("red frames").empty());
  EXPECT_TRUE(shows(red, {16, 16, 300, 200}));
  EXPECT_EQ(demo->end(), 0);
}

// It starts without one, and waits.
TEST_F(Outputs, TheFirstMonitorIsPluggedInLate) {
  machine().set_monitor(0, 0, 0);
  ASSERT_TRUE(
      machine().becomes_true("grep -qx disconnected /sys/class/drm/card0-Virtual-1/status"));
  demo = std::make_unique<Demo>(machine(), "--cursor software");
  EXPECT_TRUE(demo->says("no monitor is connected"));
  machine().set_monitor(0, 1280, 800);
  EXPECT_TRUE(demo->says("Virtual-1 is 1280x800"));
  start_client("red", 300, 200, red);
  EXPECT_TRUE(shows(red, {16, 16, 300, 200}));
  EXPECT_EQ(demo->end(), 0);
}

}  // namespace
}  // namespace vm
