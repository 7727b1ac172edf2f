// A display of libwayland's, and clients of it in the same thread.
#pragma once

#include <fcntl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <system_error>
#include <utility>

#include <wayland-client.h>
#include <wayland-server-core.h>

#include <calloop/event_loop.hpp>

namespace tests {

struct DestroyServer {
  void operator()(wl_display* display) const noexcept {
    wl_display_destroy_clients(display);
    wl_display_destroy(display);
  }
};
using ServerDisplay = std::unique_ptr<wl_display, DestroyServer>;

inline ServerDisplay make_server() {
  return ServerDisplay{wl_display_create()};
}

// A connection of libwayland-client to a display in the same thread.
class Client {
 public:
  explicit Client(wl_display* server) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
      throw std::system_error{errno, std::generic_category(), "socketpair"};
    on_server = wl_client_create(server, ends[0]);
    display = wl_display_connect_to_fd(ends[1]);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() { disconnect(); }

  void disconnect() {
    if (display != nullptr)
      wl_display_disconnect(std::exchange(display, nullptr));
  }
  // Whether the server has answered a sync within so many turns of the loop.
  bool roundtrip(calloop::EventLoop<>& loop, int turns = 10) {
    bool answered = false;
    static const wl_callback_listener listener{
        .done = [](void* data, wl_callback*, std::uint32_t) { *static_cast<bool*>(data) = true; }};
    wl_callback* const callback = wl_display_sync(display);
    wl_callback_add_listener(callback, &listener, &answered);
    wl_display_flush(display);
    for (int turn = 0; turn != turns && !answered; ++turn) {
      loop.dispatch(calloop::Duration::zero());
      read();
    }
    wl_callback_destroy(callback);
    return answered;
  }
  // Sends it an event, which lies in libwayland's buffer until somebody flushes.
  void post_error() const { wl_client_post_implementation_error(on_server, "said by a test"); }
  // Whether that has arrived.
  bool has_error() {
    read();
    return wl_display_get_error(display) == EPROTO;
  }
  // Handles what is there.
  void read() {
    const int fd = wl_display_get_fd(display);
    const int flags = ::fcntl(fd, F_GETFL);
    ::fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    if (wl_display_prepare_read(display) == 0)
      wl_display_read_events(display);
    wl_display_dispatch_pending(display);
  }

  wl_display* display = nullptr;
  wl_client* on_server = nullptr;
};

}  // namespace tests
