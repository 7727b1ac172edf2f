// GLib and calloop in one thread: a GMainContext as a source of our loop, or our loop as a source
// of a GMainContext.
//
// What a library does with GLib runs beside everything else, when its context is in the loop:
//
//     handle.insert_source(glib::ContextSource{}, [](glib::Dispatched) {});
//     g_timeout_add_seconds(1, &on_second, nullptr);
//     loop.run();
//
// A program that belongs to GLib, as those of GTK do, takes a loop in:
//
//     EventLoop<App> loop;
//     App app{loop.handle()};
//     GMainLoop* const main_loop = g_main_loop_new(nullptr, FALSE);
//     std::exception_ptr error;
//     const glib::Guest guest{{loop, app}, [&](std::exception_ptr thrown) {
//                               error = thrown;
//                               g_main_loop_quit(main_loop);
//                               return ErrorAction::Remove;
//                             }};
//     g_main_loop_run(main_loop);
//     g_main_loop_unref(main_loop);
//     if (error) std::rethrow_exception(error);
//
// In both, idles, timeouts, priorities, hooks and wake-ups from other threads are as they are
// without the other, and nothing is polled while there is nothing to do. What one's callbacks do
// for the other is seen before the thread sleeps.
//
// Everything belongs to the loop's thread. Link with calloop-glib.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include <glib.h>

#include <calloop/adapters/first_error.hpp>
#include <calloop/adapters/hosted_loop.hpp>
#include <calloop/export.hpp>
#include <calloop/interest.hpp>
#include <calloop/poll.hpp>
#include <calloop/post_action.hpp>
#include <calloop/source.hpp>
#include <calloop/source_options.hpp>
#include <calloop/token.hpp>

namespace calloop::glib {

using calloop::FirstError;

/// The event of a ContextSource: callbacks of GLib's have run.
struct Dispatched {};

/// Runs a GMainContext. The metadata is the context, of which it has a reference.
///
/// As long as it is enabled, its thread owns the context: others that try to run it fail, and wake
/// the loop by what they add. One iteration of the loop is one of the context: the sources of the
/// highest priority that is ready. Timeouts have GLib's resolution of a millisecond, and its clock,
/// also under a TestBackend. A GMainLoop may be run inside of callbacks, by GLib's or by ours.
///
/// Throws from the dispatch what set_callback() has kept; std::system_error when the kernel will
/// not watch a descriptor of GLib's. Inserting or enabling it throws std::logic_error while another
/// thread owns the context.
///
/// GLib's idles that are added by another source's before_sleep() wait until something else wakes
/// the loop if this one's has run before. Insert it last if there are such.
class CALLOOP_API ContextSource {
 public:
  using Event = Dispatched;
  using Metadata = GMainContext;
  using Ret = void;

  /// Null is the default context. Throws std::system_error.
  explicit ContextSource(GMainContext* context = nullptr);
  ContextSource(ContextSource&& other) noexcept;
  ContextSource& operator=(ContextSource&& other) noexcept;
  ~ContextSource();

  /// For set_callback(): what is kept there is rethrown from the dispatch.
  [[nodiscard]] const std::shared_ptr<FirstError>& errors() const noexcept;

  template <class Emit>
  PostAction process_events(Readiness /*readiness*/, Token token, Emit&& emit) {
    if (token == token_ && dispatch())
      emit(Dispatched{}, *context());
    return PostAction::Continue;
  }
  std::optional<SyntheticEvent> before_sleep();
  void before_handle_events(Events events);
  void register_with(Poll& poll, TokenFactory& tokens);
  void reregister_with(Poll& poll, TokenFactory& tokens);
  void unregister_from(Poll& poll);

 private:
  struct State;
  // Whether callbacks have run, and the loop's are to hear of it.
  bool dispatch();
  [[nodiscard]] GMainContext* context() const noexcept;

  std::unique_ptr<State> state_;
  Token token_;
};

/// Has `source`, one whose callbacks are plain GSourceFuncs (idles and timeouts), call `closure`
/// until that returns false. An exception is kept in `errors`, usually ContextSource::errors(), and
/// counts as false.
CALLOOP_API void set_callback(GSource* source, std::shared_ptr<FirstError> errors,
                              std::function<bool()> closure);

/// Runs a loop inside a GMainContext, as long as it lives: neither moves. Any of the three may go
/// first; with the loop or the context the Guest is over. It may be destroyed by the loop's
/// callbacks.
///
/// One dispatch of GLib's is one iteration of the loop. It runs before_sleep hooks each time that
/// GLib is about to sleep; in these GLib refuses to be run (g_main_context_iteration), in all other
/// callbacks it may be. Meanwhile the loop stands still, as any GSource that is being dispatched.
class CALLOOP_API Guest {
 public:
  /// `loop` is written `{loop, data}`, or `{loop}` for an EventLoop<>. Its exceptions have no other
  /// way than `on_error`, which is called inside GLib's dispatch: with Keep the loop goes on,
  /// otherwise the Guest is over; what the handler throws is lost, and the Guest is over. So it is,
  /// and the handler told so, when another thread or a child by fork() runs the context.
  ///
  /// A null `context` is the default one; `priority` is as for g_source_set_priority(). Throws
  /// std::logic_error while another thread owns the context, std::invalid_argument without a
  /// handler.
  [[nodiscard("the loop leaves the context with it")]] Guest(GuestLoop loop, ErrorHandler on_error,
                                                             GMainContext* context = nullptr,
                                                             int priority = G_PRIORITY_DEFAULT);
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;
  ~Guest();

  /// False when it is over: the loop or the context is gone, or an exception has ended it.
  [[nodiscard]] bool is_attached() const noexcept;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace calloop::glib
