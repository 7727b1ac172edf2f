// Messages from other threads for loops that bring no queue of their own: integers in a vector
// behind a mutex, taken out in bulk.
#pragma once

#include <concepts>
#include <mutex>
#include <utility>
#include <vector>

#include "tests/bench/harness/event_fd.hpp"

namespace bench {

/// What a loop is woken by: a peer that has its own way names it `template <auto, class> Waker`.
/// This one is an eventfd among the others; only the first message of many writes to it.
template <class P, auto F, class T>
class EventFdWaker {
 public:
  static constexpr bool wakes_for_each_message = false;
  EventFdWaker(P& peer, T& target) : target_{&target}, fd_{event_fd(0)} {
    peer.template add_fd<&EventFdWaker::woken>(fd_.get(), *this);
  }
  void wake() { give(fd_.get()); }

 private:
  static void woken(EventFdWaker& self) {
    take(self.fd_.get());
    F(*self.target_);
  }
  T* target_;
  calloop::OwnedFd fd_;
};

template <class P, auto F, class T>
struct WakerOf {
  using Type = EventFdWaker<P, F, T>;
};
template <class P, auto F, class T>
  requires requires { typename P::template Waker<F, T>; }
struct WakerOf<P, F, T> {
  using Type = typename P::template Waker<F, T>;
};

/// Calls F(target, message) on the loop's thread for each message, in order.
template <class P, auto F, class T>
class QueueInbox {
 public:
  QueueInbox(P& peer, T& target) : target_{&target}, waker_{peer, *this} {}

  /// Any thread.
  void post(int message) {
    bool is_first = false;
    {
      const std::scoped_lock lock{mutex_};
      is_first = items_.empty();
      items_.push_back(message);
    }
    if (Waker::wakes_for_each_message || is_first)
      waker_.wake();
  }

 private:
  static void drain(QueueInbox& self) {
    self.taken_.clear();
    {
      const std::scoped_lock lock{self.mutex_};
      self.taken_.swap(self.items_);
    }
    for (const int message : self.taken_)
      F(*self.target_, message);
  }
  using Waker = typename WakerOf<P, &QueueInbox::drain, QueueInbox>::Type;

  T* target_;
  std::mutex mutex_;
  std::vector<int> items_;
  std::vector<int> taken_;
  Waker waker_;
};

}  // namespace bench
