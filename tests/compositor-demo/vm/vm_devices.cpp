// Devices that come and go, also while something on them is held down.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "seat_test.hpp"

namespace vm {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::Not;
using testing::StartsWith;

using Devices = SeatTest;

TEST_F(Devices, AMouseIsPluggedInAndUnplugged) {
  demo = std::make_unique<Demo>(machine());
  start_client("red", 300, 200, red);
  Qmp& qmp = machine().qmp();
  point_at(100, 100);
  EXPECT_FALSE(machine().wait_for_event("red enter").empty());
  const std::string mice = "grep -c 'QEMU QEMU USB Mouse' /proc/bus/input/devices";
  for (int round = 0; round < 2; ++round) {
    qmp.plug_in("usb-mouse", "extra");
    // It is the one that relative motion goes to now; udev has to be done with it first.
    std::string motion;
    for (int tries = 0; tries < 100 && motion.empty(); ++tries) {
      if (machine().run(mice).output == "1\n")
        qmp.move_by(tries % 2 == 0 ? 5 : -5, 0);
      motion = machine().wait_for_event("red motion", 100ms);
    }
    EXPECT_FALSE(motion.empty());
    qmp.unplug("extra");
    EXPECT_TRUE(demo->says("input device 'QEMU QEMU USB Mouse' is unplugged"));
    EXPECT_TRUE(machine().becomes_true("[ $(" + mice + ") = 0 ]"));
  }
  qmp.type("a");
  EXPECT_FALSE(machine().wait_for_event("red key 30 1").empty());
}

// Nobody waits for a button that cannot go up any more.
TEST_F(Devices, TheMouseOfADragIsUnplugged) {
  demo = std::make_unique<Demo>(machine());
  start_client("red", 300, 200, red);
  start_client("green", 300, 200, green);  // beside the first
  auto mouse = plug_in("mouse", "first mouse");
  point_at(100, 100);
  EXPECT_FALSE(machine().wait_for_event("red enter").empty());
  mouse->order("press 272");
  EXPECT_FALSE(machine().wait_for_event("red button 272 1").empty());
  // It stays that window's, over whichever it is.
  machine().qmp().move_to(400 * 32768 / 1280, 100 * 32768 / 800);
  EXPECT_FALSE(machine().wait_for_event("red motion 38").empty());
  mouse->unplug();
  std::vector<std::string> events(3);
  for (std::string& event : events)
    event = machine().next_event();
  // Which of the clients is the first to say so is anybody's guess.
  EXPECT_THAT(events, testing::UnorderedElementsAre("red button 272 0", "red leave",
                                                    StartsWith("green enter")));
  EXPECT_TRUE(demo->says("input device 'first mouse' is unplugged"));

  mouse = plug_in("mouse", "second mouse");
  mouse->order("press 272");
  EXPECT_FALSE(machine().wait_for_event("green button 272 1").empty());
  mouse->order("move 10 0");
  EXPECT_FALSE(machine().wait_for_event("green motion").empty());
  mouse->order("release 272");
  EXPECT_FALSE(machine().wait_for_event("green button 272 0").empty());
  EXPECT_EQ(demo->end(), 0);
}

TEST_F(Devices, AKeyboardIsUnpluggedWithKeysDown) {
  demo = std::make_unique<Demo>(machine());
  start_client("red", 300, 200, red);
  auto keyboard = plug_in("keyboard", "first keyboard");
  keyboard->order("press 29");
  EXPECT_FALSE(machine().wait_for_event("red modifiers 4 0").empty());
  keyboard->order("press 30");
  EXPECT_FALSE(machine().wait_for_event("red key 30 1").empty());
  keyboard->unplug();
  EXPECT_TRUE(demo->says("input device 'first keyboard' is unplugged"));
  machine().qmp().type("b");
  std::vector<std::string> events = events_until("red key 48 1");
  EXPECT_THAT(events, Contains("red key 29 0"));
  EXPECT_THAT(events, Contains("red key 30 0"));
  EXPECT_THAT(events, Contains("red modifiers 0 0"));
  EXPECT_FALSE(machine().wait_for_event("red key 48 0").empty());

  // What is down on another one as well stays down.
  keyboard = plug_in("keyboard", "second keyboard");
  machine().qmp().key("a", true);
  EXPECT_FALSE(machine().wait_for_event("red key 30 1").empty());
  keyboard->order("press 30");
  keyboard->order("press 46");
  EXPECT_FALSE(machine().wait_for_event("red key 46 1").empty());
  keyboard->unplug();
  EXPECT_EQ(machine().next_event(), "red key 46 0");
  machine().qmp().key("a", false);
  EXPECT_EQ(machine().next_event(), "red key 30 0");
  EXPECT_EQ(demo->end(), 0);
}

// While it moves, and while it says of a button that it is down: whoever hears that hears that it
// is up, too.
TEST_F(Devices, AMouseVanishesInTheMiddleOfAnEvent) {
  demo = std::make_unique<Demo>(machine());
  start_client("red", 300, 200, red);
  point_at(100, 100);
  EXPECT_FALSE(machine().wait_for_event("red enter").empty());
  for (const std::string name : {"one mouse", "another mouse", "a third mouse"}) {
    plug_in("mouse", name)->order("vanish");
    EXPECT_TRUE(demo->says("input device '" + name + "' is unplugged"));
  }
  machine().qmp().type("a");
  const std::vector<std::string> events = events_until("red key 30 1");
  EXPECT_EQ(std::ranges::count(events, "red button 273 1"),
            std::ranges::count(events, "red button 273 0"));
  machine().qmp().click("left");
  EXPECT_FALSE(machine().wait_for_event("red button 272 1").empty());
  EXPECT_EQ(machine().next_event(), "red button 272 0");
  EXPECT_EQ(demo->end(), 0);
}

// Also when the screen goes while a finger is on it.
TEST_F(Devices, ATouchReachesAClient) {
  demo = std::make_unique<Demo>(machine());
  start_client("red", 300, 200, red);
  const auto screen = plug_in("touchscreen", "touch screen");
  EXPECT_FALSE(machine().wait_for_event("red capabilities 7").empty());
  // A client that has just heard of the device may not have asked for its events yet.
  std::string down;
  for (int tries = 0; tries < 20 && down.empty(); ++tries) {
    screen->order("up down 100 200");
    down = machine().wait_for_event("red touch-down 0", 300ms);
  }
  EXPECT_THAT(down, testing::MatchesRegex("red touch-down 0 11[12]\\.[0-9]+ 14[34]\\.[0-9]+"));
  EXPECT_FALSE(machine().wait_for_event("red touch-frame").empty());
  screen->order("move 200 200");
  EXPECT_FALSE(machine().wait_for_event("red touch-motion 0 2").empty());
  screen->order("up");
  EXPECT_FALSE(machine().wait_for_event("red touch-up 0").empty());
  screen->order("down 100 200");
  EXPECT_FALSE(machine().wait_for_event("red touch-down 0").empty());
  screen->unplug();
  EXPECT_FALSE(machine().wait_for_event("red touch-cancel").empty());
  EXPECT_FALSE(machine().wait_for_event("red capabilities 3").empty());
}

TEST_F(Devices, ATouchpadTapsAndScrolls) {
  struct Case {
    std::string options;
    bool clicks;
    bool content_follows;
  };
  for (const auto& [options, clicks, content_follows] : std::vector<Case>{
           {"", true, false}, {"--no-tap", false, false}, {"--natural-scroll", true, true}}) {
    SCOPED_TRACE("options: " + options);
    demo = std::make_unique<Demo>(machine(), options);
    start_client("red", 300, 200, red);
    point_at(100, 100);
    EXPECT_FALSE(machine().wait_for_event("red enter").empty());
    const auto pad = plug_in("touchpad", "touchpad");
    pad->order("tap");
    if (clicks) {
      EXPECT_FALSE(machine().wait_for_event("red button 272 1").empty());
      EXPECT_FALSE(machine().wait_for_event("red button 272 0").empty());
    }
    pad->order("scroll 0 15");
    int distance = 0;
    for (const std::string& event : events_until("red stop 0")) {
      EXPECT_THAT(event, Not(StartsWith("red button")));
      int step = 0;
      if (std::sscanf(event.c_str(), "red axis 0 %d", &step) == 1)
        distance += step;
    }
    if (content_follows)
      EXPECT_LT(distance, -5);
    else
      EXPECT_GT(distance, 5);
    EXPECT_EQ(demo->end(), 0);
    machine().forget_events();
  }
}

}  // namespace
}  // namespace vm
