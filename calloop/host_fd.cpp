#include <calloop/host_fd.hpp>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>

#include <calloop/errors.hpp>

namespace calloop {

namespace {
OwnedFd checked(int fd, const char* call) {
  if (fd < 0)
    throw_errno(call);
  return OwnedFd{fd};
}
}  // namespace

HostFd::HostFd(int backend_fd)
    : epoll_{checked(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")},
      timer_{
          checked(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK), "timerfd_create")},
      work_{checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")} {
  watch(backend_fd);
  watch(timer_.get());
  watch(work_.get());
}

void HostFd::watch(int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) < 0)
    throw_errno("epoll_ctl");
}

void HostFd::update(TimePoint deadline, bool work_waits) {
  if (deadline != deadline_) {
    itimerspec spec{};
    if (deadline != TimePoint::max()) {
      const Duration at = std::max(deadline.time_since_epoch(), Duration{1});
      const auto seconds = std::chrono::floor<std::chrono::seconds>(at);
      spec.it_value = {static_cast<time_t>(seconds.count()),
                       static_cast<long>((at - seconds).count())};
    }
    if (::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &spec, nullptr) < 0)
      throw_errno("timerfd_settime");
    deadline_ = deadline;
  }
  if (work_waits != work_waits_) {
    std::uint64_t count = 1;
    [[maybe_unused]] const auto done = work_waits ? ::write(work_.get(), &count, sizeof count)
                                                  : ::read(work_.get(), &count, sizeof count);
    work_waits_ = work_waits;
  }
}

}  // namespace calloop
