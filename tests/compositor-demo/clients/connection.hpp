// A client's connection to a compositor, with every global that the compositor offers bound.
//
//   Connection client{"/tmp/run/wayland-1"};
//   Window window{client, 200, 100, 0xffff0000};   // window.hpp
//   client.roundtrip();
#pragma once

#include <poll.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include <wayland-client.h>

#include "eventually.hpp"
#include "owned.hpp"

namespace clients {

// What a wl_display.error event said.
struct ProtocolError {
  std::string interface;
  std::uint32_t code = 0;
};

class Connection {
 public:
  // Throws std::system_error when there is nobody, std::runtime_error when the globals of a
  // compositor are not there in time.
  explicit Connection(const std::filesystem::path& socket);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  wl_display* display() const noexcept { return display_.get(); }

  // Whether the compositor still wants us.
  bool alive() const noexcept { return wl_display_get_error(display()) == 0; }
  // What it said when it threw us out; nothing if it said nothing.
  std::optional<ProtocolError> error() const;

  // Sends what is queued, then handles events until the condition holds. False if the connection
  // ended or the time was up first.
  template <class Condition>
  bool dispatch_until(const Condition& condition, Clock::duration limit = patience) {
    const auto deadline = Clock::now() + limit;
    while (true) {
      if (wl_display_dispatch_pending(display()) < 0)
        return condition();
      if (condition())
        return true;
      if (Clock::now() >= deadline || !wait_and_read(deadline))
        return condition();
    }
  }
  // True when the compositor has answered everything that was asked so far.
  bool roundtrip(Clock::duration limit = patience);
  // True when the compositor has ended the connection.
  bool wait_for_end(Clock::duration limit = patience);

 private:
  struct Disconnect {
    void operator()(wl_display* display) const noexcept { wl_display_disconnect(display); }
  };

  static void global(void* self, wl_registry* registry, std::uint32_t name, const char* interface,
                     std::uint32_t version) noexcept;
  bool wait_and_read(Clock::time_point deadline) noexcept;

  std::unique_ptr<wl_display, Disconnect> display_;

 public:
  Owned<wl_registry> registry;
  Owned<wl_compositor> compositor;
  Owned<wl_subcompositor> subcompositor;
  Owned<wl_shm> shm;
  Owned<wl_seat> seat;
  Owned<wl_output> output;
  Owned<wl_data_device_manager> data_device_manager;
  Owned<xdg_wm_base> wm_base;
};

}  // namespace clients
