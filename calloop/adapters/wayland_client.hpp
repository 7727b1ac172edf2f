// libwayland-client in a calloop loop: what a compositor says, in the order in which libwayland
// wants to be asked.
//
//     auto connection = wayland::Connection::open();
//     Window window{connection};  // binds globals, makes requests, has listeners
//     connection.roundtrip();
//     handle.insert_source(wayland::ConnectionSource{connection},
//                          [&](wayland::EventsDispatched) { window.draw_if_needed(); });
//     loop.run();
//
// Nothing has to be flushed by hand: requests are written once per iteration, right before the loop
// sleeps, and what the compositor is too slow to take as soon as it takes more. Listeners run from
// the loop's dispatch. `calls` makes them of member functions, which may throw:
//
//     class Frame {
//      public:
//       Frame(wayland::Connection& connection, wl_surface* surface)
//           : connection_{connection}, callback_{wl_surface_frame(surface)} {
//         wl_callback_add_listener(callback_, &listener, this);
//       }
//       const std::shared_ptr<FirstError>& errors() const noexcept { return connection_.errors(); }
//
//      private:
//       void done(wl_callback* callback, std::uint32_t milliseconds);
//       static constexpr wl_callback_listener listener{.done = wayland::calls<&Frame::done>};
//       wayland::Connection& connection_;
//       wl_callback* callback_;
//     };
//
// Everything belongs to the loop's thread, but other threads may read the same connection for
// queues of their own, as graphics drivers do. Link with calloop-wayland-client.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <vector>

#include <wayland-client-core.h>

#include <calloop/adapters/first_error.hpp>
#include <calloop/adapters/local_queue.hpp>
#include <calloop/composed.hpp>
#include <calloop/export.hpp>
#include <calloop/fd.hpp>
#include <calloop/interest.hpp>
#include <calloop/poll.hpp>
#include <calloop/post_action.hpp>
#include <calloop/source.hpp>
#include <calloop/token.hpp>

namespace calloop::wayland {

using calloop::FirstError;

/// The compositor has ended the connection because of something that was asked of it: wl_display's
/// event `error`. code() is the errno that libwayland makes of it, EPROTO for most. The
/// compositor's words go to libwayland's log, and nowhere else.
class CALLOOP_API ProtocolError : public std::system_error {
 public:
  ProtocolError(int error, const std::string& interface, std::uint32_t object, std::uint32_t code);
  ProtocolError(const ProtocolError&) noexcept = default;
  ProtocolError& operator=(const ProtocolError&) noexcept = default;
  ~ProtocolError() override;

  /// Of the object that the error is about: "xdg_surface". Empty when that is destroyed already.
  [[nodiscard]] std::string_view interface() const noexcept { return *interface_; }
  /// Its number, as wl_proxy_get_id() has it; 0 when it is destroyed already.
  [[nodiscard]] std::uint32_t object() const noexcept { return object_; }
  /// What is wrong: a value of the interface's enumeration `error`.
  [[nodiscard]] std::uint32_t protocol_code() const noexcept { return code_; }

 private:
  std::shared_ptr<const std::string> interface_;  // shared: copying an exception must not throw
  std::uint32_t object_;
  std::uint32_t code_;
};

namespace detail {

template <auto Member, class Type = decltype(Member)>
struct ListenerCall {
  static_assert(Member == nullptr,
                "calloop: `calls` needs a member function that returns nothing and is not const");
};
template <auto Member, class Self, class... Args>
struct ListenerCall<Member, void (Self::*)(Args...) noexcept> {
  static void call(void* data, Args... args) noexcept {
    (static_cast<Self*>(data)->*Member)(args...);
  }
};
template <auto Member, class Self, class... Args>
struct ListenerCall<Member, void (Self::*)(Args...)> {
  static void call(void* data, Args... args) noexcept {
    auto& self = *static_cast<Self*>(data);
    // A copy: what it hears may be the end of the object.
    const std::shared_ptr<FirstError> errors = self.errors();
    try {
      (self.*Member)(args...);
    } catch (...) {
      if (errors != nullptr)
        errors->keep_current();
    }
  }
};

}  // namespace detail

/// A function for the listeners of libwayland, of a member function that has the arguments without
/// the first one, the listener's data: that has to be a pointer to the class that declares the
/// member. A member that may throw needs `errors()` beside it, which returns a shared_ptr, usually
/// Connection::errors(): the exception is kept there, and rethrown when libwayland has returned.
/// One that is noexcept needs nothing. The member may destroy its object.
template <auto Member>
inline constexpr auto calls = &detail::ListenerCall<Member>::call;

/// Who else reads a connection than a ConnectionSource.
enum class Readers : std::uint8_t {
  AnyThread,   ///< other threads may, for event queues of their own
  ThisThread,  ///< only the loop's thread does
};

namespace detail {

struct ConnectionReader;

// A display, and the sources to be told when it goes.
struct CALLOOP_API ConnectionState {
  explicit ConnectionState(wl_display* of);
  ConnectionState(const ConnectionState&) = delete;
  ConnectionState& operator=(const ConnectionState&) = delete;
  ~ConnectionState();

  void disconnect() noexcept;
  void cancel_reads() noexcept;
  // If libwayland says that the connection has ended.
  [[noreturn]] void throw_error() const;

  wl_display* display;  // null when it is gone
  std::vector<ConnectionReader*> readers;
  std::shared_ptr<FirstError> errors = std::make_shared<FirstError>();
};

// The child of a source that is registered for the connection, and reads one event queue of it.
struct CALLOOP_API ConnectionReader {
  ConnectionReader(std::shared_ptr<ConnectionState> of, wl_event_queue* for_queue, Readers others);
  ConnectionReader(const ConnectionReader&) = delete;
  ConnectionReader& operator=(const ConnectionReader&) = delete;
  ~ConnectionReader();

  void register_with(Poll& in, TokenFactory& tokens);
  void reregister_with(Poll& in, TokenFactory& tokens);
  void unregister_from(Poll& in);
  void leave() noexcept;

  // Before the loop sleeps: false if it must not, since events or exceptions are queued already.
  bool announce_read();
  // Every other thread that has announced a read waits for this one, until it is read or cancelled.
  void cancel_read() noexcept;
  // Whether any event was dispatched.
  bool dispatch();

  [[nodiscard]] wl_display* display() const noexcept { return state->display; }

  std::shared_ptr<ConnectionState> state;
  wl_event_queue* queue;  // null: the default one
  Readers who_reads;
  // A duplicate, while it is registered: two sources of one connection may be in one loop, and
  // epoll knows descriptors, not connections.
  OwnedFd fd;
  Poll* poll = nullptr;  // where that is registered
  Token token;
  bool announced = false;
  bool blocked = false;  // not everything could be written
  bool lost = false;     // the connection has ended, and this was told

 private:
  [[nodiscard]] Interest wanted() const noexcept;
  void flush();
  [[nodiscard]] bool begin_read() noexcept;
  [[nodiscard]] int dispatch_pending() noexcept;
  [[noreturn]] void lose();
};

}  // namespace detail

/// Owns a connection to a compositor. Move-only. Its destructor disconnects; sources that are left
/// then are harmless and silent. Objects and event queues are libwayland's, and have to be
/// destroyed before. It must not be destroyed by its own listeners. Errors are std::system_error.
class CALLOOP_API Connection {
 public:
  /// Connects to the compositor of this name, as it is in WAYLAND_DISPLAY, or of this absolute
  /// path. Empty: to the one that WAYLAND_SOCKET or WAYLAND_DISPLAY say, else to "wayland-0".
  [[nodiscard]] static Connection open(const std::string& name = {});
  /// Takes over a socket at whose other end there is a compositor.
  [[nodiscard]] static Connection from_fd(OwnedFd socket);

  Connection(Connection&&) noexcept = default;
  Connection& operator=(Connection&& other) noexcept;
  ~Connection();

  /// The display, which stays this object's.
  [[nodiscard]] wl_display* get() const noexcept { return state_->display; }
  /// Where listeners keep their exceptions: see `calls`. Valid also without the connection.
  [[nodiscard]] const std::shared_ptr<FirstError>& errors() const noexcept {
    return state_->errors;
  }
  /// Waits until the compositor has done all that was asked, and dispatches what it says to the
  /// default queue. Throws what a ConnectionSource throws. Allowed in callbacks and listeners; not
  /// in a hook of another source, since what it reads for other queues would not be seen before
  /// the loop sleeps.
  void roundtrip();

 private:
  friend class ConnectionSource;
  explicit Connection(wl_display* display);
  void close() noexcept;

  std::shared_ptr<detail::ConnectionState> state_;
};

/// The event of a ConnectionSource: libwayland has called listeners, or had something to do for
/// itself.
struct EventsDispatched {};

/// Reads a connection, and dispatches one of its event queues. The metadata is the display.
///
/// Before the loop sleeps it writes what was asked of the compositor (also by other sources'
/// callbacks), looks whether events are queued that somebody else has read, and announces that it
/// will read: wl_display_prepare_read(3). When the loop wakes up, for whatever reason, it takes
/// that back, and reads if there is something to read, without waiting for the compositor. So other
/// threads are held up only while the loop sleeps, when there is nothing to read; and callbacks
/// may call wl_display_roundtrip() and whatever else waits for the compositor. What hooks of other
/// sources ask for is written in time if those were inserted before this one.
///
/// One source is enough for a queue; each queue may have its own, also in the same loop. In the
/// loop of another thread than the Connection's it has to be made of the plain wl_display. The
/// connection and the queue are borrowed. A Connection may be destroyed before its sources; a plain
/// wl_display, and a queue, must stay until the source is gone. The queue is dispatched by
/// libwayland in one go: also what follows on an exception, or on the removal of the source by a
/// listener.
///
/// Throws from the dispatch: what listeners have kept in errors(); a ProtocolError, or a
/// std::system_error for a compositor that has died, once, after which the source is silent and
/// registered no more.
///
/// In a loop that is a guest, the read stays announced from prepare() until the next prepare() or
/// dispatch(). Host's code on this thread that reads the same connection meanwhile would wait for
/// ever. Where the host itself reads it, as GTK does, only Readers::ThisThread is possible: then
/// nothing is announced, and events that another thread reads may be seen late. Where the host's
/// callbacks only call wl_display_roundtrip() now and then, cancel_read() before that will do.
class CALLOOP_API ConnectionSource : public Composed<ConnectionSource> {
 public:
  using Event = EventsDispatched;
  using Metadata = wl_display;
  using Ret = void;

  /// Throws std::bad_alloc. `queue` is null for the default queue.
  explicit ConnectionSource(const Connection& connection, wl_event_queue* queue = nullptr,
                            Readers readers = Readers::AnyThread)
      : reader_{std::make_unique<detail::ConnectionReader>(connection.state_, queue, readers)} {}
  /// For a display that somebody else has made, and that must outlive the source.
  explicit ConnectionSource(wl_display* display, wl_event_queue* queue = nullptr,
                            Readers readers = Readers::AnyThread)
      : reader_{std::make_unique<detail::ConnectionReader>(
            std::make_shared<detail::ConnectionState>(display), queue, readers)} {}

  /// Where listeners of this connection keep their exceptions. Valid also without the source.
  [[nodiscard]] const std::shared_ptr<FirstError>& errors() const noexcept {
    return reader_->state->errors;
  }
  /// Takes the announcement back until the loop is about to sleep again. No effect without one.
  void cancel_read() noexcept { reader_->cancel_read(); }

  auto children() { return std::tie(*reader_, queue_); }

  template <class Emit>
  PostAction process_events(Readiness /*readiness*/, Token token, Emit&& emit) {
    if (!queue_.is(token) && token != reader_->token)
      return PostAction::Continue;
    // A listener may have removed or disabled the source.
    if (reader_->dispatch() && !queue_.should_yield())
      emit(EventsDispatched{}, *reader_->display());
    return PostAction::Continue;
  }
  std::optional<SyntheticEvent> before_sleep() { return queue_.wake_if(!reader_->announce_read()); }
  void before_handle_events(Events /*events*/) noexcept { reader_->cancel_read(); }

 private:
  std::unique_ptr<detail::ConnectionReader> reader_;
  LocalQueue queue_;
};

}  // namespace calloop::wayland
