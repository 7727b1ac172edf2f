// What goes wrong has its line in the log, and costs no more than it must.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <string>

#include "seat_test.hpp"
#include "tests/temporary_directory.hpp"

namespace vm {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class Failures : public SeatTest {
 protected:
  // What it says when it cannot start, and that its status is 1.
  std::string refusal(const std::string& environment, const std::string& arguments = {}) {
    const Answer answer = machine().run(
        "env " + environment + " timeout 20 " TESTS_COMPOSITOR_DEMO " --backend drm " + arguments);
    EXPECT_EQ(answer.status, 1) << answer.output;
    return answer.output;
  }
  // What it says on a terminal and without --backend, where it is headless instead.
  std::string fallback(const std::string& environment) {
    const Answer answer = machine().run("env " + environment + " timeout 20 " +
                                        TESTS_COMPOSITOR_DEMO " --run-for 0 </dev/tty1 2>&1");
    EXPECT_EQ(answer.status, 0) << answer.output;
    EXPECT_THAT(answer.output, HasSubstr("backend drm: standard input is /dev/tty1\n"));
    EXPECT_THAT(answer.output, HasSubstr("listening on wayland-1, output 1280x720 at 60 Hz\n"));
    return answer.output;
  }
};

// The reason is what somebody without the packages would read of all other tests.
TEST(VirtualMachine, SaysWhyThereIsNone) {
  const tests::TemporaryDirectory directory;
  try {
    const Machine machine{directory.path() / "nothing", directory.path()};
    FAIL() << "it has booted";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), StartsWith("no virtual machine: "));
    EXPECT_THAT(error.what(), HasSubstr("could not open kernel file"));
  }
}

TEST_F(Failures, ThereIsNoSeat) {
  EXPECT_THAT(refusal("SEATD_SOCK=/nowhere"), HasSubstr("error: there is no seat: "));
  EXPECT_THAT(fallback("SEATD_SOCK=/nowhere"), HasSubstr("backend headless: there is no seat: "));
}

TEST_F(Failures, TheSeatIsAnothers) {
  demo = std::make_unique<Demo>(machine());
  EXPECT_THAT(refusal("A=b"), HasSubstr("error: there is no seat: "));
}

// libseat's backend that does nothing never says that it is our turn.
TEST_F(Failures, TheSeatIsNeverEnabled) {
  EXPECT_THAT(refusal("LIBSEAT_BACKEND=noop"),
              HasSubstr("error: the seat was not ours within 2 s"));
  EXPECT_THAT(fallback("LIBSEAT_BACKEND=noop"),
              HasSubstr("backend headless: the seat was not ours within 2 s"));
}

TEST_F(Failures, ThereIsNoCard) {
  VirtioDevice card{machine(), "virtio_gpu"};
  card.unplug();
  EXPECT_TRUE(machine().becomes_true("! ls /dev/dri/card*"));
  EXPECT_THAT(refusal("A=b"), HasSubstr("error: there is no graphics card on seat0\n"));
  EXPECT_THAT(fallback("A=b"), HasSubstr("backend headless: there is no graphics card on seat0\n"));
  card.plug_in();
  EXPECT_TRUE(machine().becomes_true("ls /dev/dri/card* && udevadm settle"));
}

TEST_F(Failures, TheCardIsBusy) {
  const std::string card = machine().must("ls /dev/dri/card*");
  machine().must(TESTS_VM_GUEST " card " + card.substr(0, card.find('\n')) +
                 " & echo $! >/tmp/busy");
  EXPECT_TRUE(machine().becomes_true("ls -l /proc/$(cat /tmp/busy)/fd | grep -q dri"));
  const std::string said = refusal("A=b");
  EXPECT_THAT(said, HasSubstr("another program has it: Device or resource busy"));
  EXPECT_THAT(said, HasSubstr("error: no graphics card can be used on seat0"));
  EXPECT_THAT(fallback("A=b"),
              HasSubstr("backend headless: no graphics card can be used on seat0\n"));
  machine().must("kill $(cat /tmp/busy); wait $(cat /tmp/busy); true");
}

// One that is plugged in later is used.
TEST_F(Failures, ThereIsNoInputDevice) {
  Qmp& qmp = machine().qmp();
  VirtioDevice keyboard{machine(), "virtio_input", "QEMU Virtio Keyboard"};
  VirtioDevice mouse{machine(), "virtio_input", "QEMU Virtio Mouse"};
  VirtioDevice tablet{machine(), "virtio_input", "QEMU Virtio Tablet"};
  for (VirtioDevice* const device : {&keyboard, &mouse, &tablet})
    device->unplug();
  EXPECT_TRUE(machine().becomes_true("! ls /dev/input/event*"));
  demo = std::make_unique<Demo>(machine());
  EXPECT_TRUE(demo->says("warning: no input device on seat0"));
  start_client("red", 300, 200, red);
  keyboard.plug_in();
  EXPECT_TRUE(demo->says("input device 'QEMU Virtio Keyboard' is plugged in"));
  qmp.key("b", true);
  EXPECT_FALSE(machine().wait_for_event("red key 48 1").empty());
  keyboard.unplug();
  EXPECT_FALSE(machine().wait_for_event("red key 48 0").empty());
  keyboard.plug_in();
  mouse.plug_in();
  tablet.plug_in();
  EXPECT_TRUE(machine().becomes_true("[ $(ls /dev/input/event* | wc -l) = 3 ]"));
  qmp.key("b", false);
}

TEST_F(Failures, TheGraphicsCardIsUnpluggedAndComesBack) {
  demo = std::make_unique<Demo>(machine());
  start_client("red", 300, 200, red, "draw");
  VirtioDevice card{machine(), "virtio_gpu"};
  card.unplug();
  EXPECT_TRUE(demo->says("Virtual-1 is gone"));
  machine().forget_events();
  machine().qmp().type("a");
  EXPECT_FALSE(machine().wait_for_event("red key 30 1").empty());
  card.plug_in();
  EXPECT_FALSE(machine().wait_for_event("red frames").empty());
  EXPECT_TRUE(shows(red, {16, 16, 300, 200}));
  EXPECT_EQ(demo->end(), 0);
}

// Also while somebody else is in front.
TEST_F(Failures, SeatdIsKilled) {
  for (const bool away : {false, true}) {
    demo = std::make_unique<Demo>(machine());
    start_client("red", 300, 200, red, "draw");
    if (away) {
      machine().must("chvt 2");
      EXPECT_TRUE(demo->says("the seat is somebody else's"));
    }
    machine().must("kill $(pidof seatd)");
    EXPECT_EQ(demo->wait(), 1);
    EXPECT_THAT(demo->log(), HasSubstr("error: the seat is gone: "));
    machine().must("chvt 1; until ! pidof seatd; do sleep .05; done");
    start_seatd(machine());
    machine().forget_events();
  }
}

}  // namespace
}  // namespace vm
