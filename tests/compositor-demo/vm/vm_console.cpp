// However the compositor ends, the console is as it was.
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "seat_test.hpp"

namespace vm {
namespace {

class Console : public SeatTest {
 protected:
  void SetUp() override {
    SeatTest::SetUp();
    if (HasFatalFailure())
      return;
    before_ = state();
    demo = std::make_unique<Demo>(machine());
    EXPECT_EQ(modes().substr(0, modes().find(' ')), "graphics");
    EXPECT_NE(crtc(), before_.crtc);
  }

  // Which memory each CRTC shows, in which mode.
  static std::string crtc() {
    return machine().must(
        "grep -e '^plane' -e '^crtc' -e 'fb=' -e 'allocated by' -e 'crtc=' -e 'active=' -e 'mode:' "
        "/sys/kernel/debug/dri/0/state");
  }
  void expect_restored() {
    machine().becomes_true(TESTS_VM_GUEST " console /dev/tty1 | grep -qx '" +
                           before_.modes.substr(0, before_.modes.find('\n')) + "'");
    EXPECT_EQ(modes(), before_.modes);
    machine().becomes_true(
        "! grep -q 'allocated by = compositor-demo' /sys/kernel/debug/dri/0/state");
    EXPECT_EQ(crtc(), before_.crtc);
  }

 private:
  struct State {
    std::string modes;
    std::string crtc;
  };
  // Text or graphics, and what the kernel makes of keys.
  static std::string modes() { return machine().must(TESTS_VM_GUEST " console /dev/tty1"); }
  static State state() { return {modes(), crtc()}; }

  State before_;
};

TEST_F(Console, IsRestoredAfterSigterm) {
  EXPECT_EQ(demo->end("TERM"), 0);
  expect_restored();
}

TEST_F(Console, IsRestoredWhenAKeyEndsIt) {
  for (const char* const key : {"ctrl", "alt", "backspace"})
    machine().qmp().key(key, true);
  for (const char* const key : {"backspace", "alt", "ctrl"})
    machine().qmp().key(key, false);
  EXPECT_EQ(demo->wait(), 0);
  expect_restored();
}

// What is in front then stays there.
TEST_F(Console, IsLeftAloneWhenItEndsWhileItIsAway) {
  machine().must("chvt 2");
  EXPECT_TRUE(demo->says("the seat is somebody else's"));
  const std::string others = crtc();
  EXPECT_EQ(demo->end("TERM"), 0);
  EXPECT_EQ(crtc(), others);
  EXPECT_EQ(machine().must("cat /sys/class/tty/tty0/active"), "tty2\n");
  machine().must("chvt 1");
  expect_restored();
}

TEST_F(Console, IsRestoredAfterSigsegv) {
  EXPECT_EQ(demo->end("SEGV"), 128 + 11);
  expect_restored();
}

TEST_F(Console, IsRestoredAfterSigkill) {
  EXPECT_EQ(demo->end("KILL"), 128 + 9);
  expect_restored();
}

}  // namespace
}  // namespace vm
