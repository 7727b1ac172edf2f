// A program that runs until it is told to end, with what it says.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <calloop/event_loop.hpp>
#include <calloop/sources/child.hpp>
#include <calloop/sources/generic.hpp>

#include "tests/calloop/pipe.hpp"

namespace tests {

/// Killed and waited for with its object.
class Program {
 public:
  explicit Program(std::vector<std::string> command) {
    Pipe output;
    calloop::Child child =
        calloop::Child::spawn(std::move(command), {.fds = {{output.writer.get(), STDOUT_FILENO}}});
    pid_ = child.pid();
    loop_.handle().insert_source(std::move(child),
                                 [this](calloop::ChildExit exit) { exit_ = exit; });
    loop_.handle().insert_source(
        calloop::Generic{std::move(output.reader), calloop::interest().read()},
        [this](calloop::Readiness, const calloop::OwnedFd& reader) {
          char buffer[256];
          const ssize_t count = ::read(reader.get(), buffer, sizeof buffer);
          if (count <= 0)
            return calloop::PostAction::Remove;
          output_.append(buffer, static_cast<std::size_t>(count));
          return calloop::PostAction::Continue;
        });
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program() {
    if (!exit_) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
  }

  [[nodiscard]] const std::string& output() const noexcept { return output_; }
  void send_signal(int signal) const { ::kill(pid_, signal); }
  /// What it has said when a whole line is there.
  const std::string& wait_for_line() {
    wait([this] { return output_.ends_with('\n'); });
    return output_;
  }
  /// Waits until it has said this.
  void wait_for(const std::string& text) {
    wait([&] { return output_.find(text) != std::string::npos; });
  }
  /// How it has ended, when nothing is left of its output.
  calloop::ChildExit wait_for_end() {
    wait([this] { return exit_ && loop_.handle().source_count() == 0; });
    return exit_.value();
  }

 private:
  static constexpr calloop::Duration patience = std::chrono::seconds{30};

  template <class Condition>
  void wait(Condition condition) {
    for (const calloop::TimePoint end = calloop::Clock::now() + patience; !condition();) {
      if (calloop::Clock::now() >= end)
        throw std::runtime_error{"the program does not answer; so far: " + output_};
      loop_.dispatch(std::chrono::milliseconds{100});
    }
  }

  calloop::EventLoop<> loop_;
  pid_t pid_ = -1;
  std::string output_;
  std::optional<calloop::ChildExit> exit_;
};

}  // namespace tests
