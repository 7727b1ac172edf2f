// When nothing happens the compositor does nothing: strace sees no system call.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "compositor.hpp"
#include "tests/compositor-demo/clients/connection.hpp"
#include "tests/compositor-demo/clients/window.hpp"

namespace e2e {
namespace {

using clients::Connection;
using clients::Window;
using namespace std::chrono_literals;

// How long it is watched where nothing else is said; the environment can ask for a longer look.
std::chrono::seconds watched_time() {
  const char* const asked = std::getenv("CALLOOP_IDLE_SECONDS");
  return std::chrono::seconds{asked != nullptr ? std::atoi(asked) : 3};
}

double unix_time() {
  return clients::Seconds{std::chrono::system_clock::now().time_since_epoch()}.count();
}

// Watches all threads of a process, from construction on.
class Strace {
 public:
  Strace(pid_t pid, const Place& place)
      : calls_{place.directory() / "calls"},
        messages_{place.directory() / "strace"},
        strace_{{"strace", "-f", "-ttt", "-o", calls_, "-p", std::to_string(pid)},
                {.output = messages_}} {}

  // False when it cannot.
  bool attached() {
    const auto says_so = [this] {
      for (const std::string& line : lines(messages_))
        if (line.find(" attached") != std::string::npos)
          return true;
      return false;
    };
    return eventually([&] { return says_so() || !strace_.running(); }) && says_so();
  }
  // The system calls that began in this time. Ends the watching.
  std::vector<std::string> calls(double from, double to) {
    strace_.signal(SIGINT);  // it detaches and writes what it has
    strace_.wait_for_end();
    std::vector<std::string> found;
    for (const std::string& line : lines(calls_)) {
      // "1234  1700000000.123456 epoll_wait(...) = 0"
      const std::size_t space = line.find(' ');
      const double time = space == std::string::npos ? 0 : std::atof(line.c_str() + space);
      if (time >= from && time <= to)
        found.push_back(line);
    }
    return found;
  }
  std::vector<std::string> messages() const { return lines(messages_); }

 private:
  static std::vector<std::string> lines(const std::filesystem::path& file) {
    std::vector<std::string> found;
    std::ifstream in{file};
    for (std::string line; std::getline(in, line);)
      found.push_back(line);
    return found;
  }

  std::filesystem::path calls_;
  std::filesystem::path messages_;
  Process strace_;
};

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines)
    text += line + '\n';
  return text;
}

class Idle : public WithCompositor {
 protected:
  Idle() = default;
  explicit Idle(const CompositorOptions& options) : WithCompositor{options} {}

  // No system call while it is watched; some when `something` happens afterwards, or the watching
  // is worth nothing.
  template <class Something>
  void expect_silence_until(const Something& something, std::chrono::seconds at_least = 0s) {
    Strace strace{compositor.process().pid(), compositor.place()};
    ASSERT_TRUE(strace.attached()) << joined(strace.messages());
    // The attaching itself interrupts a system call, and what happened before has its echo.
    std::this_thread::sleep_for(1s);
    const double begin = unix_time();
    std::this_thread::sleep_for(std::max(watched_time(), at_least));
    const double end = unix_time();
    something();
    const auto calls = strace.calls(begin, unix_time());
    std::vector<std::string> silent;
    std::vector<std::string> busy;
    for (const std::string& line : calls)
      (std::atof(line.c_str() + line.find(' ')) <= end ? silent : busy).push_back(line);
    EXPECT_EQ(silent.size(), 0U) << joined(silent);
    EXPECT_NE(busy.size(), 0U) << "strace sees nothing at all";
  }
};

TEST_F(Idle, NobodyIsThere) {
  expect_silence_until([&] { Connection{compositor.socket()}; });
}

TEST_F(Idle, ClientsAreThereAndSilent) {
  Connection first{compositor.socket()};
  Window below{first, 200, 100, 0xffff0000};
  Connection second{compositor.socket()};
  const Window above{second, 390, 290, 0xff00ff00};
  // Connected, and nothing more.
  const Connection third{compositor.socket()};
  expect_silence_until([&] { EXPECT_TRUE(below.commit_and_wait()); });
}

// What waits for a surface that is never shown must not keep us awake.
TEST_F(Idle, AFrameOfAHiddenSurfaceIsWaitedFor) {
  Connection client{compositor.socket()};
  Window window{client, 200, 100, 0xffff0000};
  clients::Surface hidden{client};
  hidden.request_frame();
  hidden.commit();
  ASSERT_TRUE(client.roundtrip());
  expect_silence_until([&] { EXPECT_TRUE(client.roundtrip()); });
}

TEST_F(Idle, WindowsHaveGone) {
  {
    Connection client{compositor.socket()};
    Window below{client, 400, 300, 0xffff0000};
    const Window above{client, 400, 300, 0xff00ff00};
    // Nobody can see it: it is served by a timer of its own.
    EXPECT_TRUE(below.commit_and_wait());
    EXPECT_TRUE(below.commit_and_wait());
    below.request_frame();
    below.commit();
    EXPECT_TRUE(client.roundtrip());
  }
  expect_silence_until([&] { Connection{compositor.socket()}; });
}

class IdleTerminal : public Idle {
 protected:
  IdleTerminal() : Idle{{.arguments = {"--autostart", "exec foot --log-level=none sleep 1000"}}} {}
};

TEST_F(IdleTerminal, WaitsForItsUser) {
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(compositor.place().picture()); }));
  expect_silence_until([&] { Connection{compositor.socket()}; }, 10s);
}

}  // namespace
}  // namespace e2e
