// A hand-written loop over epoll, for the two ways of finding a callback that need nothing else.
// It has no timers.
#pragma once

#include <sys/epoll.h>
#include <unistd.h>

#include <cstdint>
#include <ctime>
#include <memory>
#include <vector>

#include <calloop/fd.hpp>

#include "tests/bench/harness/event_fd.hpp"
#include "tests/bench/harness/setup.hpp"

namespace bench {

/// `Watches` makes a Node for a descriptor, calls it, and disposes of it.
template <class Watches>
class EpollLoop {
 public:
  using Watch = typename Watches::Node*;

  explicit EpollLoop(const Setup&) : epoll_{::epoll_create1(EPOLL_CLOEXEC)} {
    if (!epoll_)
      throw_errno("epoll_create1");
  }

  template <auto F, class T>
  Watch add_fd(int fd, T& argument) {
    const Watch watch = watches_.template make<F>(fd, argument);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = watch;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) < 0)
      throw_errno("epoll_ctl");
    return watch;
  }
  void remove_fd(Watch watch) {
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, watch->fd, nullptr) < 0)
      throw_errno("epoll_ctl");
    watches_.dispose(watch);
  }

  void turn() { run(::epoll_wait(epoll_.get(), events_.get(), batch, deferred_.empty() ? -1 : 0)); }
  void turn_at_once() { run(::epoll_wait(epoll_.get(), events_.get(), batch, 0)); }
  void turn_within(std::int64_t nanoseconds) {
    const timespec timeout{0, static_cast<long>(nanoseconds)};
    run(::epoll_pwait2(epoll_.get(), events_.get(), batch, &timeout, nullptr));
  }

  template <auto F, class T>
  void defer(T& argument) {
    deferred_.push_back({[](void* target) { F(*static_cast<T*>(target)); }, &argument});
  }

 private:
  struct Deferred {
    void (*call)(void* target);
    void* target;
  };
  static constexpr int batch = 1024;

  void run(int ready) {
    if (ready < 0)
      throw_errno("epoll_wait");
    const epoll_event* const end = events_.get() + ready;
    for (const epoll_event* event = events_.get(); event != end; ++event)
      Watches::call(static_cast<Watch>(event->data.ptr), event->events);
    watches_.batch_ended();
    if (!deferred_.empty()) {
      running_.swap(deferred_);
      for (const Deferred& deferred : running_)
        deferred.call(deferred.target);
      running_.clear();
    }
  }

  calloop::OwnedFd epoll_;
  Watches watches_;
  std::unique_ptr<epoll_event[]> events_ = std::make_unique<epoll_event[]>(batch);
  std::vector<Deferred> deferred_;
  std::vector<Deferred> running_;
};

}  // namespace bench
