// Sockets for tests: they answer what the test has written down, and keep what is said to them.
#pragma once

#include <algorithm>
#include <cerrno>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "calloop/examples/echo_server/server.hpp"

namespace echo {

/// What happens on one connection. The test holds it too.
struct Script {
  std::deque<std::variant<std::string, int>> reads;   ///< text, or an errno; "" is the end
  std::deque<std::variant<std::size_t, int>> writes;  ///< at most so many bytes, or an errno
  std::vector<std::string> log;                       ///< every call, in order
  std::string written;
  bool closed = false;
};

class ScriptedConnection final : public Connection {
 public:
  ScriptedConnection(int fd, std::shared_ptr<Script> script)
      : fd_{fd}, script_{std::move(script)} {}
  ~ScriptedConnection() override { script_->closed = true; }
  int fd() const noexcept override { return fd_; }
  // An empty script is a socket with nothing to read, and room for everything.
  ssize_t read(std::span<char> buffer) override {
    script_->log.emplace_back("read");
    if (script_->reads.empty())
      return refuse(EAGAIN);
    const auto answer = std::move(script_->reads.front());
    script_->reads.pop_front();
    if (const int* const error = std::get_if<int>(&answer))
      return refuse(*error);
    const auto& text = std::get<std::string>(answer);
    std::ranges::copy(text, buffer.begin());
    return static_cast<ssize_t>(text.size());
  }
  ssize_t write(std::span<const char> bytes) override {
    script_->log.emplace_back("write");
    std::size_t count = bytes.size();
    if (!script_->writes.empty()) {
      const auto answer = script_->writes.front();
      script_->writes.pop_front();
      if (const int* const error = std::get_if<int>(&answer))
        return refuse(*error);
      count = std::min(count, std::get<std::size_t>(answer));
    }
    script_->written.append(bytes.data(), count);
    return static_cast<ssize_t>(count);
  }

 private:
  static ssize_t refuse(int error) noexcept {
    errno = error;
    return -1;
  }
  int fd_;
  std::shared_ptr<Script> script_;
};

/// Gives out the connections of a queue that the test fills.
class ScriptedListener final : public Listener {
 public:
  using Queue = std::deque<std::unique_ptr<Connection>>;
  ScriptedListener(int fd, std::shared_ptr<Queue> waiting)
      : fd_{fd}, waiting_{std::move(waiting)} {}
  int fd() const noexcept override { return fd_; }
  std::unique_ptr<Connection> accept() override {
    if (waiting_->empty())
      return nullptr;
    auto next = std::move(waiting_->front());
    waiting_->pop_front();
    return next;
  }

 private:
  int fd_;
  std::shared_ptr<Queue> waiting_;
};

}  // namespace echo
