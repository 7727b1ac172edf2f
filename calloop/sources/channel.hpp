// A queue into the loop from any thread.
//
//     auto [sender, channel] = calloop::make_channel<std::string>();
//     loop.insert_source(std::move(channel), [](std::optional<std::string> command, App& app) {
//       if (command) app.execute(*command);      // nullopt: the last sender is gone
//     });
//     std::jthread thread{[sender = std::move(sender)] { sender.send("reload"); }};
//
// Messages arrive in the order in which they were sent, one event each. A flood does not starve
// the other sources: after 1024 messages the rest waits for the next iteration. make_sync_channel()
// makes one that holds a limited number of messages, and makes its senders wait. A message has to
// be movable, and nothing else.
#pragma once

#include <atomic>
#include <concepts>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include <calloop/fwd.hpp>
#include <calloop/interest.hpp>
#include <calloop/poll.hpp>
#include <calloop/post_action.hpp>
#include <calloop/sources/ping.hpp>
#include <calloop/token.hpp>

namespace calloop {

namespace detail {

template <class T>
struct ChannelQueue {
  std::mutex mutex;
  std::condition_variable changed;  // for the senders of a bounded one
  std::vector<T> items;             // from `first` on
  std::size_t first = 0;
  std::optional<std::size_t> bound;  // of a bounded one
  T* offered = nullptr;              // what the sender of one without room has, and waits with
  bool receiver_gone = false;
  std::atomic<std::thread::id> receiver{};  // the thread of the loop it is in

  [[nodiscard]] std::size_t size() const noexcept { return items.size() - first; }
};

}  // namespace detail

template <class T>
[[nodiscard]] std::pair<Sender<T>, Channel<T>> make_channel();
template <class T>
[[nodiscard]] std::pair<SyncSender<T>, Channel<T>> make_sync_channel(std::size_t bound);

/// The sending end. Copyable; any thread, also after the loop is gone. When the last copy is
/// destroyed the channel is closed.
template <class T>
class Sender {
 public:
  /// Queues a message, of which a T is made, and wakes the loop; never waits for the loop's work.
  /// False when the receiving end is gone: `message` is untouched then. Throws std::bad_alloc, and
  /// what making a T throws; nothing is queued then.
  template <class U>
    requires std::constructible_from<T, U>
  bool send(U&& message) const {
    {
      const std::scoped_lock lock{queue_->mutex};
      if (queue_->receiver_gone)
        return false;
      queue_->items.emplace_back(std::forward<U>(message));
    }
    ping_.ping();
    return true;
  }
  /// Whether this is the thread of the loop that the receiving end is in. Never throws.
  [[nodiscard]] bool is_receiving_thread() const noexcept {
    return queue_->receiver.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }

 private:
  friend std::pair<Sender<T>, Channel<T>> make_channel<T>();
  Sender(std::shared_ptr<detail::ChannelQueue<T>> queue, Ping ping) noexcept
      : queue_{std::move(queue)}, ping_{std::move(ping)} {}
  std::shared_ptr<detail::ChannelQueue<T>> queue_;
  Ping ping_;
};

/// What became of a message that nobody waited for.
enum class TrySend : std::uint8_t { Sent, Full, Closed };

/// The sending end of a bounded channel. Copyable; any thread.
template <class T>
class SyncSender {
 public:
  /// Queues a message, waiting while the channel is full; with a bound of zero until the loop has
  /// taken the message. False when the receiving end is gone, or goes meanwhile: `message` is
  /// untouched then. Throws std::logic_error on the loop's own thread, where it might wait for
  /// itself, and std::bad_alloc; `message` is untouched then too.
  bool send(T&& message) const {
    if (queue_->receiver.load(std::memory_order_relaxed) == std::this_thread::get_id())
      throw std::logic_error{"calloop: a blocking send on the loop's own thread waits for itself"};
    std::unique_lock lock{queue_->mutex};
    if (*queue_->bound == 0)
      return hand_over(message, lock);
    queue_->changed.wait(lock,
                         [&] { return queue_->receiver_gone || queue_->size() < *queue_->bound; });
    if (queue_->receiver_gone)
      return false;
    queue_->items.push_back(std::move(message));
    lock.unlock();
    ping_.ping();
    return true;
  }
  /// The same with a copy, which is made before it waits.
  bool send(const T& message) const {
    T copy{message};
    return send(std::move(copy));
  }
  /// Queues a message, of which a T is made, if there is room; never waits. With a bound of zero
  /// there never is. Unless it is Sent, `message` is untouched. Throws as Sender::send().
  template <class U>
    requires std::constructible_from<T, U>
  [[nodiscard]] TrySend try_send(U&& message) const {
    {
      const std::scoped_lock lock{queue_->mutex};
      if (queue_->receiver_gone)
        return TrySend::Closed;
      if (queue_->size() >= *queue_->bound)
        return TrySend::Full;
      queue_->items.emplace_back(std::forward<U>(message));
    }
    ping_.ping();
    return TrySend::Sent;
  }

 private:
  friend std::pair<SyncSender<T>, Channel<T>> make_sync_channel<T>(std::size_t);
  SyncSender(std::shared_ptr<detail::ChannelQueue<T>> queue, Ping ping) noexcept
      : queue_{std::move(queue)}, ping_{std::move(ping)} {}

  // The message stays where it is until the loop takes it, so it need not be given back.
  bool hand_over(T& message, std::unique_lock<std::mutex>& lock) const {
    queue_->changed.wait(lock, [&] { return queue_->receiver_gone || queue_->offered == nullptr; });
    if (queue_->receiver_gone)
      return false;
    queue_->offered = &message;
    ping_.ping();
    queue_->changed.wait(lock,
                         [&] { return queue_->receiver_gone || queue_->offered != &message; });
    const bool taken = queue_->offered != &message;
    if (!taken)
      queue_->offered = nullptr;
    return taken;
  }

  std::shared_ptr<detail::ChannelQueue<T>> queue_;
  Ping ping_;
};

/// The receiving end. Event: a message, or nothing, exactly once and last, when no sender is left;
/// the source is removed then. Messages sent while it is disabled are delivered when it is enabled.
/// Move-only; belongs to the loop's thread once it is in a loop.
template <class T>
class Channel {
 public:
  using Event = std::optional<T>;
  using Metadata = void;
  using Ret = void;

  Channel(Channel&&) noexcept = default;
  Channel& operator=(Channel&& other) noexcept {
    if (this != &other) {
      close();
      queue_ = std::move(other.queue_);
      taken_ = std::move(other.taken_);
      delivered_ = std::exchange(other.delivered_, 0);
      end_is_told_ = other.end_is_told_;
      ping_ = std::move(other.ping_);
      poll_ = std::exchange(other.poll_, nullptr);
    }
    return *this;
  }
  /// What was not delivered is destroyed; senders are told by send().
  ~Channel() { close(); }

  /// Answers Remove when no sender and no message is left. It is out of epoll then, also if its
  /// parent keeps it, and silent for ever. Should `emit` throw, that message counts as delivered,
  /// and the rest comes in the next iteration.
  template <class Emit>
  PostAction process_events(Readiness readiness, Token token, Emit&& emit) {
    return ping_.process(readiness, token, [&](bool pinged, bool closed) {
      if (pinged || closed)
        deliver(closed, emit);
    });
  }
  void register_with(Poll& poll, TokenFactory& tokens) {
    arrive(poll);
    ping_.register_with(poll, tokens);
  }
  void reregister_with(Poll& poll, TokenFactory& tokens) {
    arrive(poll);  // it may be a new child of a source that was registered before it came
    ping_.reregister_with(poll, tokens);
  }
  void unregister_from(Poll& poll) { ping_.unregister_from(poll); }

 private:
  friend std::pair<Sender<T>, Channel<T>> make_channel<T>();
  friend std::pair<SyncSender<T>, Channel<T>> make_sync_channel<T>(std::size_t);
  Channel(std::shared_ptr<detail::ChannelQueue<T>> queue, PingSource ping) noexcept
      : queue_{std::move(queue)}, ping_{std::move(ping)} {}

  void arrive(Poll& poll) noexcept {
    poll_ = &poll;
    queue_->receiver.store(std::this_thread::get_id(), std::memory_order_relaxed);
  }
  template <class Emit>
  void deliver(bool closed, Emit& emit) {
    for (std::size_t budget = 1024; budget > 0; --budget) {
      if (delivered_ == taken_.size() && !take()) {
        if (closed && !std::exchange(end_is_told_, true))
          emit(Event{});
        return;
      }
      emit(Event{std::move(taken_[delivered_++])});
      if (poll_->should_yield())
        break;
    }
    ping_.repeat();
  }
  // Exchanges the delivered messages for what was sent since: one lock for many. A bounded one
  // gives one message at a time, so that it never holds more than its bound.
  bool take() {
    taken_.clear();
    delivered_ = 0;
    const std::scoped_lock lock{queue_->mutex};
    if (!queue_->bound) {
      taken_.swap(queue_->items);
      return !taken_.empty();
    }
    if (queue_->offered != nullptr) {
      taken_.push_back(std::move(*queue_->offered));
      queue_->offered = nullptr;
    } else if (queue_->size() > 0) {
      taken_.push_back(std::move(queue_->items[queue_->first]));
      queue_->first += 1;
    } else {
      return false;
    }
    queue_->changed.notify_all();
    if (queue_->size() == 0) {
      queue_->items.clear();
      queue_->first = 0;
    } else if (queue_->first > *queue_->bound) {
      // A message need not be assignable.
      std::vector<T> rest(
          std::move_iterator{queue_->items.begin() + static_cast<std::ptrdiff_t>(queue_->first)},
          std::move_iterator{queue_->items.end()});
      queue_->items.swap(rest);
      queue_->first = 0;
    }
    return true;
  }
  void close() noexcept {
    if (queue_ == nullptr)
      return;
    std::vector<T> unread;  // destroyed without the lock
    const std::scoped_lock lock{queue_->mutex};
    queue_->receiver_gone = true;
    queue_->receiver.store({}, std::memory_order_relaxed);
    unread.swap(queue_->items);
    queue_->changed.notify_all();
  }

  std::shared_ptr<detail::ChannelQueue<T>> queue_;
  std::vector<T> taken_;
  std::size_t delivered_ = 0;
  bool end_is_told_ = false;
  PingSource ping_;
  Poll* poll_ = nullptr;
};

/// Both ends of a channel that holds as many messages as there is memory for. Any thread may make
/// them. Throws std::system_error when there is no eventfd to be had.
template <class T>
[[nodiscard]] std::pair<Sender<T>, Channel<T>> make_channel() {
  auto queue = std::make_shared<detail::ChannelQueue<T>>();
  auto [ping, source] = make_ping();
  return {Sender<T>{queue, std::move(ping)}, Channel<T>{queue, std::move(source)}};
}

/// Both ends of a channel that holds at most `bound` messages; with zero, a message goes from hand
/// to hand. Any thread may make them. Throws std::system_error when there is no eventfd to be had.
template <class T>
[[nodiscard]] std::pair<SyncSender<T>, Channel<T>> make_sync_channel(std::size_t bound) {
  auto queue = std::make_shared<detail::ChannelQueue<T>>();
  queue->bound = bound;
  auto [ping, source] = make_ping();
  return {SyncSender<T>{queue, std::move(ping)}, Channel<T>{queue, std::move(source)}};
}

}  // namespace calloop
