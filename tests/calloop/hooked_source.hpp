// A source without any descriptor, which lives by its lifecycle hooks alone.
#pragma once

#include <functional>
#include <optional>
#include <utility>

#include <sys/epoll.h>

#include <calloop/interest.hpp>
#include <calloop/poll.hpp>
#include <calloop/post_action.hpp>
#include <calloop/source.hpp>
#include <calloop/token.hpp>

namespace tests {

class HookedSource {
 public:
  using Event = calloop::Token;
  using Metadata = void;
  using Ret = calloop::PostAction;

  /// `sleeps` is called by before_sleep() and says whether there is to be a synthetic event.
  explicit HookedSource(std::function<bool()> sleeps,
                        std::function<void(calloop::Events)> wakes = {})
      : sleeps_{std::move(sleeps)}, wakes_{std::move(wakes)} {}

  std::optional<calloop::SyntheticEvent> before_sleep() {
    if (sleeps_ && sleeps_()) {
      return calloop::SyntheticEvent{calloop::Readiness{EPOLLIN}, token_};
    }
    return std::nullopt;
  }
  void before_handle_events(calloop::Events events) {
    if (wakes_) {
      wakes_(events);
    }
  }
  calloop::PostAction process_events(calloop::Readiness, calloop::Token token, auto&& emit) {
    return token == token_ ? emit(token) : calloop::PostAction::Continue;
  }
  void register_with(calloop::Poll&, calloop::TokenFactory& tokens) { token_ = tokens.token(); }
  void reregister_with(calloop::Poll&, calloop::TokenFactory& tokens) { token_ = tokens.token(); }
  void unregister_from(calloop::Poll&) { token_ = {}; }

 private:
  std::function<bool()> sleeps_;
  std::function<void(calloop::Events)> wakes_;
  calloop::Token token_;
};

}  // namespace tests
