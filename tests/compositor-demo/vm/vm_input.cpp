// What people do arrives where it should.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "seat_test.hpp"

namespace vm {
namespace {

using namespace std::chrono_literals;

using InputDevices = SeatTest;

TEST_F(InputDevices, APointerMovesFocusesAndRaises) {
  demo = std::make_unique<Demo>(machine(), "--cursor software");
  start_client("red", 300, 200, red);
  start_client("green", 300, 200, green);  // beside the first, with the focus
  Qmp& qmp = machine().qmp();
  point_at(100, 60);
  EXPECT_THAT(machine().wait_for_event("red enter"),
              testing::MatchesRegex("red enter 84\\.[0-9]+ 44\\.[0-9]+"));
  qmp.move_by(20, 10);
  const std::string motion = machine().wait_for_event("red motion");
  double x = 0;
  double y = 0;
  ASSERT_EQ(std::sscanf(motion.c_str(), "red motion %lf %lf", &x, &y), 2) << motion;
  EXPECT_GT(x, 84.5 + 4);  // by how much is the acceleration's matter
  EXPECT_GT(y, 44.5 + 2);

  qmp.button("left", true);
  EXPECT_FALSE(machine().wait_for_event("red focus").empty());
  EXPECT_FALSE(machine().wait_for_event("red button 272 1").empty());
  qmp.button("left", false);
  EXPECT_FALSE(machine().wait_for_event("red button 272 0").empty());
  qmp.type("a");
  EXPECT_FALSE(machine().wait_for_event("red key 30 1").empty());

  // What is moved over the edge of the screen stays on it.
  qmp.move_by(-3000, -3000);
  EXPECT_FALSE(machine().wait_for_event("red leave").empty());
  // The software cursor is on the screen: its arrow is black with a white edge.
  EXPECT_TRUE(screen_becomes([](const e2e::Screenshot& picture) {
    return picture.at(0, 0) == 0x000000 || picture.at(0, 0) == 0xffffff;
  }));
  qmp.key("alt", true);
  qmp.type("tab");
  qmp.key("alt", false);
  EXPECT_FALSE(machine().wait_for_event("green focus").empty());
  EXPECT_EQ(demo->end(), 0);
}

TEST_F(InputDevices, AClickRaises) {
  demo = std::make_unique<Demo>(machine());
  start_client("red", 600, 760, red);
  start_client("green", 900, 700, green);  // there is no place beside the first: above it
  EXPECT_TRUE(shows(green, {16, 16, 900, 700}));
  EXPECT_TRUE(shows(red, {16, 716, 600, 60}));
  point_at(100, 740);
  machine().qmp().click("left");
  EXPECT_TRUE(shows(red, {16, 16, 600, 760}));
  EXPECT_TRUE(shows(green, {616, 16, 300, 700}));
}

TEST_F(InputDevices, AMouseIsAsFastAsAskedFor) {
  const auto distance = [&](const std::string& speed) {
    demo = std::make_unique<Demo>(machine(), "--pointer-speed " + speed);
    start_client("red", 1200, 700, red);
    const auto mouse = plug_in("mouse", "mouse");
    point_at(100, 100);
    EXPECT_FALSE(machine().wait_for_event("red enter").empty());
    std::string stroke;
    for (int i = 0; i < 20; ++i)
      stroke += "move 10 0 ";
    mouse->order(stroke + "press 272 release 272");
    double x = 0;
    std::string event;
    do {
      event = machine().next_event();
      std::sscanf(event.c_str(), "red motion %lf", &x);
    } while (!event.empty() && event != "red button 272 0");
    EXPECT_EQ(demo->end(), 0);
    machine().forget_events();
    return x - (100.5 - 16);
  };
  const double slow = distance("-1");
  EXPECT_GT(slow, 1);
  EXPECT_GT(distance("1"), 2 * slow);
}

TEST_F(InputDevices, AWheelScrolls) {
  demo = std::make_unique<Demo>(machine());
  start_client("red", 300, 200, red);
  Qmp& qmp = machine().qmp();
  point_at(100, 100);
  EXPECT_FALSE(machine().wait_for_event("red enter").empty());
  qmp.click("wheel-down");
  EXPECT_EQ(machine().wait_for_event("red v120"), "red v120 0 120");
  EXPECT_EQ(machine().wait_for_event("red axis"), "red axis 0 15");
  qmp.click("wheel-up");
  EXPECT_EQ(machine().wait_for_event("red v120"), "red v120 0 -120");
}

TEST_F(InputDevices, AKeyRunsATerminal) {
  machine().must("rm -f /tmp/asked-for");
  demo = std::make_unique<Demo>(machine(), "--terminal 'touch /tmp/asked-for'");
  start_client("red", 300, 200, red);
  machine().qmp().key("meta_l", true);
  machine().qmp().type("ret");
  machine().qmp().key("meta_l", false);
  EXPECT_TRUE(machine().becomes_true("[ -e /tmp/asked-for ]"));
  // The key was not for the client.
  EXPECT_FALSE(machine().wait_for_event("red key 125 0").empty());
  machine().qmp().type("a");
  EXPECT_EQ(machine().wait_for_event("red key"), "red key 30 1");
}

TEST_F(InputDevices, TheCursorHasAPlaneThatFollows) {
  demo = std::make_unique<Demo>(machine());
  point_at(300, 200);
  // The hot spot of our own arrow is at 1,1.
  EXPECT_TRUE(
      machine().becomes_true("grep -q 'crtc-pos=64x64+299+199' /sys/kernel/debug/dri/0/state"))
      << machine().run("grep crtc-pos /sys/kernel/debug/dri/0/state").output;
}

TEST_F(InputDevices, AClientHasACursorOfItsOwn) {
  for (const char* const plane : {"hardware", "software"}) {
    demo = std::make_unique<Demo>(machine(), std::string{"--cursor "} + plane);
    start_client("red", 300, 200, red, "cursor");
    point_at(100, 100);
    EXPECT_FALSE(machine().wait_for_event("red enter").empty());
    if (plane == std::string_view{"software"})
      EXPECT_TRUE(shows(blue, {92, 92, 16, 16}));
    else
      EXPECT_TRUE(
          machine().becomes_true("grep -q 'crtc-pos=64x64+92+92' /sys/kernel/debug/dri/0/state"))
          << machine().run("grep crtc-pos /sys/kernel/debug/dri/0/state").output;
    EXPECT_EQ(demo->end(), 0);
    machine().forget_events();
  }
}

TEST_F(InputDevices, LedsFollow) {
  demo = std::make_unique<Demo>(machine());
  start_client("red", 300, 200, red);
  const std::string device = machine().must(
      "for e in /dev/input/event*; do "
      "udevadm info -q property $e | grep -q ID_INPUT_KEYBOARD=1 && echo $e && break; done");
  const std::string leds = TESTS_VM_GUEST " leds " + device.substr(0, device.find('\n'));
  EXPECT_EQ(machine().must(leds), "0\n");
  machine().qmp().type("caps_lock");
  EXPECT_TRUE(machine().becomes_true(leds + " | grep -qx 2"));
  // They are whoever's that has the seat.
  machine().must("chvt 2");
  EXPECT_TRUE(machine().becomes_true(leds + " | grep -qx 0"));
  machine().must("chvt 1");
  EXPECT_TRUE(machine().becomes_true(leds + " | grep -qx 2"));
  machine().qmp().type("caps_lock");
  EXPECT_TRUE(machine().becomes_true(leds + " | grep -qx 0"));
}

// From the injection on the host to when the host hears of what the client has heard; and how often
// the compositor's loop slept between reading the device and telling the client.
TEST_F(InputDevices, AKeyIsThroughInOneIteration) {
  demo = std::make_unique<Demo>(machine());
  start_client("red", 300, 200, red);
  std::vector<double> milliseconds;
  for (int i = 0; i < 20; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    machine().qmp().key("a", true);
    ASSERT_FALSE(machine().wait_for_event("red key 30 1").empty());
    milliseconds.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin)
            .count());
    machine().qmp().key("a", false);
    ASSERT_FALSE(machine().wait_for_event("red key 30 0").empty());
  }
  std::ranges::sort(milliseconds);
  std::printf(
      "from the injection of a key to the client's event and back to the host: "
      "%.1f ms in the middle, %.1f to %.1f\n",
      milliseconds[10], milliseconds.front(), milliseconds.back());

  const std::string pid = std::to_string(demo->pid());
  machine().must(
      "strace -p " + pid +
      " -o /tmp/calls -e trace=epoll_wait,epoll_pwait,epoll_pwait2,read,sendmsg "
      ">/tmp/strace.log 2>&1 & until grep -q attached /tmp/strace.log; do sleep .05; done");
  machine().qmp().key("a", true);
  ASSERT_FALSE(machine().wait_for_event("red key 30 1").empty());
  machine().must("kill -INT $!; wait $!; cp /tmp/calls /out/calls; true");
  // The first read(2) that brings an input event begins it; the first sendmsg(2) after it ends it.
  // The loop's own wait is the one that may last for ever.
  const std::string sleeps = machine().must(
      "awk '/read\\(.*, 1(536|824|152|440)\\)|read\\(.*= [1-9][0-9]*$/ && !on {on = 1} "
      "/sendmsg\\(/ && on {print n + 1; exit} on && /epoll_pwait2\\(/ {n++}' /tmp/calls");
  std::printf("iterations of the loop from the device to the client: %s", sleeps.c_str());
  EXPECT_EQ(sleeps, "1\n") << machine().run("cat /tmp/calls").output;
  machine().qmp().key("a", false);
}

}  // namespace
}  // namespace vm
