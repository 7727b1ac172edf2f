// A source that believes whatever it is told: it never compares the token, so only the loop keeps
// events from it that are not its own or not of the present registration.
#pragma once

#include <calloop/interest.hpp>
#include <calloop/poll.hpp>
#include <calloop/post_action.hpp>
#include <calloop/token.hpp>

namespace tests {

struct CarelessSource {
  using Event = calloop::Readiness;
  using Metadata = void;
  using Ret = calloop::PostAction;

  int fd;
  calloop::Interest interest = calloop::interest().read();

  calloop::PostAction process_events(calloop::Readiness readiness, calloop::Token, auto&& emit) {
    return emit(readiness);
  }
  void register_with(calloop::Poll& poll, calloop::TokenFactory& tokens) {
    poll.add(fd, interest, tokens.token());
  }
  void reregister_with(calloop::Poll& poll, calloop::TokenFactory& tokens) {
    poll.modify(fd, interest, tokens.token());
  }
  void unregister_from(calloop::Poll& poll) { poll.remove(fd); }
};

}  // namespace tests
