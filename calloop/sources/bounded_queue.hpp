// A limited number of messages from any number of threads to one; senders wait for room.
//
//     BoundedQueue<Frame> queue{2};
//     queue.push(frame, [] {});                      // any thread; waits while it is full
//     while (const Frame* const next = queue.front()) {   // one thread
//       show(*next);
//       queue.pop();
//     }
//
// With a bound of zero a message goes from hand to hand: it stays with its sender, who waits, until
// it is taken.
//
// Internal to the loop: Channel is its user; installed because the templates need it.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

namespace calloop {

/// What became of a message that nobody waited for.
enum class TrySend : std::uint8_t { Sent, Full, Closed };

/// `push` and `try_push` are for any thread, the rest for one.
template <class T>
class BoundedQueue {
 public:
  explicit BoundedQueue(std::size_t bound) noexcept : bound_{bound} {}

  /// Puts a message at the end when there is room, and calls `wake` when there is something to be
  /// taken; false, and `message` is untouched, when the queue is or is being closed. Throws
  /// std::bad_alloc; `message` is untouched then too.
  template <class Wake>
  bool push(T& message, Wake wake) {
    std::unique_lock lock{mutex_};
    if (bound_ == 0)
      return hand_over(message, wake, lock);
    changed_.wait(lock, [&] { return is_closed_ || messages_.size() < bound_; });
    if (is_closed_)
      return false;
    messages_.push_back(std::move(message));
    lock.unlock();
    wake();
    return true;
  }
  /// The same without waiting, with a T made of `message`.
  template <class U>
  [[nodiscard]] TrySend try_push(U&& message) {
    const std::scoped_lock lock{mutex_};
    if (is_closed_)
      return TrySend::Closed;
    if (messages_.size() >= bound_)
      return TrySend::Full;
    messages_.emplace_back(std::forward<U>(message));
    return TrySend::Sent;
  }

  /// How many there are to be taken.
  [[nodiscard]] std::size_t size() {
    const std::scoped_lock lock{mutex_};
    return messages_.size() + (offered_ != nullptr ? 1 : 0) + (taken_ ? 1 : 0);
  }
  /// The next message, which is out of the queue by then: there is room for another one. Null when
  /// there is none.
  [[nodiscard]] T* front() {
    if (taken_)
      return &*taken_;
    const std::scoped_lock lock{mutex_};
    if (offered_ != nullptr) {
      taken_.emplace(std::move(*offered_));
      offered_ = nullptr;
    } else if (!messages_.empty()) {
      taken_.emplace(std::move(messages_.front()));
      messages_.pop_front();
    } else {
      return nullptr;
    }
    changed_.notify_all();
    return &*taken_;
  }
  /// Destroys what front() has returned.
  void pop() noexcept { taken_.reset(); }

  /// Nothing can be pushed from now on, and who waits is told; what was is destroyed.
  void close() noexcept {
    {
      const std::scoped_lock lock{mutex_};
      is_closed_ = true;
      changed_.notify_all();
    }
    messages_.clear();  // without the lock: nobody else comes to them any more
  }

 private:
  // The message stays where it is until it is taken, so it need not be given back.
  template <class Wake>
  bool hand_over(T& message, Wake wake, std::unique_lock<std::mutex>& lock) {
    changed_.wait(lock, [&] { return is_closed_ || offered_ == nullptr; });
    if (is_closed_)
      return false;
    offered_ = &message;
    wake();
    changed_.wait(lock, [&] { return is_closed_ || offered_ != &message; });
    const bool is_taken = offered_ != &message;
    if (!is_taken)
      offered_ = nullptr;
    return is_taken;
  }

  const std::size_t bound_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<T> messages_;
  T* offered_ = nullptr;  // what the sender of one without room has, and waits with
  bool is_closed_ = false;
  std::optional<T> taken_;
};

}  // namespace calloop
