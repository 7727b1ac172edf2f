// An echo server: what comes in on a connection goes out on it again.
//
//     echo::Server server{loop.handle(), std::make_unique<Tcp>(port)};
//     loop.run();
//
// Written to be tested: it takes a LoopHandle, and its sockets are interfaces. server_test.cpp
// gives it a loop with scripted descriptors and sockets that answer what the test wants; main.cpp
// gives it the real ones.
#pragma once

#include <sys/types.h>

#include <memory>
#include <span>
#include <string>

#include <calloop/interest.hpp>
#include <calloop/loop_handle.hpp>
#include <calloop/post_action.hpp>
#include <calloop/scoped_registration.hpp>

namespace echo {

/// One connection. Its functions never block.
class Connection {
 public:
  virtual ~Connection() = default;
  [[nodiscard]] virtual int fd() const noexcept = 0;
  /// As read(2): 0 at the end, -1 with errno, EAGAIN when there is nothing for now.
  virtual ssize_t read(std::span<char> buffer) = 0;
  /// As write(2): may take only the first bytes, or -1 with errno.
  virtual ssize_t write(std::span<const char> bytes) = 0;
};

/// Where connections come from.
class Listener {
 public:
  virtual ~Listener() = default;
  [[nodiscard]] virtual int fd() const noexcept = 0;
  /// The next one, null when nobody waits. Throws std::system_error.
  virtual std::unique_ptr<Connection> accept() = 0;
};

/// A connection with what was read and not yet written.
class Session {
 public:
  explicit Session(std::unique_ptr<Connection> connection) noexcept
      : connection_{std::move(connection)} {}
  /// What makes it something that a source can own; see calloop/fd.hpp.
  [[nodiscard]] int fd() const noexcept { return connection_->fd(); }
  /// Echoes what there is. Remove when the connection is over.
  [[nodiscard]] calloop::PostAction serve(calloop::Readiness ready);

 private:
  enum class Progress { Done, Blocked, Over };
  [[nodiscard]] Progress read_some();
  [[nodiscard]] Progress write_all();

  std::unique_ptr<Connection> connection_;
  std::string pending_;
};

/// Accepts connections for as long as it lives. The sessions belong to the loop: each ends with its
/// connection, or with the loop.
class Server {
 public:
  /// Throws std::system_error when the listener's descriptor cannot be watched.
  Server(const calloop::LoopHandle<>& loop, std::unique_ptr<Listener> listener);
  Server(const Server&) = delete;  // its callback holds `this`
  Server& operator=(const Server&) = delete;

 private:
  void accept_all(const calloop::LoopHandle<>& loop);

  std::unique_ptr<Listener> listener_;
  calloop::ScopedRegistration registration_;  // after what its callback uses: ends first
};

}  // namespace echo
