// A queue into the loop from any thread.
//
//     auto [sender, channel] = calloop::make_channel<std::string>();
//     loop.insert_source(std::move(channel), [](std::optional<std::string> command, App& app) {
//       if (command) app.execute(*command);      // nullopt: the last sender is gone
//     });
//     std::jthread thread{[sender = std::move(sender)] { sender.send("reload"); }};
//
// Messages arrive in the order in which they were sent, one event each. A flood does not starve
// the other sources: after 1024 messages, or after having looked 16 times, the rest waits for the
// next iteration. make_sync_channel() makes one that holds a limited number of messages, and makes
// its senders wait. A message has to be movable, and nothing else.
#pragma once

#include <algorithm>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>

#include <calloop/fwd.hpp>
#include <calloop/interest.hpp>
#include <calloop/poll.hpp>
#include <calloop/post_action.hpp>
#include <calloop/sources/bounded_queue.hpp>
#include <calloop/sources/message_queue.hpp>
#include <calloop/sources/ping.hpp>
#include <calloop/token.hpp>

namespace calloop {

namespace detail {

// What both ends of a channel share.
template <class Queue>
struct ChannelState {
  template <class... A>
  explicit ChannelState(A... arguments) : queue{arguments...} {}
  Queue queue;
  std::atomic<std::thread::id> receiver{};  // the thread of the loop it is in

  [[nodiscard]] bool is_receiving_thread() const noexcept {
    return receiver.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }
};
template <class T>
using UnboundedState = ChannelState<MessageQueue<T>>;
template <class T>
using BoundedState = ChannelState<BoundedQueue<T>>;

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
  /// Queues a message, of which a T is made, and wakes the loop; never waits, takes no lock. False
  /// when the receiving end is gone: `message` is untouched then. Throws std::bad_alloc, and what
  /// making a T throws; nothing is queued then.
  template <class U>
    requires std::constructible_from<T, U>
  bool send(U&& message) const {
    if (!state_->queue.push(std::forward<U>(message)))
      return false;
    ping_.sender_->state->ping_after_claim();
    return true;
  }
  /// Whether this is the thread of the loop that the receiving end is in. Never throws.
  [[nodiscard]] bool is_receiving_thread() const noexcept { return state_->is_receiving_thread(); }

 private:
  using State = detail::UnboundedState<T>;
  friend std::pair<Sender<T>, Channel<T>> make_channel<T>();
  Sender(std::shared_ptr<State> state, Ping ping) noexcept
      : state_{std::move(state)}, ping_{std::move(ping)} {}
  std::shared_ptr<State> state_;
  Ping ping_;
};

/// The sending end of a bounded channel. Copyable; any thread.
template <class T>
class SyncSender {
 public:
  /// Queues a message, waiting while the channel is full; with a bound of zero until the loop has
  /// taken the message. False when the receiving end is gone, or goes meanwhile: `message` is
  /// untouched then. Throws std::logic_error on the loop's own thread, where it might wait for
  /// itself, and std::bad_alloc; `message` is untouched then too.
  bool send(T&& message) const {
    if (state_->is_receiving_thread())
      throw std::logic_error{"calloop: a blocking send on the loop's own thread waits for itself"};
    return state_->queue.push(message, [this] { ping_.ping(); });
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
    const TrySend result = state_->queue.try_push(std::forward<U>(message));
    if (result == TrySend::Sent)
      ping_.ping();
    return result;
  }

 private:
  using State = detail::BoundedState<T>;
  friend std::pair<SyncSender<T>, Channel<T>> make_sync_channel<T>(std::size_t);
  SyncSender(std::shared_ptr<State> state, Ping ping) noexcept
      : state_{std::move(state)}, ping_{std::move(ping)} {}
  std::shared_ptr<State> state_;
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
      unbounded_ = std::move(other.unbounded_);
      bounded_ = std::move(other.bounded_);
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
    return ping_.process(readiness, token, [&](detail::PingState& state, bool closed) {
      if (unbounded_ != nullptr)
        deliver(unbounded_->queue, state, closed, emit);
      else
        deliver(bounded_->queue, state, closed, emit);
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
  using Unbounded = detail::UnboundedState<T>;
  using Bounded = detail::BoundedState<T>;
  friend std::pair<Sender<T>, Channel<T>> make_channel<T>();
  friend std::pair<SyncSender<T>, Channel<T>> make_sync_channel<T>(std::size_t);
  Channel(std::shared_ptr<Unbounded> unbounded, std::shared_ptr<Bounded> bounded,
          PingSource ping) noexcept
      : unbounded_{std::move(unbounded)}, bounded_{std::move(bounded)}, ping_{std::move(ping)} {}

  void arrive(Poll& poll) noexcept {
    poll_ = &poll;
    auto& receiver = unbounded_ != nullptr ? unbounded_->receiver : bounded_->receiver;
    receiver.store(std::this_thread::get_id(), std::memory_order_relaxed);
  }
  // Two threads that answer each other do so without a system call of this one's: while it
  // delivers, senders see a ping that was not answered and write nothing, and it looks what came
  // meanwhile.
  template <class Queue, class Emit>
  void deliver(Queue& queue, detail::PingState& state, bool closed, Emit& emit) {
    for (int answers = max_answers;; --answers) {
      state.pinged.store(true, std::memory_order_relaxed);
      if (!deliver_from(queue, emit) || answers == 0)
        return state.ping_again();
      state.pinged.exchange(false, std::memory_order_seq_cst);
      if (queue.size() == 0)
        break;
    }
    if (closed && !std::exchange(end_is_told_, true))
      emit(Event{});
  }
  // False when there is more, or was so much that there will be: to look once more before the loop
  // sleeps spares the senders a system call each time. What is sent meanwhile is left for later, so
  // that both threads do not work on the same cache line.
  template <class Queue, class Emit>
  bool deliver_from(Queue& queue, Emit& emit) {
    constexpr std::size_t budget = 1024;
    constexpr std::size_t flood = 64;
    const std::size_t count = queue.size();
    for (std::size_t left = std::min(count, budget); left > 0; --left) {
      T* const message = queue.front();
      if (message == nullptr)
        return wait_for_sender();
      waits_ = 0;
      emit(taken(*message, queue));
      if (poll_->should_yield())
        return false;
    }
    return count < flood;
  }
  // It is out of the queue before its callback runs.
  template <class Queue>
  [[nodiscard]] static Event taken(T& message, Queue& queue) {
    struct Pop {
      Queue& queue;
      ~Pop() { queue.pop(); }
    };
    const Pop pop{queue};
    return Event{std::move(message)};
  }
  // Somebody is making the next message. Usually it is there in the next iteration; who was
  // interrupted in the middle of it may need the processor.
  [[nodiscard]] bool wait_for_sender() noexcept {
    constexpr std::uint32_t patience = 100;
    if (++waits_ > patience)
      MessageQueue<T>::wait_for_another_thread();
    return false;
  }
  void close() noexcept {
    const auto close_state = [](auto& state) {
      if (state == nullptr)
        return;
      state->receiver.store({}, std::memory_order_relaxed);
      state->queue.close();
    };
    close_state(unbounded_);
    close_state(bounded_);
  }

  // What is sent while it delivers is delivered so many times, then the others have their turn.
  static constexpr int max_answers = 15;

  // One of them.
  std::shared_ptr<Unbounded> unbounded_;
  std::shared_ptr<Bounded> bounded_;
  bool end_is_told_ = false;
  std::uint32_t waits_ = 0;  // in a row, for the same sender
  PingSource ping_;
  Poll* poll_ = nullptr;
};

/// Both ends of a channel that holds as many messages as there is memory for. Any thread may make
/// them. Throws std::system_error when there is no eventfd to be had.
template <class T>
[[nodiscard]] std::pair<Sender<T>, Channel<T>> make_channel() {
  auto state = std::make_shared<detail::UnboundedState<T>>();
  auto [ping, source] = make_ping();
  return {Sender<T>{state, std::move(ping)}, Channel<T>{state, nullptr, std::move(source)}};
}

/// Both ends of a channel that holds at most `bound` messages; with zero, a message goes from hand
/// to hand. Any thread may make them. Throws std::system_error when there is no eventfd to be had.
template <class T>
[[nodiscard]] std::pair<SyncSender<T>, Channel<T>> make_sync_channel(std::size_t bound) {
  auto state = std::make_shared<detail::BoundedState<T>>(bound);
  auto [ping, source] = make_ping();
  return {SyncSender<T>{state, std::move(ping)}, Channel<T>{nullptr, state, std::move(source)}};
}

}  // namespace calloop
