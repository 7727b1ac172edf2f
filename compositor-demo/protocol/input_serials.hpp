// Which client was told which serial of late: by it a client proves that what it asks for answers
// an event of its own.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <wayland-server-core.h>

namespace demo {

// Remembers the last few hundred events with a serial; who comes with an older one is late.
class InputSerials {
 public:
  explicit InputSerials(wl_display* display) noexcept : display_{display} {}

  // The serial of an event that is about to be sent to this client.
  std::uint32_t next(const wl_client* client) noexcept {
    const std::uint32_t serial = wl_display_next_serial(display_);
    events_[written_ % events_.size()] = {client, serial};
    ++written_;
    return serial;
  }
  bool sent_to(const wl_client* client, std::uint32_t serial) const noexcept {
    for (const Event& event : events_)
      if (event.client == client && event.serial == serial)
        return client != nullptr;
    return false;
  }
  // The latest serial of the display.
  std::uint32_t latest() const noexcept { return wl_display_get_serial(display_); }

 private:
  struct Event {
    const wl_client* client = nullptr;  // only ever compared: it may be dead
    std::uint32_t serial = 0;
  };

  wl_display* display_;
  std::array<Event, 512> events_{};
  std::size_t written_ = 0;
};

}  // namespace demo
