// The wl_display: its place in the loop, its socket, and the clients as connections.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include <wayland-server-core.h>

#include <calloop/adapters/wayland_server.hpp>
#include <calloop/clock.hpp>
#include <calloop/fd.hpp>
#include <calloop/loop_handle.hpp>
#include <calloop/scoped_registration.hpp>

#include "compositor-demo/protocol/client_limits.hpp"
#include "compositor-demo/protocol/protocol.hpp"

namespace demo {

// Accepts clients as long as there are descriptors for all: some are kept back for those who are
// there already, and no process may take more than its share, or connect more than 256 times.
// Clients can also send descriptors that belong to no request, a thousand per connection, and
// libwayland keeps them; when that makes descriptors short, the most suspicious process loses its
// connections.
class Display {
 public:
  // Listens on this name in XDG_RUNTIME_DIR; empty: on the first free of wayland-1, -2, ...
  // Throws what ListeningSocket throws, and std::runtime_error.
  Display(const calloop::LoopHandle<>& loop, const std::string& socket);
  Display(const Display&) = delete;
  Display& operator=(const Display&) = delete;
  // The clients and all globals must be gone.
  ~Display();

  wl_display* get() const noexcept { return display_.get(); }
  const std::string& socket() const noexcept { return socket_; }

  // Lets in who holds the other end of this socket. Throws std::system_error.
  ClientId add_client(calloop::OwnedFd connection);
  // Null when it is gone.
  wl_client* find(ClientId client) const noexcept;

  // To be called when something was sent to a client: one that has not read anything for a long
  // time, so that nothing more fits into its socket, is disconnected. libwayland notices this only
  // when that client writes.
  void check_reading(wl_client* client, calloop::TimePoint now) noexcept;
  // Lets nobody in any more: the socket and its lock are gone.
  void close_socket() noexcept;
  // Disconnects all, and lets nobody in any more.
  void destroy_clients() noexcept;

 private:
  // What is known about a connection.
  struct Client {
    Client(Display& display, wl_client* of);

    wl_client* client;
    ClientId id;  // in the order in which they came
    pid_t pid = 0;
    std::optional<calloop::TimePoint> checked;
    std::optional<calloop::TimePoint> stuck_since;
    bool given_up = false;
    Charge registries;
    calloop::wayland::Listener destroyed;
    calloop::wayland::Listener resource_created;
  };
  struct DestroyDisplay {
    void operator()(wl_display* display) const noexcept { wl_display_destroy(display); }
  };

  void connect(calloop::OwnedFd connection);
  void check_descriptors() noexcept;
  const char* reason_to_refuse(const calloop::OwnedFd& connection, pid_t pid) const noexcept;
  void client_created(wl_client* client) noexcept;
  void count_registry(Client& client, wl_resource* resource) noexcept;

  std::unique_ptr<wl_display, DestroyDisplay> display_;
  std::unordered_map<wl_client*, std::unique_ptr<Client>> clients_;
  std::unordered_map<pid_t, std::size_t> connections_;  // by process
  std::string socket_;
  std::uint64_t last_client_ = 0;
  bool refusal_logged_ = false;           // once until somebody is accepted again
  pid_t accused_ = -1;                    // of taking all descriptors: said once in a row
  std::size_t dispatches_unchecked_ = 0;  // so many cannot use up the descriptors
  calloop::wayland::Listener created_;
  calloop::ScopedRegistration serving_;
  calloop::ScopedRegistration listening_;
};

}  // namespace demo
