// A pipe whose ends never block: the simplest descriptor that is ready when a test says so.
#pragma once

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include <calloop/fd.hpp>

namespace tests {

struct Pipe {
  calloop::OwnedFd reader;
  calloop::OwnedFd writer;

  Pipe() {
    int fds[2];
    if (::pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0) {
      throw std::system_error{errno, std::generic_category(), "pipe2"};
    }
    reader.reset(fds[0]);
    writer.reset(fds[1]);
  }
  /// A pipe with something to read in it.
  static Pipe filled() {
    Pipe pipe;
    pipe.fill();
    return pipe;
  }
  [[nodiscard]] int fd() const noexcept { return reader.get(); }
  void fill() const {
    if (::write(writer.get(), "x", 1) != 1) {
      throw std::system_error{errno, std::generic_category(), "write to a pipe"};
    }
  }
  /// Reads all there is and says how much that was.
  std::size_t drain() const noexcept {
    char buffer[256];
    std::size_t total = 0;
    for (;;) {
      const auto n = ::read(reader.get(), buffer, sizeof buffer);
      if (n <= 0) {
        return total;
      }
      total += static_cast<std::size_t>(n);
    }
  }
};

}  // namespace tests
