// libwayland-server in a calloop loop: a display's clients, the sockets they come from, and
// listeners that may throw.
//
//     wl_display* display = wl_display_create();
//     auto served = handle.insert_source(wayland::DisplaySource{display},
//                                        [](wayland::ClientsServed) {});
//     auto socket = wayland::ListeningSocket::open_first_free();
//     setenv("WAYLAND_DISPLAY", socket.name().c_str(), 1);
//     auto accepted = handle.insert_source(wayland::ListeningSocketSource{std::move(socket)},
//                                          [display](OwnedFd client) {
//                                            if (wl_client_create(display, client.get()))
//                                              (void)client.release();
//                                          });
//     loop.run();
//
// Nothing has to be flushed by hand: events for the clients are written once per iteration, right
// before the loop sleeps. The loop is stopped by its LoopSignal; wl_display_terminate only stops
// wl_display_run and has no meaning here. The display stays the application's.
//
// The other way round, a loop of ours in a program that is run by wl_display_run, is Guest in
// wayland_guest.hpp.
//
// Everything belongs to the loop's thread. Link with calloop-wayland-server.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <wayland-server-core.h>

#include <calloop/adapters/first_error.hpp>
#include <calloop/clock.hpp>
#include <calloop/export.hpp>
#include <calloop/fd.hpp>
#include <calloop/poll.hpp>
#include <calloop/post_action.hpp>
#include <calloop/source.hpp>
#include <calloop/timer_queue.hpp>
#include <calloop/token.hpp>

namespace calloop::wayland {

using calloop::FirstError;

/// A wl_listener with an owner and a closure:
///
///     Listener gone{[this](void*) noexcept { client_ = nullptr; }};
///     wl_client_add_destroy_listener(client, gone.get());
///
/// Disconnects itself in its destructor, which may run inside its own closure. Must be gone, or
/// have been told, before the object with the signal is.
class CALLOOP_API Listener {
 public:
  /// Called with the signal's data. For a closure that cannot throw.
  template <class F>
    requires std::is_nothrow_invocable_v<F&, void*>
  [[nodiscard("it hears nothing after its destructor")]] explicit Listener(F closure)
      : Listener{nullptr, std::function<void(void*)>{std::move(closure)}} {}
  /// For a closure that may throw: the exception is kept in `errors`, usually
  /// DisplaySource::errors(), and rethrown from there.
  [[nodiscard("it hears nothing after its destructor")]] Listener(
      std::shared_ptr<FirstError> errors, std::function<void(void*)> closure);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener();

  /// For wl_signal_add and the wl_*_add_*_listener functions. Connect it to one signal at a time.
  [[nodiscard]] wl_listener* get() noexcept { return &hook_.listener; }
  /// Hears nothing any more until it is connected again. Allowed at any time.
  void disconnect() noexcept;

 private:
  struct Hook {
    wl_listener listener;
    Listener* owner;
  };
  static void notify(wl_listener* listener, void* data) noexcept;

  Hook hook_;
  std::function<void(void*)> closure_;
  std::shared_ptr<FirstError> errors_;
  bool* destroyed_ = nullptr;  // set while the closure runs
};

/// A wl_client that may die at any time: get() is null from then on.
class CALLOOP_API ClientWatch {
 public:
  explicit ClientWatch(wl_client* client)
      : client_{client}, gone_{[this](void*) noexcept { client_ = nullptr; }} {
    if (client != nullptr)
      wl_client_add_destroy_listener(client, gone_.get());
  }
  /// The client, until libwayland begins to destroy it.
  [[nodiscard]] wl_client* get() const noexcept { return client_; }

 private:
  wl_client* client_;
  Listener gone_;
};

/// The event of a DisplaySource: requests of clients were served, or a timer or descriptor of
/// libwayland's own loop.
struct ClientsServed {};

/// Serves the clients of a display. The metadata is the display.
///
/// While it is in a loop, that loop also runs libwayland's idle callbacks and writes what was sent
/// to the clients, both before it sleeps: also what was caused from outside, by another source's
/// callback. The display is borrowed. It may be destroyed before the source: then nothing happens
/// any more. It must not be destroyed by what libwayland calls (requests, listeners).
///
/// Throws from the dispatch: std::system_error if libwayland's loop fails; what a Listener has kept
/// in errors(). Sources that are marked with wl_event_source_check are seen only when something
/// else has woken the loop: that is libwayland's own limit for nested loops.
class CALLOOP_API DisplaySource {
 public:
  using Event = ClientsServed;
  using Metadata = wl_display;
  using Ret = void;

  /// Throws std::bad_alloc.
  explicit DisplaySource(wl_display* display);

  /// Where listeners of this display keep their exceptions. Valid also without the source.
  [[nodiscard]] const std::shared_ptr<FirstError>& errors() const noexcept {
    return state_->errors;
  }

  template <class Emit>
  PostAction process_events(Readiness /*readiness*/, Token token, Emit&& emit) {
    if (token != token_ || !serve())
      return PostAction::Continue;
    emit(ClientsServed{}, *state_->display);
    return PostAction::Continue;
  }
  std::optional<SyntheticEvent> before_sleep();
  void register_with(Poll& poll, TokenFactory& tokens);
  void reregister_with(Poll& poll, TokenFactory& tokens);
  void unregister_from(Poll& poll);

 private:
  // The display tells this address that it goes, so it stays where it is when the source moves.
  struct State {
    explicit State(wl_display* of);
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() { leave(); }
    void leave() noexcept;
    wl_display* display;   // null when it is gone
    int fd;                // of libwayland's loop; it dies with the display
    Poll* poll = nullptr;  // where that is registered
    std::shared_ptr<FirstError> errors;
    Listener gone;
  };
  // Whether the display is still there afterwards.
  bool serve();

  std::unique_ptr<State> state_;
  Token token_;
};

/// A socket that clients connect to, with its lock file; both are removed by the destructor.
///
/// Errors are std::system_error (std::runtime_error for a missing XDG_RUNTIME_DIR); the text names
/// the path and what is wrong with it.
class CALLOOP_API ListeningSocket {
 public:
  /// Listens on `name` in XDG_RUNTIME_DIR, or on an absolute path. A socket that a dead process has
  /// left there is replaced; EADDRINUSE if its owner lives.
  [[nodiscard]] static ListeningSocket open(std::string_view name);
  /// Listens on the first name of wayland-1 to wayland-32 that is free and can be used; without one
  /// the error is that of the first that could not. Not wayland-0: clients without WAYLAND_DISPLAY
  /// would come here unasked.
  [[nodiscard]] static ListeningSocket open_first_free();

  ListeningSocket(ListeningSocket&&) noexcept = default;
  ListeningSocket& operator=(ListeningSocket&& other) noexcept;
  ~ListeningSocket();

  /// As it goes into WAYLAND_DISPLAY.
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// Of the socket, absolute.
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

 private:
  ListeningSocket(std::string name, std::string path, OwnedFd lock) noexcept;
  static std::optional<ListeningSocket> try_open(const std::string& name, const std::string& path);
  void close() noexcept;

  std::string name_;
  std::string path_;
  OwnedFd lock_;
  OwnedFd fd_;
};

/// Accepts clients. The event is the connection, the metadata the socket.
///
/// When descriptors or memory run out (EMFILE, ENFILE, ENOBUFS, ENOMEM) it leaves the clients in
/// the queue and looks again after `retry_after`, instead of being woken for what it cannot do.
/// Connections that were given up before they were accepted are skipped.
class CALLOOP_API ListeningSocketSource {
 public:
  using Event = OwnedFd;
  using Metadata = ListeningSocket;
  using Ret = void;

  static constexpr Duration default_retry_after = std::chrono::milliseconds{100};

  explicit ListeningSocketSource(ListeningSocket socket, Duration retry_after = default_retry_after)
      : socket_{std::move(socket)}, retry_after_{retry_after} {}
  ListeningSocketSource(ListeningSocketSource&& other) noexcept;
  ListeningSocketSource& operator=(ListeningSocketSource&&) = delete;
  ~ListeningSocketSource() { leave(); }

  /// Accepting pauses until `retry_after` has passed.
  [[nodiscard]] bool is_paused() const noexcept { return paused_; }

  template <class Emit>
  PostAction process_events(Readiness /*readiness*/, Token token, Emit&& emit) {
    if (token != token_)
      return PostAction::Continue;
    if (paused_)
      return resume();
    for (int accepted = 0; accepted != batch && !poll_->should_yield(); ++accepted) {
      OwnedFd client = accept();
      if (!client)
        break;
      emit(std::move(client), socket_);
    }
    return paused_ ? PostAction::Reregister : PostAction::Continue;
  }
  void register_with(Poll& poll, TokenFactory& tokens);
  void reregister_with(Poll& poll, TokenFactory& tokens);
  void unregister_from(Poll& poll);

 private:
  static constexpr int batch = 64;  // then others have their turn; the socket is reported again

  // The next connection; empty when there is none or when accepting has to pause. Throws
  // std::system_error if the socket itself is unusable.
  OwnedFd accept();
  PostAction resume() noexcept;
  void leave() noexcept;

  ListeningSocket socket_;
  Duration retry_after_;
  Poll* poll_ = nullptr;
  Token token_;
  bool paused_ = false;
  bool polled_ = false;  // the socket is registered
  TimerId timer_ = TimerId::None;
};

}  // namespace calloop::wayland
