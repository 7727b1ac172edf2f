// The programs of calloop/examples, run as their readers would.
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <string>
#include <system_error>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/fd.hpp>

#include "tests/command.hpp"
#include "tests/program.hpp"
#include "tests/temporary_directory.hpp"

namespace {

using namespace calloop;
using testing::HasSubstr;
using testing::StartsWith;
using tests::CommandResult;
using tests::run_command;

std::string example(const std::string& name) {
  return std::string{CALLOOP_EXAMPLES} + "/example-" + name;
}

CommandResult run_example(const std::string& name, const std::string& arguments = {}) {
  return run_command("'" + example(name) + "' " + arguments);
}

TEST(Example, HelloTimer) {
  const CommandResult result = run_example("hello-timer");
  EXPECT_EQ(result.output, "hello 1\nhello 2\nhello 3\n");
  EXPECT_EQ(result.status, 0);
}

TEST(Example, RemoteCalls) {
  const CommandResult result = run_example("remote-calls");
  EXPECT_EQ(result.output, "25 %\n50 %\n75 %\n100 %\nthe sum is 8000002000000\n");
  EXPECT_EQ(result.status, 0);
}

TEST(Example, Modules) {
  const CommandResult result = run_example("modules");
  EXPECT_EQ(result.output, "aaaaa\n");
  EXPECT_EQ(result.status, 0);
}

TEST(Example, ZeroMq) {
  const CommandResult result = run_example("zeromq");
  EXPECT_EQ(result.output, "HELLO\nAND AGAIN\nAND AGAIN\n");
  EXPECT_EQ(result.status, 0);
}

TEST(Example, SignalsAndChildEndsAsItsChildDoes) {
  const CommandResult result = run_example("signals-and-child", "sh -c 'exit 3'");
  EXPECT_EQ(result.output, "ended: 3\n");
  EXPECT_EQ(result.status, 3);
}

TEST(Example, SignalsAndChildPassesSignalsOn) {
  const CommandResult result =
      run_example("signals-and-child", "sh -c 'kill -TERM $PPID; exec sleep 60'");
  EXPECT_EQ(result.output, "passing on signal 15\nended: 143\n");
  EXPECT_EQ(result.status, 143);
}

TEST(Example, SignalsAndChildSaysWhatItCannotStart) {
  const CommandResult result = run_example("signals-and-child", "/nowhere/to/be/found");
  EXPECT_THAT(result.output, HasSubstr("/nowhere/to/be/found"));
  EXPECT_EQ(result.status, 1);
}

TEST(Example, EmbeddedRunsInsideTheCompositorsLoop) {
  const CommandResult result = run_example("embedded", "sh -c 'sleep 0.2; exit 3'");
  EXPECT_EQ(result.output, "the first frame\nthe command has ended after some frames: 3\n");
  EXPECT_EQ(result.status, 3);
}

TEST(Example, EmbeddedSaysWhatItCannotStart) {
  const CommandResult result = run_example("embedded", "/nowhere/to/be/found");
  EXPECT_THAT(result.output, HasSubstr("/nowhere/to/be/found"));
  EXPECT_EQ(result.status, 1);
}

TEST(Example, MovingSaysTheSameAtEveryStage) {
  for (const char* const stage : {"0", "1", "2", "3", "4", "5"}) {
    const CommandResult result = run_example("moving", stage);
    EXPECT_EQ(result.output, "timer\nread frame\nredraw\nsignal 15\n") << "at stage " << stage;
    EXPECT_EQ(result.status, 0);
  }
}

TEST(Example, DisplayOffersAnOutputAndSaysWhoComesAndGoes) {
  const tests::TemporaryDirectory directory;
  const std::string environment =
      "XDG_RUNTIME_DIR=" + directory.path().string() + " WAYLAND_DISPLAY=here";
  tests::Program server{
      {"env", "XDG_RUNTIME_DIR=" + directory.path().string(), example("display"), "here"}};
  ASSERT_EQ(server.wait_for_line(), "listening on here\n");
  const CommandResult info = run_command("env " + environment + " wayland-info");
  EXPECT_THAT(info.output, HasSubstr("width: 1280 px, height: 720 px"));
  EXPECT_EQ(info.status, 0) << info.output;
  server.send_signal(SIGTERM);
  EXPECT_TRUE(server.wait_for_end().success());
  EXPECT_THAT(server.output(), HasSubstr("a client has come, with pid"));
  EXPECT_THAT(server.output(), HasSubstr("a client has gone\n"));
}

TEST(Example, DisplaySaysWhyItCannotListen) {
  const CommandResult result = run_command("env -u XDG_RUNTIME_DIR '" + example("display") + "'");
  EXPECT_THAT(result.output, HasSubstr("XDG_RUNTIME_DIR is not set"));
  EXPECT_EQ(result.status, 1);
}

TEST(Example, MainContextRunsGLibInTheLoop) {
  const CommandResult result = run_example("main-context");
  EXPECT_EQ(result.output, "GLib counts 1\nGLib counts 2\nGLib counts 3\ncalloop has heard 3\n");
  EXPECT_EQ(result.status, 0);
}

OwnedFd connect_to(std::uint16_t port) {
  OwnedFd socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
    throw std::system_error{errno, std::generic_category(), "connect"};
  const timeval timeout{.tv_sec = 30, .tv_usec = 0};  // no read for ever
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  return socket;
}

std::string answer_to(const OwnedFd& socket, const std::string& text) {
  if (::send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(text.size()))
    throw std::system_error{errno, std::generic_category(), "send"};
  std::string answer(text.size(), '\0');
  const ssize_t count = ::recv(socket.get(), answer.data(), answer.size(), MSG_WAITALL);
  answer.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
  return answer;
}

TEST(Example, EchoServer) {
  tests::Program server{{example("echo-server")}};
  const std::string prefix = "listening on 127.0.0.1:";
  const std::string line = server.wait_for_line();
  ASSERT_THAT(line, StartsWith(prefix));
  const auto port = static_cast<std::uint16_t>(std::stoul(line.substr(prefix.size())));
  {
    const OwnedFd first = connect_to(port);
    const OwnedFd second = connect_to(port);
    EXPECT_EQ(answer_to(first, "hello"), "hello");
    EXPECT_EQ(answer_to(second, std::string(20'000, 'x')), std::string(20'000, 'x'));
    EXPECT_EQ(answer_to(first, "world"), "world");
  }
  const OwnedFd third = connect_to(port);
  EXPECT_EQ(answer_to(third, "still there?"), "still there?");
  server.send_signal(SIGTERM);
  EXPECT_TRUE(server.wait_for_end().success());
  EXPECT_EQ(server.output(), line + "bye\n");
}

TEST(Example, EchoServerRefusesWhatIsNoPort) {
  EXPECT_EQ(run_example("echo-server", "everywhere").status, 2);
}

}  // namespace
