#include "compositor-demo/session/terminal.hpp"

#include <gtest/gtest.h>

namespace demo {
namespace {

TEST(Terminal, AVirtualTerminalForInputIsEnough) {
  const Standing where = standing({.terminal = 3});
  EXPECT_TRUE(where.on_terminal);
  EXPECT_EQ(where.reason, "standard input is /dev/tty3");
}

TEST(Terminal, ALoginOnOneIsEnough) {
  const Standing where = standing({.session_type = "tty", .session_terminal = "2"});
  EXPECT_TRUE(where.on_terminal);
  EXPECT_EQ(where.reason, "the session is that of /dev/tty2");
}

TEST(Terminal, SshIsNot) {
  const Standing where = standing({.session_type = "tty", .session_terminal = "2", .remote = true});
  EXPECT_FALSE(where.on_terminal);
  EXPECT_EQ(where.reason, "started over ssh");
  EXPECT_FALSE(standing({.session_type = "tty"}).on_terminal);
}

TEST(Terminal, NothingIsNot) {
  EXPECT_FALSE(standing({}).on_terminal);
  EXPECT_FALSE(standing({.session_type = "wayland", .session_terminal = "1"}).on_terminal);
}

TEST(Terminal, ATestHasNone) {
  EXPECT_EQ(surroundings().terminal, std::nullopt);
}

}  // namespace
}  // namespace demo
