// libinput in a calloop loop: keyboards, pointers, touch screens and tablets.
//
//     auto input = Libinput::from_udev({
//         .log = [](libinput_log_priority, std::string_view line) { std::cerr << line; },
//     });
//     handle.insert_source(LibinputSource{input}, [](LibinputEvent event) {
//       if (event.type() == LIBINPUT_EVENT_KEYBOARD_KEY) {
//         auto* const key = libinput_event_get_keyboard_event(event.get());
//         std::cout << libinput_event_keyboard_get_key(key) << '\n';
//       }
//     });
//     loop.run();
//
// When the session is taken away, suspend() closes the devices. What that caused (keys that are
// released, devices that are removed) is there at once, and the rest of a module may need it before
// it lets the session go:
//
//     input.suspend();
//     while (auto event = input.next_event()) seat.handle(*event);
//
// What nobody takes this way the source delivers in the next iteration. Its descriptor stays the
// same over suspend() and resume(), and the source in the loop.
//
// Everything belongs to the loop's thread. Link with calloop-libinput.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include <libinput.h>

#include <calloop/adapters/first_error.hpp>
#include <calloop/adapters/local_queue.hpp>
#include <calloop/composed.hpp>
#include <calloop/export.hpp>
#include <calloop/interest.hpp>
#include <calloop/poll.hpp>
#include <calloop/post_action.hpp>
#include <calloop/source.hpp>
#include <calloop/sources/generic.hpp>
#include <calloop/token.hpp>

namespace calloop {

namespace detail {

struct ReleaseLibinput {
  void operator()(::libinput* context) const noexcept { libinput_unref(context); }
};
/// One reference to a context. libinput destroys a context's devices with its last reference, also
/// those that somebody has a reference to: what points to them holds one of these.
using LibinputRef = std::unique_ptr<::libinput, ReleaseLibinput>;

}  // namespace detail

/// What a Libinput asks of its application. Each closure may be left empty.
struct LibinputInterface {
  /// Opens a device node: returns its descriptor, or -errno. `flags` are those of open(2), with
  /// O_CLOEXEC. A std::system_error that it throws is told to libinput as -errno, which goes on
  /// without the device; any other exception is rethrown when the call of libinput has returned.
  /// Empty: open(2).
  std::function<int(const char* path, int flags)> open = {};
  /// Closes what `open` has returned. What it throws is rethrown when the call of libinput has
  /// returned. Empty: close(2).
  std::function<void(int fd)> close = {};
  /// Gets libinput's messages, from `log_priority` on, each with its newline. Empty: they go
  /// nowhere.
  std::function<void(libinput_log_priority priority, std::string_view message)> log = {};
  libinput_log_priority log_priority = LIBINPUT_LOG_PRIORITY_ERROR;
};

/// An event that owns its libinput_event, and keeps the context and its devices alive. Move-only;
/// what is empty has been moved from.
class CALLOOP_API LibinputEvent {
 public:
  /// Takes over what libinput_get_event() has returned.
  explicit LibinputEvent(libinput_event* event) noexcept
      : context_{libinput_ref(libinput_event_get_context(event))}, event_{event} {}
  LibinputEvent(LibinputEvent&&) noexcept = default;
  LibinputEvent& operator=(LibinputEvent&& other) noexcept {
    event_ = std::move(other.event_);  // before its context
    context_ = std::move(other.context_);
    return *this;
  }
  ~LibinputEvent() = default;

  /// What happened.
  [[nodiscard]] libinput_event_type type() const noexcept {
    return libinput_event_get_type(event_.get());
  }
  /// Where it happened, as long as the event is there; libinput_device_ref() keeps it for longer.
  [[nodiscard]] libinput_device* device() const noexcept {
    return libinput_event_get_device(event_.get());
  }
  /// For libinput_event_get_keyboard_event() and its like.
  [[nodiscard]] libinput_event* get() const noexcept { return event_.get(); }

 private:
  struct Destroy {
    void operator()(libinput_event* event) const noexcept { libinput_event_destroy(event); }
  };
  detail::LibinputRef context_;  // goes after the event
  std::unique_ptr<libinput_event, Destroy> event_;
};

/// Owns a libinput context, and what that calls back. Move-only. Its destructor closes the devices
/// through the interface's `close`; sources and events that are left then are harmless and silent.
/// It must not be destroyed by its own closures.
///
/// Failed setup is std::system_error, naming the call.
class CALLOOP_API Libinput {
 public:
  /// A context for all devices of a seat, those that are there and those that will be plugged in.
  /// They are opened at once; what fails to open is left out.
  [[nodiscard]] static Libinput from_udev(LibinputInterface interface,
                                          const std::string& seat = "seat0");
  /// A context for the devices that add_device() names. For who has a list of them: it is not told
  /// of others, but needs udev's database all the same.
  [[nodiscard]] static Libinput from_paths(LibinputInterface interface);

  Libinput(Libinput&&) noexcept;
  Libinput& operator=(Libinput&&) noexcept;
  ~Libinput();

  /// The context, which stays this object's.
  [[nodiscard]] ::libinput* get() const noexcept { return context_.get(); }
  /// Adds a device of a context that was made by from_paths(). It is the context's, and known by
  /// its DEVICE_ADDED event from then on. libinput waits here, for up to two seconds, for a device
  /// that udev has not initialized. Throws std::system_error: what `open` said, else ENODEV.
  libinput_device* add_device(const std::string& path);

  /// Closes every device. Keys and buttons that are held are released and the devices removed, by
  /// events that are queued when it returns. No effect on a suspended context.
  void suspend();
  /// Opens the devices anew. Throws std::system_error if libinput says that it could not. No effect
  /// on a context that is not suspended.
  void resume();
  /// The next event that libinput has queued, ahead of the source; empty when there is none. Does
  /// not look at the devices.
  [[nodiscard]] std::optional<LibinputEvent> next_event() noexcept;

  /// What the closures threw, while libinput was called by others than this object: the source
  /// rethrows it.
  [[nodiscard]] const std::shared_ptr<FirstError>& errors() const noexcept;

 private:
  struct Callbacks;
  Libinput(std::unique_ptr<Callbacks> callbacks, ::libinput* context, const char* call);
  void close() noexcept;

  std::unique_ptr<Callbacks> callbacks_;
  detail::LibinputRef context_;
};

/// The events of a context. The metadata is the context.
///
/// It asks libinput whenever there may be something to do, hands out what is queued, at most 1024
/// events in one iteration, and sees also what libinput queues without saying so to the kernel:
/// after suspend, resume, a device that was added by hand. What a callback that throws, or removes
/// or disables the source, leaves in the queue stays there.
///
/// The context is borrowed, and kept alive as long as the source; the closures of a Libinput are
/// gone with that, and with them the devices.
///
/// Throws from the dispatch: std::system_error if libinput_dispatch fails; what the closures of a
/// Libinput have thrown.
class CALLOOP_API LibinputSource : public Composed<LibinputSource> {
 public:
  using Event = LibinputEvent;
  using Metadata = ::libinput;
  using Ret = void;

  explicit LibinputSource(const Libinput& input) : LibinputSource{input.get(), input.errors()} {}
  /// For a context that somebody else has made. What `errors` keeps is rethrown from the dispatch.
  explicit LibinputSource(::libinput* context, std::shared_ptr<FirstError> errors = nullptr)
      : fd_{Fd{detail::LibinputRef{libinput_ref(context)}}, interest().read()},
        errors_{std::move(errors)} {}

  auto children() { return std::tie(fd_, queue_); }

  template <class Emit>
  PostAction process_events(Readiness readiness, Token token, Emit&& emit) {
    bool awake = queue_.is(token);
    fd_.process_events(readiness, token, [&](Readiness, Fd&) {
      awake = true;
      return PostAction::Continue;
    });
    if (!awake)
      return PostAction::Continue;
    dispatch();
    for (int budget = 1024; budget != 0; --budget) {
      libinput_event* const event = libinput_get_event(context());
      if (event == nullptr)
        break;
      emit(LibinputEvent{event}, *context());
      if (queue_.should_yield())
        break;
    }
    return PostAction::Continue;  // before_sleep() sees what is left
  }
  /// Goes on with what is in libinput's queue, or has been thrown while others called libinput.
  std::optional<SyntheticEvent> before_sleep() {
    return queue_.wake_if(libinput_next_event_type(context()) != LIBINPUT_EVENT_NONE ||
                          (errors_ != nullptr && *errors_));
  }

 private:
  struct Fd {
    [[nodiscard]] int fd() const noexcept { return libinput_get_fd(context.get()); }
    detail::LibinputRef context;
  };

  [[nodiscard]] ::libinput* context() const noexcept { return fd_.get().context.get(); }
  // Lets libinput read its devices and timers.
  void dispatch();

  Generic<Fd> fd_;
  LocalQueue queue_;
  std::shared_ptr<FirstError> errors_;
};

}  // namespace calloop
