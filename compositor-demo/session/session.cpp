#include "compositor-demo/session/session.hpp"

#include <exception>
#include <system_error>

#include <calloop/source_options.hpp>

#include "compositor-demo/log.hpp"

namespace demo {

Session::Session(const calloop::LoopHandle<>& loop, Host& host) : host_{host}, devices_{session_} {
  // Before everything else that is ready: what is about to be taken away should not be used first.
  calloop::SourceOptions options{.name = "seat", .priority = calloop::Priority::High};
  options.on_error = [this](const std::exception_ptr& error) {
    try {
      std::rethrow_exception(error);
    } catch (const std::system_error& failure) {
      host_.session_lost(failure.what());
    }
    return calloop::ErrorAction::Keep;
  };
  events_ = {loop, loop.insert_source(
                       calloop::SeatSource{session_, patience},
                       [this](calloop::SeatEvent event) { handle(event); }, std::move(options))};
}

void Session::handle(calloop::SeatEvent event) {
  switch (event) {
    case calloop::SeatEvent::Enable:
      host_.session_enabled();
      break;
    case calloop::SeatEvent::Disable:
      host_.session_disabled();
      break;
    case calloop::SeatEvent::NotEnabled:
      host_.session_not_enabled();
      break;
  }
}

void Session::switch_to(int terminal) noexcept {
  try {
    session_.switch_session(terminal);
  } catch (const std::system_error& error) {
    log::warning("cannot switch to virtual terminal %d: %s", terminal, error.what());
  }
}

}  // namespace demo
