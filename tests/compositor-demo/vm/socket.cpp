#include "socket.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <thread>

namespace vm {

calloop::OwnedFd connect_to(const std::filesystem::path& path, std::chrono::milliseconds limit) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.native().size() >= sizeof address.sun_path)
    throw std::runtime_error{path.string() + " is too long for a socket"};
  path.native().copy(address.sun_path, sizeof address.sun_path - 1);
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (true) {
    calloop::OwnedFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (!fd)
      throw std::system_error{errno, std::generic_category(), "socket"};
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
      return fd;
    if (std::chrono::steady_clock::now() >= deadline)
      throw std::system_error{errno, std::generic_category(), path.string()};
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  }
}

void send(const calloop::OwnedFd& socket, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = ::send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EINTR)
      throw std::system_error{errno, std::generic_category(), "the virtual machine is gone"};
    if (sent > 0)
      text.remove_prefix(static_cast<std::size_t>(sent));
  }
}

std::string receive_within(const calloop::OwnedFd& socket, std::chrono::milliseconds limit) {
  pollfd readable{socket.get(), POLLIN, 0};
  if (::poll(&readable, 1, static_cast<int>(limit.count())) <= 0)
    return {};
  std::array<char, 4096> buffer;
  const ssize_t read = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
  if (read <= 0)
    throw std::runtime_error{"the virtual machine is gone"};
  return {buffer.data(), static_cast<std::size_t>(read)};
}

std::string receive(const calloop::OwnedFd& socket, std::chrono::milliseconds limit) {
  std::string text = receive_within(socket, limit);
  if (text.empty())
    throw std::runtime_error{"the virtual machine does not answer"};
  return text;
}

}  // namespace vm
