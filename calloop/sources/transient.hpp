// A source inside another one, that may go, come back or be exchanged while the outer one lives.
//
//     class Connection : public calloop::Composed<Connection> {
//      public:
//       using Event = Readiness;
//       using Metadata = Socket;
//       using Ret = PostAction;
//
//       auto children() { return std::tie(socket_, reconnect_); }
//       PostAction process_events(Readiness readiness, Token token, auto&& emit) {
//         // Either may go: the socket when the peer does, the timer when it has fired.
//         return socket_.process_events(readiness, token, emit) |
//                reconnect_.process_events(readiness, token, [&](TimePoint) {
//                  socket_.replace(Generic{connect_again(), interest().read()});
//                  return TimeoutAction::drop();
//                });
//       }
//      private:
//       calloop::TransientSource<Generic<Socket>> socket_;
//       calloop::TransientSource<Timer> reconnect_;
//     };
//
// What a child asks for about itself (Disable, Remove, Reregister) becomes Reregister for the
// parent, and is done when the parent is registered anew. After remove(), replace() or enable() the
// parent has to return Reregister, or be updated through its handle.
//
// A child that has disabled itself stays so when the parent is updated, which may be for another
// child's sake. It comes back with enable(), or with the parent that was disabled and is enabled.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <calloop/poll.hpp>
#include <calloop/post_action.hpp>
#include <calloop/source.hpp>
#include <calloop/token.hpp>

namespace calloop {

/// Holds a `Source`, or none. A source that leaves is unregistered first and destroyed then, and
/// never moves in memory. Move-only; belongs to the loop's thread once it is in a loop.
template <EventSource Source>
class TransientSource {
 public:
  using Event = typename Source::Event;
  using Metadata = typename Source::Metadata;
  using Ret = typename Source::Ret;

  /// Holds none.
  TransientSource() noexcept = default;
  /// Holds `source`; implicit, so that a parent's constructor takes either. Throws std::bad_alloc,
  /// and what moving it throws.
  TransientSource(Source source) : current_{std::make_unique<Source>(std::move(source))} {}

  /// Whether there is none, or it is about to leave.
  [[nodiscard]] bool is_none() const noexcept {
    return current_ == nullptr || wish_ == Wish::Remove;
  }
  /// Calls `f` with the source, if there is one that stays. Returns what `f` does, in an optional;
  /// for a void `f`, whether it was called. Throws what `f` does.
  template <std::invocable<Source&> F>
  auto map(F&& f) {
    using Result = std::invoke_result_t<F, Source&>;
    if constexpr (std::is_void_v<Result>) {
      if (is_none())
        return false;
      std::invoke(std::forward<F>(f), *current_);
      return true;
    } else {
      return is_none() ? std::nullopt
                       : std::optional<Result>{std::invoke(std::forward<F>(f), *current_)};
    }
  }
  /// Lets the source go, at the next registration of the parent. Also from its own callback.
  void remove() noexcept {
    if (current_ != nullptr)
      wish_ = Wish::Remove;
  }
  /// Puts another one in its place, or where there is none, at the next registration of the parent.
  /// It is enabled then, also if the old one had disabled itself. May be called again before that:
  /// what was never registered is destroyed at once. Also from the callback of the old one. Throws
  /// std::bad_alloc and what moving it throws, and nothing has changed then.
  void replace(Source source) {
    auto next = std::make_unique<Source>(std::move(source));
    take_out();
    current_ = std::move(next);
    wish_ = Wish::None;
    is_disabled_ = false;
  }
  /// Lets a source come back that has disabled itself, at the next registration of the parent. No
  /// effect on another one.
  void enable() noexcept {
    is_disabled_ = false;
    if (wish_ == Wish::Disable)
      wish_ = Wish::None;
  }

  /// Never returns anything but Continue and Reregister. Throws what the source does.
  template <class Emit>
  PostAction process_events(Readiness readiness, Token token, Emit&& emit) {
    if (!is_registered_ || wish_ != Wish::None)
      return pending();
    switch (current_->process_events(readiness, token, std::forward<Emit>(emit))) {
      case PostAction::Continue:
        break;
      case PostAction::Reregister:
        ask(Wish::Update);
        break;
      case PostAction::Disable:
        ask(Wish::Disable);
        break;
      case PostAction::Remove:
        ask(Wish::Remove);
        break;
    }
    return pending();
  }

  void register_with(Poll& poll, TokenFactory& tokens) {
    if (std::exchange(wish_, Wish::None) == Wish::Remove)
      take_out();
    drop_leaving(poll);
    enter(poll, tokens);
  }
  void reregister_with(Poll& poll, TokenFactory& tokens) {
    const Wish wish = std::exchange(wish_, Wish::None);
    if (wish == Wish::Remove)
      take_out();
    drop_leaving(poll);
    if (wish == Wish::Disable) {
      is_disabled_ = true;
      leave(poll);
    } else if (is_registered_) {
      current_->reregister_with(poll, tokens);
    } else if (!is_disabled_) {
      enter(poll, tokens);
    }
  }
  void unregister_from(Poll& poll) {
    is_disabled_ = false;
    drop_leaving(poll);
    leave(poll);
  }

 private:
  enum class Wish : std::uint8_t { None, Update, Disable, Remove };

  // The callback may have removed or exchanged the source: that is final.
  void ask(Wish wish) noexcept {
    if (is_registered_ && wish_ == Wish::None)
      wish_ = wish;
  }
  [[nodiscard]] PostAction pending() const noexcept {
    const bool waits = wish_ != Wish::None || leaving_ != nullptr ||
                       (current_ != nullptr && !is_registered_ && !is_disabled_);
    return waits ? PostAction::Reregister : PostAction::Continue;
  }
  // Marked before it is done, and until it is undone: what fails half-way is unregistered by the
  // loop, which asks the parent, and that asks us.
  void enter(Poll& poll, TokenFactory& tokens) {
    if (current_ == nullptr)
      return;
    is_registered_ = true;
    current_->register_with(poll, tokens);
  }
  void leave(Poll& poll) {
    if (!is_registered_)
      return;
    current_->unregister_from(poll);
    is_registered_ = false;
  }
  // What is registered waits for drop_leaving().
  void take_out() noexcept {
    if (std::exchange(is_registered_, false))
      leaving_ = std::move(current_);
    current_.reset();
  }
  void drop_leaving(Poll& poll) {
    if (const auto leaving = std::move(leaving_))
      leaving->unregister_from(poll);
  }

  std::unique_ptr<Source> current_;
  std::unique_ptr<Source> leaving_;  // registered; current_ is not, as long as there is one
  Wish wish_ = Wish::None;
  bool is_registered_ = false;
  bool is_disabled_ = false;
};

}  // namespace calloop
