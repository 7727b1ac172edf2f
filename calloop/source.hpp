// What makes a type an event source.
//
//     class Button {
//      public:
//       using Event = ButtonPress;     // what its callback is given
//       using Metadata = ButtonPanel;  // an object that lives as long as the source, or void
//       using Ret = void;              // what the callback returns
//
//       PostAction process_events(Readiness readiness, Token token, auto&& emit) {
//         if (token != token_) return PostAction::Continue;
//         while (auto press = panel_.next()) emit(*press, panel_);
//         return PostAction::Continue;
//       }
//       void register_with(Poll& poll, TokenFactory& tokens);
//       void reregister_with(Poll& poll, TokenFactory& tokens);
//       void unregister_from(Poll& poll);
//
//      private:
//       ButtonPanel panel_;
//       Token token_;
//     };
//
// process_events is called for every event of the source. A source made of others forwards the
// call to its children, and each compares the token: see composed.hpp. `emit` never throws: when
// the callback did, it returns `Ret{}`, and Poll::should_yield() says that no more should follow.
//
// unregister_from also undoes a registration that has failed half-way, and is called a second time
// when it has thrown itself: it takes back whatever is there, and may find less than it has added.
// A registration function may use handles; of its own source it may ask to be removed or disabled,
// which is done when it has returned.
//
// A source may also have one or both of the lifecycle hooks
//
//       std::optional<SyntheticEvent> before_sleep();
//       void before_handle_events(Events events);
//
// which are called, while it is registered, before the loop waits and before it dispatches what
// the wait brought. An event returned by before_sleep() keeps the loop from sleeping and is
// delivered ahead of the others. before_sleep() may be called again without the other in between.
#pragma once

#include <concepts>
#include <optional>
#include <type_traits>

#include <calloop/dispatcher_base.hpp>
#include <calloop/interest.hpp>
#include <calloop/poll.hpp>
#include <calloop/post_action.hpp>
#include <calloop/token.hpp>

namespace calloop {

namespace detail {
// Stands in for the callback when a type is asked whether it is a source.
template <class Event, class Metadata, class Ret>
struct ProbeEmit {
  Ret operator()(Event, Metadata&) const noexcept;
};
template <class Event, class Ret>
struct ProbeEmit<Event, void, Ret> {
  Ret operator()(Event) const noexcept;
};

template <class S>
concept HasBeforeSleep = requires(S& source) {
  { source.before_sleep() } -> std::convertible_to<std::optional<SyntheticEvent>>;
};
template <class S>
concept HasBeforeHandleEvents =
    requires(S& source, Events events) { source.before_handle_events(events); };
}  // namespace detail

/// A type with Event, Metadata, Ret and the four functions that the top of this file explains.
/// `Ret` must be void or default-constructible: its default stands for a callback that threw.
template <class S>
concept EventSource =
    std::move_constructible<S> && std::is_object_v<typename S::Event> &&
    (std::is_void_v<typename S::Ret> || std::default_initializable<typename S::Ret>) &&
    (std::is_void_v<typename S::Metadata> || std::is_object_v<typename S::Metadata>) &&
    requires(S& source, Poll& poll, TokenFactory& tokens,
             detail::ProbeEmit<typename S::Event, typename S::Metadata, typename S::Ret> emit) {
      { source.process_events(Readiness{}, Token{}, emit) } -> std::same_as<PostAction>;
      source.register_with(poll, tokens);
      source.reregister_with(poll, tokens);
      source.unregister_from(poll);
    };

}  // namespace calloop
