#include "compositor-demo/protocol/backlog.hpp"

#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <new>
#include <utility>

namespace demo {

namespace {

// In the kernel's count, where each message has an overhead. poll(2) calls a socket writable below
// a quarter of its buffer (53 of 212 KB, unless the system was told otherwise), and only at the end
// of the buffer there is no room: this is well below either.
constexpr int little = 32 * 1024;

constexpr int retry_after_ms = 250;

}  // namespace

// unix(7)
bool has_room(wl_client* client) noexcept {
  int unread = 0;
  return ::ioctl(wl_client_get_fd(client), SIOCOUTQ, &unread) != 0 || unread <= little;
}

Retry::Retry(wl_display* display, std::function<void()> again) : again_{std::move(again)} {
  const auto due = [](void* data) noexcept {
    auto* const self = static_cast<Retry*>(data);
    self->started_ = false;
    try {
      self->again_();
    } catch (...) {
      self->start();
    }
    return 0;
  };
  timer_ = wl_event_loop_add_timer(wl_display_get_event_loop(display), due, this);
  if (timer_ == nullptr)
    throw std::bad_alloc{};
}

Retry::~Retry() {
  wl_event_source_remove(timer_);
}

void Retry::start() noexcept {
  if (!std::exchange(started_, true))
    wl_event_source_timer_update(timer_, retry_after_ms);
}

void Retry::stop() noexcept {
  if (std::exchange(started_, false))
    wl_event_source_timer_update(timer_, 0);
}

}  // namespace demo
