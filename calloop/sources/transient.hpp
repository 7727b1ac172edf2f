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
// parent, and is done when the parent is registered anew. After remove() or replace() the parent
// has to return Reregister, or be updated through its handle.
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
/// never moves in memory.
template <EventSource Source>
class TransientSource {
 public:
  using Event = typename Source::Event;
  using Metadata = typename Source::Metadata;
  using Ret = typename Source::Ret;

  /// Holds none.
  TransientSource() noexcept = default;
  TransientSource(Source source) : current_{std::make_unique<Source>(std::move(source))} {}

  /// Whether there is none, or it is about to leave.
  [[nodiscard]] bool is_none() const noexcept {
    return current_ == nullptr || wish_ == Wish::Remove;
  }
  /// Calls `f` with the source, if there is one that stays. Returns what `f` does, in an optional;
  /// for a void `f`, whether it was called.
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
  /// Lets the source go, at the next registration of the parent.
  void remove() noexcept {
    if (current_ != nullptr)
      wish_ = Wish::Remove;
  }
  /// Puts another one in its place, at the next registration of the parent. May be called again
  /// before that: what was never registered is destroyed at once.
  void replace(Source source) {
    auto next = std::make_unique<Source>(std::move(source));
    if (is_registered_)
      leaving_ = std::move(current_);
    is_registered_ = false;
    current_ = std::move(next);
    wish_ = Wish::None;
  }

  /// Never returns anything but Continue and Reregister.
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
    drop_leaving(poll);
    if (std::exchange(wish_, Wish::None) == Wish::Remove)
      current_.reset();
    if (current_ == nullptr)
      return;
    current_->register_with(poll, tokens);
    is_registered_ = true;
  }
  void reregister_with(Poll& poll, TokenFactory& tokens) {
    drop_leaving(poll);
    const Wish wish = std::exchange(wish_, Wish::None);
    if (wish == Wish::Remove || wish == Wish::Disable) {
      if (std::exchange(is_registered_, false))
        current_->unregister_from(poll);
      is_disabled_ = wish == Wish::Disable;
      if (wish == Wish::Remove)
        current_.reset();
    } else if (is_registered_) {
      current_->reregister_with(poll, tokens);
    } else if (current_ != nullptr && !is_disabled_) {
      current_->register_with(poll, tokens);
      is_registered_ = true;
    }
  }
  /// A child that had disabled itself is enabled with the parent again.
  void unregister_from(Poll& poll) {
    drop_leaving(poll);
    is_disabled_ = false;
    if (std::exchange(is_registered_, false))
      current_->unregister_from(poll);
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
  void drop_leaving(Poll& poll) {
    if (const auto leaving = std::move(leaving_))
      leaving->unregister_from(poll);
  }

  std::unique_ptr<Source> current_;
  std::unique_ptr<Source> leaving_;  // registered, and replaced by current_
  Wish wish_ = Wish::None;
  bool is_registered_ = false;
  bool is_disabled_ = false;
};

}  // namespace calloop
