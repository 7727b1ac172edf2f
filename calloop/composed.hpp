// Sources made of other sources.
//
//     class Mailbox : public calloop::Composed<Mailbox> {
//      public:
//       using Event = Mail;
//       using Metadata = void;
//       using Ret = void;
//
//       auto children() { return std::tie(socket_, outbox_); }
//       PostAction process_events(Readiness readiness, Token token, auto&& emit) {
//         return socket_.process_events(readiness, token,
//                                       [&](Readiness, Socket& socket) {
//                                         emit(socket.receive());
//                                         return PostAction::Continue;
//                                       }) |
//                outbox_.process_events(readiness, token, [&](std::optional<Mail> mail) {
//                  if (mail) socket_.get().send(*mail);
//                });
//       }
//
//      private:
//       Generic<Socket> socket_;
//       TransientSource<Channel<Mail>> outbox_;  // goes with its last sender
//     };
//
// A child's Remove means the parent only where it is the only answer: with `|` it becomes
// Reregister, and the parent stays. A Ping or a Channel without sender, a Child that has ended, is
// silent from then on; in a TransientSource it is destroyed.
//
// List the children once; their registration is written for you, and undone where one of them
// fails. `children()` may also return a range (a vector of sources that come and go): return
// PostAction::Reregister when it has changed, after unregistering what leaves it (the sources of
// this library do so when they are destroyed). What is new is registered then: reregister_with of
// a source that is not registered has to be the same as register_with.
#pragma once

#include <exception>
#include <ranges>
#include <tuple>

#include <calloop/poll.hpp>
#include <calloop/token.hpp>

namespace calloop {

/// Gives `Self`, which inherits from it, the three registration functions. They throw what those of
/// the children throw.
template <class Self>
class Composed {
 public:
  /// Registers the children in order. What throws is undone by the loop.
  void register_with(Poll& poll, TokenFactory& tokens) {
    for_each([&](auto& child) { child.register_with(poll, tokens); });
  }
  /// Registers the children anew, each under its token of the new registration.
  void reregister_with(Poll& poll, TokenFactory& tokens) {
    for_each([&](auto& child) { child.reregister_with(poll, tokens); });
  }
  /// Unregisters every child, also when one of them throws; the first exception is rethrown.
  void unregister_from(Poll& poll) {
    std::exception_ptr first;
    for_each([&](auto& child) {
      try {
        child.unregister_from(poll);
      } catch (...) {
        if (first == nullptr)
          first = std::current_exception();
      }
    });
    if (first != nullptr)
      std::rethrow_exception(first);
  }

 private:
  friend Self;
  Composed() = default;

  template <class F>
  void for_each(F f) {
    auto&& children = static_cast<Self&>(*this).children();
    if constexpr (std::ranges::range<decltype(children)>) {
      for (auto&& child : children)
        f(child);
    } else {
      std::apply([&](auto&... child) { (f(child), ...); }, children);
    }
  }
};

}  // namespace calloop
