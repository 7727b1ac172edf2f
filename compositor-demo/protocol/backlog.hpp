// What was sent to a client that it has not read yet.
//
// Nobody is disconnected for being busy, or stopped by a debugger. But a socket takes only so much,
// and libwayland disconnects the client for whom it takes no more: what others cause (the focus, a
// selection, the wish to read one) must not fill it. So it is sent only as long as there is room,
// and what matters is made up later.
#pragma once

#include <functional>

#include <wayland-server-core.h>

namespace demo {

// Whether the client has read nearly everything. Then there is room for more than all formats of a
// selection and a focus, however often this is asked.
bool has_room(wl_client* client) noexcept;

// Asks again as long as somebody does not read.
class Retry {
 public:
  // Throws std::bad_alloc. When `again` throws it is called another time.
  Retry(wl_display* display, std::function<void()> again);
  Retry(const Retry&) = delete;
  Retry& operator=(const Retry&) = delete;
  ~Retry();

  // Calls back once, soon. Starting it again before that changes nothing.
  void start() noexcept;
  void stop() noexcept;

 private:
  std::function<void()> again_;
  wl_event_source* timer_ = nullptr;
  bool started_ = false;
};

}  // namespace demo
