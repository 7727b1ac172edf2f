// Something is inserted that is no source: its registration is missing.
//
// says: EventSource
#include <calloop/event_loop.hpp>

struct Press {};

class Button {
 public:
  using Event = Press;
  using Metadata = void;
  using Ret = void;

  template <class Emit>
  calloop::PostAction process_events(calloop::Readiness, calloop::Token, Emit&& emit) {
    emit(Press{});
    return calloop::PostAction::Continue;
  }
#ifndef CALLOOP_TEST_MISTAKE
  void register_with(calloop::Poll&, calloop::TokenFactory&) {}
  void reregister_with(calloop::Poll&, calloop::TokenFactory&) {}
  void unregister_from(calloop::Poll&) {}
#endif
};

void listen(const calloop::LoopHandle<>& loop) {
  loop.insert_source(Button{}, [](Press) {});
}
