// The seat: taken, given away, taken again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "seat_test.hpp"

namespace vm {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::Each;
using testing::Not;
using testing::StartsWith;

class Session : public SeatTest {
 protected:
  static void switch_by_key(const std::string& key) {
    for (const std::string& down : {std::string{"ctrl"}, std::string{"alt"}, key})
      machine().qmp().key(down, true);
    for (const std::string& up : {key, std::string{"alt"}, std::string{"ctrl"}})
      machine().qmp().key(up, false);
  }
};

constexpr std::uint32_t background = 0x2a3542;
constexpr std::uint32_t foot_background = 0x111111;

TEST_F(Session, ShowsItsClientsAndTypesIntoATerminal) {
  demo = std::make_unique<Demo>(machine(), "--cursor software");
  start_client("red", 300, 200, red);
  EXPECT_TRUE(shows(red, {16, 16, 300, 200}));
  EXPECT_EQ(screen().at(1270, 790), background);

  machine().must(
      "rm -f /tmp/typed; foot --log-level=error sh -c 'touch /tmp/typed; read x; "
      "[ $x = ab ] && printf \"\\033[48;2;0;0;255m\\033[2J\"; read x' >/tmp/foot.log 2>&1 &");
  EXPECT_TRUE(machine().becomes_true("[ -e /tmp/typed ]"));
  EXPECT_TRUE(screen_becomes(
      [](const e2e::Screenshot& picture) { return picture.count(foot_background) > 100'000; }));
  for (const char* const key : {"a", "b", "ret"})
    machine().qmp().type(key);
  // Who reads it paints the terminal blue.
  EXPECT_TRUE(
      screen_becomes([](const e2e::Screenshot& picture) { return picture.count(blue) > 100'000; }));
  machine().qmp().key("alt", true);
  machine().qmp().type("f4");
  machine().qmp().key("alt", false);
  EXPECT_TRUE(machine().becomes_true("! pidof foot"));
  EXPECT_EQ(demo->end(), 0);
}

// A client that draws all the time waits, and goes on. A key or a button that is down when the
// seat is taken away is up for everybody.
TEST_F(Session, SwitchesToAnotherTerminalAndBack) {
  demo = std::make_unique<Demo>(machine(), "--cursor software");
  start_client("red", 300, 200, red, "draw");
  ASSERT_FALSE(machine().wait_for_event("red frames").empty());

  point_at(100, 100);
  machine().qmp().button("left", true);
  EXPECT_FALSE(machine().wait_for_event("red button 272 1").empty());
  machine().qmp().key("a", true);
  EXPECT_FALSE(machine().wait_for_event("red key 30 1").empty());
  machine().must("chvt 2");
  // Whichever device goes first.
  bool key = false;
  bool button = false;
  for (const auto end = std::chrono::steady_clock::now() + patience;
       !(key && button) && std::chrono::steady_clock::now() < end;) {
    const std::string event = machine().wait_for_event("red ");
    key = key || event == "red key 30 0";
    button = button || event == "red button 272 0";
  }
  EXPECT_TRUE(key);
  EXPECT_TRUE(button);
  EXPECT_EQ(machine().must("cat /sys/class/tty/tty0/active"), "tty2\n");
  EXPECT_EQ(screen().count(red), 0U);
  machine().forget_events();
  EXPECT_EQ(machine().next_event(500ms), "");
  machine().qmp().key("a", false);
  machine().qmp().button("left", false);

  machine().must("chvt 1");
  EXPECT_FALSE(machine().wait_for_event("red frames").empty());
  EXPECT_TRUE(shows(red, {16, 16, 300, 200}));
  machine().qmp().type("b");
  EXPECT_FALSE(machine().wait_for_event("red key 48 1").empty());

  // Now by key, and back by what the kernel makes of keys. F2 is not for the client, and none of
  // the others is stuck.
  EXPECT_FALSE(machine().wait_for_event("red key 48 0").empty());
  switch_by_key("f2");
  std::vector<std::string> events = events_until("red modifiers 0 0");
  EXPECT_THAT(events, Contains("red key 29 0"));
  EXPECT_THAT(events, Contains("red key 56 0"));
  EXPECT_THAT(events, Each(Not(StartsWith("red key 60"))));
  EXPECT_TRUE(machine().becomes_true("grep -q tty2 /sys/class/tty/tty0/active"));
  EXPECT_TRUE(
      screen_becomes([](const e2e::Screenshot& picture) { return picture.count(red) == 0; }));
  machine().forget_events();
  EXPECT_EQ(machine().next_event(500ms), "");
  switch_by_key("f1");
  EXPECT_TRUE(machine().becomes_true("grep -q tty1 /sys/class/tty/tty0/active"));
  events = events_until("red frames");
  machine().qmp().type("c");
  const std::vector<std::string> more = events_until("red key 46 1");
  events.insert(events.end(), more.begin(), more.end());
  EXPECT_THAT(events, Contains(StartsWith("red key")).Times(1));
  EXPECT_THAT(events, Each(Not(StartsWith("red modifiers"))));
  EXPECT_TRUE(shows(red, {16, 16, 300, 200}));
  EXPECT_THAT(demo->log(), Not(testing::HasSubstr("unplugged")));
  EXPECT_EQ(demo->end(), 0);
}

TEST_F(Session, SleepsWhileItIsAway) {
  demo = std::make_unique<Demo>(machine());
  start_client("red", 300, 200, red, "draw");
  start_client("below", 300, 200, 0x00ff00, "draw");
  ASSERT_FALSE(machine().wait_for_event("red frames").empty());
  machine().must("chvt 2");
  machine().forget_events();
  const std::string pid = std::to_string(demo->pid());
  machine().must("timeout -s INT 3 strace -f -p " + pid +
                 " -o /tmp/calls 2>/tmp/strace.log; "
                 "grep -q attached /tmp/strace.log");
  // The first line is what it is interrupted in.
  const std::string calls = machine().must(
      "grep -v -e restart_syscall -e detached -e resumed /tmp/calls | "
      "tail -n +2");
  EXPECT_EQ(calls, "");
  machine().must("chvt 1");
  EXPECT_FALSE(machine().wait_for_event("red frames").empty());
  EXPECT_EQ(demo->end(), 0);
}

// A step at a time, and then without waiting for anybody: what is about to be opened may be taken
// away again.
TEST_F(Session, GoesAndComesFiftyTimes) {
  demo = std::make_unique<Demo>(machine());
  start_client("red", 300, 200, red, "draw");
  const std::string descriptors =
      "ls /proc/" + std::to_string(demo->pid()) + "/fd /proc/$(pidof seatd)/fd | wc -l";
  const std::string before = machine().must(descriptors);
  // Reads the log as it grows: programs that are started to look at it would take most of the time.
  machine().must(
      "turn() { chvt $1; "
      "while :; do read -r line <&3 || sleep 0.01; case $line in *\"$2\"*) break;; esac; done; }");
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_EQ(machine()
                .run("exec 3</tmp/demo.log; for i in $(seq 50); do "
                     "turn 2 \"the seat is somebody else's\"; turn 1 'the seat is ours again'; "
                     "done; exec 3<&-",
                     100s)
                .status,
            0);
  std::printf("50 times away and back: %.1f s\n",
              std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  for (const char* const said : {"the seat is somebody else's", "the seat is ours again"}) {
    EXPECT_EQ(machine().must(std::string{"grep -cF \""} + said + "\" /tmp/demo.log"), "50\n")
        << said;
  }
  machine().must("for i in $(seq 10); do chvt 2; chvt 1; done");
  EXPECT_TRUE(machine().becomes_true("[ $(" + descriptors +
                                     ") = " + before.substr(0, before.find('\n')) + " ]"))
      << machine().run(descriptors).output << " and not " << before;
  machine().forget_events();
  EXPECT_FALSE(machine().wait_for_event("red frames").empty());
  machine().qmp().type("b");
  EXPECT_FALSE(machine().wait_for_event("red key 48 1").empty());
  EXPECT_EQ(demo->end(), 0);
}

}  // namespace
}  // namespace vm
