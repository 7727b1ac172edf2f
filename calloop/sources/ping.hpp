// Wakes the loop from any thread and runs a callback there.
//
//     auto [ping, source] = calloop::make_ping();
//     loop.insert_source(std::move(source), [](App& app) { app.collect_results(); });
//     std::jthread worker{[ping = std::move(ping)] { work(); ping.ping(); }};
//
// One eventfd, registered edge-triggered and never read; a burst of pings is one system call and
// one callback. When the last Ping is gone the source removes itself.
#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include <calloop/export.hpp>
#include <calloop/fd.hpp>
#include <calloop/interest.hpp>
#include <calloop/poll.hpp>
#include <calloop/post_action.hpp>
#include <calloop/sources/generic.hpp>
#include <calloop/token.hpp>

namespace calloop {

namespace detail {
// What both ends share. `write` is only reached by the first of a burst.
struct CALLOOP_API PingState {
  explicit PingState(OwnedFd event_fd) noexcept : fd{std::move(event_fd)} {}
  OwnedFd fd;
  std::atomic<bool> pinged{false};
  std::atomic<bool> closed{false};
  void write() const noexcept;
  void ping() noexcept {
    if (!pinged.exchange(true, std::memory_order_acq_rel))
      write();
  }
  // Fires in the next iteration, whatever it has fired for.
  void ping_again() noexcept {
    pinged.store(true, std::memory_order_relaxed);
    write();
  }
  // For who has just done something sequentially consistent that the receiver looks at after it has
  // taken the ping: then a ping that was not taken yet is enough, and a load tells.
  void ping_after_claim() noexcept {
    if (!pinged.load(std::memory_order_seq_cst))
      ping();
  }
};
// Refers to the state on behalf of a Generic.
struct PingFd {
  std::shared_ptr<PingState> state;
  [[nodiscard]] int fd() const noexcept { return state->fd.get(); }
};
}  // namespace detail

/// The sending end. Copyable; any thread. Harmless once the source or the loop is gone. When the
/// last copy is destroyed the source ends.
class CALLOOP_API Ping {
 public:
  /// Makes the callback run in the next iteration; never fails, never blocks, allocates nothing.
  /// What the caller wrote before is visible to the callback.
  void ping() const noexcept { sender_->state->ping(); }

 private:
  friend CALLOOP_API std::pair<Ping, class PingSource> make_ping();
  template <class T>
  friend class Sender;
  struct CALLOOP_API Sender {  // counted by the copies: the last one closes
    explicit Sender(std::shared_ptr<detail::PingState> s) noexcept : state{std::move(s)} {}
    Sender(const Sender&) = delete;
    Sender& operator=(const Sender&) = delete;
    ~Sender();
    std::shared_ptr<detail::PingState> state;
  };
  explicit Ping(std::shared_ptr<const Sender> sender) noexcept : sender_{std::move(sender)} {}
  std::shared_ptr<const Sender> sender_;
};

/// Event of a PingSource.
struct Pinged {};

/// The receiving end: one event for all pings since the last one. Pings sent while it is disabled
/// are delivered when it is enabled. Move-only; belongs to the loop's thread.
class CALLOOP_API PingSource {
 public:
  using Event = Pinged;
  using Metadata = void;
  using Ret = void;

  /// Fires once more in the next iteration, for a source that has not done all it could, before it
  /// ends. Not a sender: does not keep the source from ending. Never fails; any thread.
  void repeat() const noexcept { fd_.get().state->ping(); }

  /// Answers Remove when no Ping is left and nothing is left to tell. It is out of epoll then, also
  /// if its parent keeps it, and silent for ever. Should `emit` throw, it fires once more.
  template <class Emit>
  PostAction process_events(Readiness readiness, Token token, Emit&& emit) {
    return process(readiness, token, [&](detail::PingState& state, bool) {
      if (state.pinged.exchange(false, std::memory_order_acq_rel))
        emit(Pinged{});
    });
  }
  void register_with(Poll& poll, TokenFactory& tokens) {
    if (!has_ended_)
      fd_.register_with(poll, tokens);
  }
  void reregister_with(Poll& poll, TokenFactory& tokens) {
    if (!has_ended_)
      fd_.reregister_with(poll, tokens);
  }
  void unregister_from(Poll& poll) { fd_.unregister_from(poll); }

 private:
  friend CALLOOP_API std::pair<Ping, PingSource> make_ping();
  explicit PingSource(std::shared_ptr<detail::PingState> state)
      : fd_{detail::PingFd{std::move(state)}, interest().read().edge_triggered()} {}

  // Calls `work(state, closed)` for an event of its own: it answers the ping, or pings again.
  template <class T>
  friend class Channel;
  template <class Work>
  PostAction process(Readiness readiness, Token token, Work work) {
    return fd_.process_events(readiness, token, [&](Readiness, detail::PingFd& fd) {
      detail::PingState& state = *fd.state;
      // Closed first: a ping before the close is then seen as well.
      const bool closed = state.closed.load(std::memory_order_acquire);
      try {
        work(state, closed);
      } catch (...) {
        state.ping_again();  // the descriptor is edge-triggered: it says nothing twice
        throw;
      }
      if (!closed || state.pinged.load(std::memory_order_relaxed))
        return PostAction::Continue;
      has_ended_ = true;
      fd_.leave();
      return PostAction::Remove;
    });
  }

  Generic<detail::PingFd> fd_;
  bool has_ended_ = false;
};

/// Both ends. Any thread may make them. Throws std::system_error when there is no eventfd to be
/// had.
[[nodiscard]] CALLOOP_API std::pair<Ping, PingSource> make_ping();

}  // namespace calloop
