// What a library has queued in memory, as a child of a source: the kernel knows nothing of it, and
// would let the loop sleep.
//
//     class Lines : public calloop::Composed<Lines> {
//      public:
//       using Event = std::string;
//       using Metadata = void;
//       using Ret = void;
//
//       auto children() { return std::tie(fd_, queue_); }
//       PostAction process_events(Readiness readiness, Token token, auto&& emit) {
//         bool awake = queue_.is(token);
//         fd_.process_events(readiness, token, [&](Readiness, Terminal&) {
//           awake = true;
//           return PostAction::Continue;
//         });
//         while (awake && !queue_.should_yield() && fd_.get().has_line()) emit(fd_.get().next());
//         return PostAction::Continue;
//       }
//       std::optional<SyntheticEvent> before_sleep() {
//         return queue_.wake_if(fd_.get().has_line());  // what was left, or came by other ways
//       }
//
//      private:
//       calloop::Generic<Terminal> fd_;
//       calloop::LocalQueue queue_;
//     };
//
// Belongs to the loop's thread.
#pragma once

#include <optional>

#include <calloop/interest.hpp>
#include <calloop/poll.hpp>
#include <calloop/source.hpp>
#include <calloop/token.hpp>

namespace calloop {

/// A child without a descriptor, for Composed: it has a token, and wakes the loop under that.
class LocalQueue {
 public:
  /// Whether the event is that of wake_if().
  [[nodiscard]] bool is(Token token) const noexcept { return token_ && token == token_; }
  /// Whether the source should leave the rest for later: Poll::should_yield().
  [[nodiscard]] bool should_yield() const noexcept { return poll_->should_yield(); }
  /// For before_sleep(): an event that keeps the loop awake, if something is `pending`.
  [[nodiscard]] std::optional<SyntheticEvent> wake_if(bool pending) const noexcept {
    if (!pending || !token_)
      return std::nullopt;
    return SyntheticEvent{Readiness{EPOLLIN}, token_};
  }

  void register_with(Poll& poll, TokenFactory& tokens) {
    poll_ = &poll;
    token_ = tokens.token();
  }
  void reregister_with(Poll& poll, TokenFactory& tokens) { register_with(poll, tokens); }
  void unregister_from(Poll& /*poll*/) noexcept { token_ = {}; }

 private:
  Poll* poll_ = nullptr;
  Token token_;
};

}  // namespace calloop
