// A server with the protocol's inner parts, and real clients of libwayland-client, all in one
// thread: whatever one side sent is served by pump(), nothing waits and nothing sleeps.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

// Both sides of libwayland meet here: the server's header first, as its enums are the same.
#include <wayland-client.h>
#include <wayland-server-core.h>

#include "compositor-demo/protocol/protocol.hpp"

struct xdg_wm_base;

namespace demo {

class DataDeviceManager;
class Outputs;
class PointerConstraints;
class RelativePointers;
class Seat;
class Windows;
class XdgShell;

// What a wl_display.error event said.
struct ReceivedError {
  std::string interface;
  std::uint32_t code = 0;
  bool operator==(const ReceivedError&) const = default;
};

// Who serves clients that are in the same thread.
class ServesClients {
 public:
  // The other end of this socket is a client's. The descriptor is given away.
  virtual void admit(int socket) = 0;
  // Serves requests once and sends what there is to send.
  virtual void serve() = 0;

 protected:
  ~ServesClients() = default;
};

class LoopbackServer final : public ServesClients {
 public:
  // What the windows reported.
  class Host final : public Protocol::Host {
   public:
    void window_mapped(WindowId id) override { mapped.push_back(id); }
    void window_unmapped(WindowId id) override { std::erase(mapped, id); }
    void window_wants(WindowId id, WindowState state, const std::string& output) override {
      wanted.push_back({id, state, output});
    }
    void window_state_changed(WindowId id) override { changed.push_back(id); }
    void window_grabbed(WindowId id, const WindowGrab& grab) override {
      grabs.emplace_back(id, grab);
    }
    void window_grew(WindowId, Point by) override { grown = grown + by; }
    void window_committed(WindowId) override { ++commits; }

    std::vector<WindowId> mapped;  // the latest last
    struct Wanted {
      WindowId id{};
      WindowState state{};
      std::string output;
    };
    std::vector<Wanted> wanted;
    std::vector<WindowId> changed;  // their state
    std::vector<std::pair<WindowId, WindowGrab>> grabs;
    Point grown;  // all windows together
    int commits = 0;
  };

  LoopbackServer();
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;
  ~LoopbackServer();

  void admit(int socket) override;
  // Idle callbacks, too.
  void serve() override;

  wl_display* display() const noexcept;
  Outputs& outputs() noexcept;
  Windows& windows() noexcept;
  PointerConstraints& constraints() noexcept;
  RelativePointers& relative_pointers() noexcept;
  Seat& seat() noexcept;
  XdgShell& shell() noexcept;
  DataDeviceManager& data_devices() noexcept;
  // The window that was mapped last.
  class Window& last_window();

  Host host;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

class LoopbackClient {
 public:
  // Binds the globals that follow below: at these versions, or at the server's if 0.
  struct Versions {
    std::uint32_t xdg_wm_base = 0;
    std::uint32_t seat = 0;
    std::uint32_t data_device_manager = 0;
  };

  explicit LoopbackClient(ServesClients& server) : LoopbackClient{server, Versions{}} {}
  LoopbackClient(ServesClients& server, Versions versions);
  LoopbackClient(const LoopbackClient&) = delete;
  LoopbackClient& operator=(const LoopbackClient&) = delete;
  ~LoopbackClient();

  // Sends what is queued, has it served, and handles what comes back. Returns when the server has
  // answered everything, or has disconnected this client.
  void roundtrip();
  // Handles events that the server has sent by itself.
  void dispatch();
  // Whether the server still wants us.
  bool alive() const noexcept { return wl_display_get_error(display) == 0; }
  // Of the protocol; empty if there was none.
  ReceivedError error() const;

  // Binds another global, at the server's version. Throws std::out_of_range if there is none; of
  // several the latest.
  void* bind(const wl_interface& interface);
  // Shared memory filled with zeroes. The client owns it.
  wl_buffer* make_buffer(int width, int height);

  wl_display* display = nullptr;
  wl_registry* registry = nullptr;
  wl_compositor* compositor = nullptr;
  wl_subcompositor* subcompositor = nullptr;
  wl_shm* shm = nullptr;
  wl_seat* seat = nullptr;
  wl_data_device_manager* data_device_manager = nullptr;
  ::xdg_wm_base* wm_base = nullptr;
  // What the seat says of itself.
  std::uint32_t seat_capabilities = 0;
  std::string seat_name;

 private:
  static void global(void* self, wl_registry* registry, std::uint32_t name, const char* interface,
                     std::uint32_t version);
  static void global_remove(void* self, wl_registry* registry, std::uint32_t name);
  void handle_events();

  struct Advertised {
    std::uint32_t name = 0;
    std::uint32_t version = 0;
  };

  ServesClients& server_;
  Versions versions_;
  std::map<std::string, Advertised, std::less<>> globals_;  // by interface
};

}  // namespace demo
