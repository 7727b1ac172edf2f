// What a host loop polls when our loop is a guest in it.
//
//     HostFd host{backend.fd()};
//     host.update(next_deadline, !idles.empty());
//     pollfd polled{.fd = host.fd(), .events = POLLIN, .revents = 0};
//     ::poll(&polled, 1, -1);  // the loop has something to do
//
// One descriptor that is readable while a source of ours is ready, our earliest deadline has
// passed, or idles and leftovers wait. Internal to the loop; installed because LoopCore has one.
#pragma once

#include <calloop/clock.hpp>
#include <calloop/fd.hpp>

namespace calloop {

class HostFd {
 public:
  /// Watches `backend_fd`, which stays its owner's. Throws std::system_error.
  explicit HostFd(int backend_fd);
  [[nodiscard]] int fd() const noexcept { return epoll_.get(); }
  /// Tells when the loop has something to do: at `deadline` (TimePoint::max(): never), and at once
  /// if `work_waits`. System calls are made only for what has changed. Throws std::system_error.
  void update(TimePoint deadline, bool work_waits);
  /// The backend has a new descriptor.
  void watch(int backend_fd);

 private:
  OwnedFd epoll_;
  OwnedFd timer_;
  OwnedFd work_;
  TimePoint deadline_ = TimePoint::max();
  bool work_waits_ = false;
};

}  // namespace calloop
