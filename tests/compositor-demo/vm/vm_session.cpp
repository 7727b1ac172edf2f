// The seat: taken, given away, taken again.
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "seat_test.hpp"

namespace vm {
namespace {

using namespace std::chrono_literals;

using Session = SeatTest;

constexpr std::uint32_t red = 0xff0000;
constexpr std::uint32_t background = 0x2a3542;
constexpr std::uint32_t foot_background = 0x111111;

TEST_F(Session, ShowsItsClientsAndTypesIntoATerminal) {
  demo = std::make_unique<Demo>(machine(), "--cursor software");
  start_client("red", 300, 200, red);
  EXPECT_TRUE(shows(red, {16, 16, 300, 200}));
  EXPECT_EQ(screen().at(1270, 790), background);

  machine().must(
      "rm -f /tmp/typed*; foot --log-level=error sh -c 'touch /tmp/typed; read x; "
      "touch /tmp/typed-$x; read x' >/tmp/foot.log 2>&1 &");
  EXPECT_TRUE(machine().becomes_true("[ -e /tmp/typed ]"));
  EXPECT_TRUE(screen_becomes(
      [](const e2e::Screenshot& picture) { return picture.count(foot_background) > 100'000; }));
  for (const char* const key : {"a", "b", "ret"})
    machine().qmp().type(key);
  EXPECT_TRUE(machine().becomes_true("[ -e /tmp/typed-ab ]"))
      << machine().run("ls /tmp/typed*").output;
  EXPECT_EQ(demo->end(), 0);
}

// A client that draws all the time waits, and goes on. A key that is down when the seat is taken
// away is up for everybody.
TEST_F(Session, SwitchesToAnotherTerminalAndBack) {
  demo = std::make_unique<Demo>(machine(), "--cursor software");
  start_client("red", 300, 200, red, "draw");
  ASSERT_FALSE(machine().wait_for_event("red frames").empty());

  machine().qmp().key("a", true);
  EXPECT_FALSE(machine().wait_for_event("red key 30 1").empty());
  machine().must("chvt 2");
  EXPECT_FALSE(machine().wait_for_event("red key 30 0").empty());
  EXPECT_EQ(machine().must("cat /sys/class/tty/tty0/active"), "tty2\n");
  EXPECT_EQ(screen().count(red), 0U);
  machine().forget_events();
  EXPECT_EQ(machine().next_event(500ms), "");
  machine().qmp().key("a", false);

  machine().must("chvt 1");
  EXPECT_FALSE(machine().wait_for_event("red frames").empty());
  EXPECT_TRUE(shows(red, {16, 16, 300, 200}));
  machine().qmp().type("b");
  EXPECT_FALSE(machine().wait_for_event("red key 48 1").empty());

  for (const char* const key : {"ctrl", "alt", "f2"})
    machine().qmp().key(key, true);
  EXPECT_TRUE(machine().becomes_true("grep -q tty2 /sys/class/tty/tty0/active"));
  for (const char* const key : {"f2", "alt", "ctrl"})
    machine().qmp().key(key, false);
  // Neither F2 itself nor anything that is stuck reaches the client.
  machine().must("chvt 1");
  machine().forget_events();
  machine().qmp().type("c");
  std::string line;
  do {
    line = machine().next_event();
    EXPECT_FALSE(line.starts_with("red key 60")) << line;
  } while (!line.empty() && !line.starts_with("red key 46 1"));
  EXPECT_EQ(line, "red key 46 1");
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

TEST_F(Session, GoesAndComesFiftyTimes) {
  demo = std::make_unique<Demo>(machine());
  start_client("red", 300, 200, red, "draw");
  const std::string pid = std::to_string(demo->pid());
  const std::string descriptors = "ls /proc/" + pid + "/fd | wc -l";
  machine().must("chvt 2; chvt 1; sleep .5");
  const std::string before = machine().must(descriptors);
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_EQ(machine().run("for i in $(seq 50); do chvt 2; chvt 1; done", 100s).status, 0);
  std::printf("50 times away and back: %.1f s\n",
              std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
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
