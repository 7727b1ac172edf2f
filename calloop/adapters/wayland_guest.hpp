// A calloop loop inside a wl_event_loop, for programs that belong to libwayland: those of wlroots,
// libweston, or a compositor of one's own that runs wl_display_run.
//
//     EventLoop<App> loop;
//     App app{loop.handle()};
//     std::exception_ptr error;
//     const wayland::Guest guest{{loop, app},
//                                [&](std::exception_ptr thrown) {
//                                  error = thrown;
//                                  wl_display_terminate(display);
//                                  return ErrorAction::Remove;
//                                },
//                                wl_display_get_event_loop(display)};
//     wl_display_run(display);
//     if (error) std::rethrow_exception(error);
//
// The other way round, a wl_display in a loop of ours, is DisplaySource in wayland_server.hpp.
//
// Everything belongs to the loop's thread. Link with calloop-wayland-guest.
#pragma once

#include <memory>

#include <wayland-server-core.h>

#include <calloop/adapters/hosted_loop.hpp>
#include <calloop/export.hpp>
#include <calloop/source_options.hpp>

namespace calloop::wayland {

/// Runs a loop inside a wl_event_loop, as long as it lives: neither moves. Any of the three may go
/// first; with the loop or the host the Guest is over. It may be destroyed by the loop's callbacks.
///
/// One dispatch of the host's is at most one iteration of the loop. It runs before_sleep hooks
/// after the host's callbacks and after the idles that the host runs before it sleeps, whoever has
/// added them; in hooks the host must not be dispatched, in all other callbacks it may be, and the
/// loop stands still meanwhile. The host is not woken while there is nothing to do. When a signal
/// handler interrupts the host's wait, what the program does for the loop before the next one is
/// seen at the event after that.
class CALLOOP_API Guest {
 public:
  /// `loop` is written `{loop, data}`, or `{loop}` for an EventLoop<>. Its exceptions have no other
  /// way than `on_error`, which is called inside wl_event_loop_dispatch: with Keep the loop goes
  /// on, otherwise the Guest is over; what the handler throws is lost, and the Guest is over. So it
  /// is, and the handler told so, when another thread or a child by fork() dispatches the host.
  ///
  /// Throws std::system_error when libwayland has no descriptor or memory left,
  /// std::invalid_argument without a handler.
  [[nodiscard("the loop leaves its host with it")]] Guest(GuestLoop loop, ErrorHandler on_error,
                                                          wl_event_loop* host);
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;
  ~Guest();

  /// False when it is over: the loop or the host is gone, or an exception has ended it.
  [[nodiscard]] bool is_attached() const noexcept;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace calloop::wayland
