// The echo server on TCP, until SIGINT or SIGTERM.
//
//     echo_server [port]      # 0, or none: a free one, which it says
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>
#include <span>
#include <system_error>

#include <calloop/calloop.hpp>

#include "calloop/examples/echo_server/server.hpp"

namespace {

[[noreturn]] void fail(const char* call) {
  throw std::system_error{errno, std::generic_category(), call};
}

class TcpConnection final : public echo::Connection {
 public:
  explicit TcpConnection(calloop::OwnedFd socket) noexcept : socket_{std::move(socket)} {}
  int fd() const noexcept override { return socket_.get(); }
  ssize_t read(std::span<char> buffer) override {
    return ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
  }
  ssize_t write(std::span<const char> bytes) override {
    return ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }

 private:
  calloop::OwnedFd socket_;
};

class TcpListener final : public echo::Listener {
 public:
  explicit TcpListener(std::uint16_t port)
      : socket_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)} {
    if (!socket_)
      fail("socket");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    if (::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
      fail("bind");
    if (::listen(socket_.get(), SOMAXCONN) < 0)
      fail("listen");
  }
  int fd() const noexcept override { return socket_.get(); }
  std::unique_ptr<echo::Connection> accept() override {
    for (;;) {
      calloop::OwnedFd socket{
          ::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
      if (socket)
        return std::make_unique<TcpConnection>(std::move(socket));
      if (errno == EAGAIN)
        return nullptr;
      if (errno != ECONNABORTED)  // it is not there any more: the next one
        fail("accept4");
    }
  }
  [[nodiscard]] std::uint16_t port() const {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    if (::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size) < 0)
      fail("getsockname");
    return ntohs(address.sin_port);
  }

 private:
  calloop::OwnedFd socket_;
};

}  // namespace

int main(int argc, char** argv) try {
  std::uint16_t port = 0;
  if (argc > 1) {
    const char* const end = argv[1] + std::strlen(argv[1]);
    if (argc > 2 || std::from_chars(argv[1], end, port).ptr != end) {
      std::fprintf(stderr, "usage: echo_server [port]\n");
      return 2;
    }
  }
  calloop::EventLoop<> loop;
  loop.handle().insert_source(calloop::Signals{SIGINT, SIGTERM},
                              [stop = loop.signal()] { stop.stop(); });

  auto listener = std::make_unique<TcpListener>(port);
  std::printf("listening on 127.0.0.1:%u\n", listener->port());
  std::fflush(stdout);
  const echo::Server server{loop.handle(), std::move(listener)};

  loop.run();
  std::printf("bye\n");
} catch (const std::exception& error) {
  std::fprintf(stderr, "echo_server: %s\n", error.what());
  return 1;
}
