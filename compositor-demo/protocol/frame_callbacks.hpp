// wl_surface.frame: the callbacks of a surface that wait for their frame, in the order they were
// asked for.
#pragma once

#include <cstddef>
#include <cstdint>

#include <wayland-server-core.h>

namespace demo {

// Owns its callbacks: those that were not answered when it goes are destroyed silently. A callback
// whose client dies leaves by itself. Each counts against the client's Limit::FrameCallbacks.
class FrameCallbacks {
 public:
  FrameCallbacks() noexcept { wl_list_init(&list_); }
  FrameCallbacks(FrameCallbacks&& other) noexcept : FrameCallbacks{} { append(other); }
  FrameCallbacks& operator=(FrameCallbacks&& other) noexcept;
  ~FrameCallbacks() { clear(); }

  // A new wl_callback. Throws std::bad_alloc or LimitExceeded.
  void add(wl_client* client, std::uint32_t id);
  // Moves all of `other` behind ours.
  void append(FrameCallbacks& other) noexcept;
  // Sends done to all, which ends them. The time is in milliseconds, of any clock that runs evenly.
  void send_done(std::uint32_t milliseconds) noexcept;
  bool empty() const noexcept { return wl_list_empty(&list_) != 0; }
  std::size_t size() const noexcept { return static_cast<std::size_t>(wl_list_length(&list_)); }

 private:
  void clear() noexcept;

  wl_list list_;  // of wl_resource, by their own links
};

}  // namespace demo
