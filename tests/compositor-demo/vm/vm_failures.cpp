// What goes wrong has its line in the log, and costs no more than it must.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <string>

#include "seat_test.hpp"

namespace vm {
namespace {

using testing::HasSubstr;

constexpr std::uint32_t red = 0xff0000;

class Failures : public SeatTest {
 protected:
  // What it says when it cannot start, and that its status is 1.
  std::string refusal(const std::string& environment, const std::string& arguments = {}) {
    const Answer answer = machine().run(
        "env " + environment + " timeout 20 " TESTS_COMPOSITOR_DEMO " --backend drm " + arguments);
    EXPECT_EQ(answer.status, 1) << answer.output;
    return answer.output;
  }
};

TEST_F(Failures, ThereIsNoSeat) {
  EXPECT_THAT(refusal("SEATD_SOCK=/nowhere"), HasSubstr("error: there is no seat: "));
}

TEST_F(Failures, TheSeatIsAnothers) {
  demo = std::make_unique<Demo>(machine());
  EXPECT_THAT(refusal("A=b"), HasSubstr("error: there is no seat: "));
}

// libseat's backend that does nothing never says that it is our turn.
TEST_F(Failures, TheSeatIsNeverEnabled) {
  EXPECT_THAT(refusal("LIBSEAT_BACKEND=noop"),
              HasSubstr("error: the seat was not ours within 2 s"));
}

// Without --backend a terminal is asked for its seat, and there is still a compositor.
TEST_F(Failures, WithoutASeatItIsHeadless) {
  const Answer answer =
      machine().run("SEATD_SOCK=/nowhere " TESTS_COMPOSITOR_DEMO " --run-for 0 </dev/tty1 2>&1");
  EXPECT_EQ(answer.status, 0);
  EXPECT_THAT(answer.output, HasSubstr("backend drm: standard input is /dev/tty1\n"));
  EXPECT_THAT(answer.output, HasSubstr("backend headless: there is no seat: "));
}

TEST_F(Failures, TheCardIsBusy) {
  const std::string card = machine().must("ls /dev/dri/card*");
  machine().must(TESTS_VM_GUEST " card " + card.substr(0, card.find('\n')) +
                 " & echo $! >/tmp/busy");
  EXPECT_TRUE(machine().becomes_true("ls -l /proc/$(cat /tmp/busy)/fd | grep -q dri"));
  const std::string said = refusal("A=b");
  EXPECT_THAT(said, HasSubstr("another program has it: Device or resource busy"));
  EXPECT_THAT(said, HasSubstr("error: no graphics card can be used on seat0"));
  machine().must("kill $(cat /tmp/busy); wait $(cat /tmp/busy); true");
}

// A key that is down goes up with its keyboard.
TEST_F(Failures, ThereIsNoInputDevice) {
  Qmp& qmp = machine().qmp();
  for (const char* const device : {"keys", "mouse", "tablet"})
    qmp.unplug(device);
  EXPECT_TRUE(machine().becomes_true("! ls /dev/input/event*"));
  demo = std::make_unique<Demo>(machine());
  EXPECT_TRUE(demo->says("warning: no input device on seat0"));
  start_client("red", 300, 200, red);
  qmp.plug_in("virtio-keyboard-pci", "keys");
  std::string pressed;
  for (int tries = 0; tries < 100 && pressed.empty(); ++tries) {
    try {
      qmp.type("a");
    } catch (const std::runtime_error&) {  // the guest has not found it yet
    }
    pressed = machine().wait_for_event("red key 30 1", std::chrono::milliseconds{100});
  }
  machine().forget_events();
  qmp.key("b", true);
  EXPECT_FALSE(machine().wait_for_event("red key 48 1").empty());
  qmp.unplug("keys");
  EXPECT_FALSE(machine().wait_for_event("red key 48 0").empty());
  qmp.plug_in("virtio-keyboard-pci", "keys");
  qmp.plug_in("virtio-mouse-pci", "mouse");
  qmp.plug_in("virtio-tablet-pci", "tablet");
  EXPECT_TRUE(machine().becomes_true("[ $(ls /dev/input/event* | wc -l) = 3 ]"));
  qmp.key("b", false);
}

TEST_F(Failures, TheGraphicsCardIsUnpluggedAndComesBack) {
  demo = std::make_unique<Demo>(machine());
  start_client("red", 300, 200, red, "draw");
  const std::string driver = "/sys/bus/virtio/drivers/virtio_gpu";
  const std::string device = machine().must("basename $(ls -d " + driver + "/virtio*)");
  machine().must("echo -n " + device.substr(0, device.find('\n')) + " >" + driver + "/unbind");
  EXPECT_TRUE(demo->says("Virtual-1 is gone"));
  machine().forget_events();
  machine().qmp().type("a");
  EXPECT_FALSE(machine().wait_for_event("red key 30 1").empty());
  machine().must("echo -n " + device.substr(0, device.find('\n')) + " >" + driver + "/bind");
  EXPECT_FALSE(machine().wait_for_event("red frames").empty());
  EXPECT_TRUE(shows(red, {16, 16, 300, 200}));
  EXPECT_EQ(demo->end(), 0);
}

TEST_F(Failures, SeatdIsKilled) {
  demo = std::make_unique<Demo>(machine());
  machine().must("kill $(pidof seatd)");
  EXPECT_EQ(demo->wait(), 1);
  EXPECT_THAT(demo->log(), HasSubstr("error: the seat is gone: "));
}

}  // namespace
}  // namespace vm
