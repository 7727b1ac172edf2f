// A queue into the loop from any thread.
//
//     auto [sender, channel] = calloop::make_channel<std::string>();
//     loop.insert_source(std::move(channel), [](std::optional<std::string> command, App& app) {
//       if (command) app.execute(*command);      // nullopt: the last sender is gone
//     });
//     std::jthread thread{[sender = std::move(sender)] { sender.send("reload"); }};
//
// Messages arrive in the order in which they were sent, one event each. A flood does not starve
// the other sources: after 1024 messages the rest waits for the next iteration.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
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
  std::vector<T> items;
  bool receiver_gone = false;
};
}  // namespace detail

template <class T>
[[nodiscard]] std::pair<Sender<T>, Channel<T>> make_channel();

/// The sending end. Copyable; any thread. When the last copy is gone the channel is closed.
template <class T>
class Sender {
 public:
  /// Queues a message and wakes the loop; never blocks on the loop's work. False when the
  /// receiving end is gone: `message` is untouched then. Throws std::bad_alloc.
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

 private:
  friend std::pair<Sender<T>, Channel<T>> make_channel<T>();
  Sender(std::shared_ptr<detail::ChannelQueue<T>> queue, Ping ping) noexcept
      : queue_{std::move(queue)}, ping_{std::move(ping)} {}
  std::shared_ptr<detail::ChannelQueue<T>> queue_;
  Ping ping_;
};

/// The receiving end. Event: a message, or nothing, exactly once and last, when no sender is left;
/// the source is removed then. Messages sent while it is disabled are delivered when it is enabled.
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
      ping_ = std::move(other.ping_);
      poll_ = std::exchange(other.poll_, nullptr);
    }
    return *this;
  }
  /// What was not delivered is destroyed; senders are told by send().
  ~Channel() { close(); }

  template <class Emit>
  PostAction process_events(Readiness readiness, Token token, Emit&& emit) {
    bool pinged = false;
    const bool closed = ping_.process_events(readiness, token, [&](Pinged) { pinged = true; }) ==
                        PostAction::Remove;
    if (!pinged && !closed)
      return PostAction::Continue;
    for (std::size_t budget = 1024; budget > 0; --budget) {
      if (delivered_ == taken_.size() && !take()) {
        if (!closed)
          return PostAction::Continue;
        emit(Event{});
        return PostAction::Remove;
      }
      emit(Event{std::move(taken_[delivered_++])});
      if (poll_->should_yield())
        break;
    }
    ping_.repeat();
    return PostAction::Continue;
  }
  void register_with(Poll& poll, TokenFactory& tokens) {
    poll_ = &poll;
    ping_.register_with(poll, tokens);
    // An exception may have left messages behind while it was not registered.
    if (delivered_ != taken_.size())
      ping_.repeat();
  }
  void reregister_with(Poll& poll, TokenFactory& tokens) {
    poll_ = &poll;
    ping_.reregister_with(poll, tokens);
  }
  void unregister_from(Poll& poll) { ping_.unregister_from(poll); }

 private:
  friend std::pair<Sender<T>, Channel<T>> make_channel<T>();
  Channel(std::shared_ptr<detail::ChannelQueue<T>> queue, PingSource ping) noexcept
      : queue_{std::move(queue)}, ping_{std::move(ping)} {}

  // Exchanges the delivered messages for what was sent since: one lock for many.
  bool take() {
    taken_.clear();
    delivered_ = 0;
    const std::scoped_lock lock{queue_->mutex};
    taken_.swap(queue_->items);
    return !taken_.empty();
  }
  void close() noexcept {
    if (queue_ == nullptr)
      return;
    std::vector<T> unread;  // destroyed without the lock
    const std::scoped_lock lock{queue_->mutex};
    queue_->receiver_gone = true;
    unread.swap(queue_->items);
  }

  std::shared_ptr<detail::ChannelQueue<T>> queue_;
  std::vector<T> taken_;
  std::size_t delivered_ = 0;
  PingSource ping_;
  Poll* poll_ = nullptr;
};

/// Throws std::system_error when there is no eventfd to be had.
template <class T>
[[nodiscard]] std::pair<Sender<T>, Channel<T>> make_channel() {
  auto queue = std::make_shared<detail::ChannelQueue<T>>();
  auto [ping, source] = make_ping();
  return {Sender<T>{queue, std::move(ping)}, Channel<T>{queue, std::move(source)}};
}

}  // namespace calloop
