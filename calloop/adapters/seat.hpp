// libseat in a calloop loop: a seat's devices for whose turn it is.
//
//     SeatSession session;
//     handle.insert_source(SeatSource{session}, [&](SeatEvent event) {
//       switch (event) {
//         case SeatEvent::Enable:
//           card = session.open_device("/dev/dri/card0");
//           break;
//         case SeatEvent::Disable:  // libseat is told when this has returned
//           card.reset();
//           break;
//         case SeatEvent::NotEnabled:
//           std::cerr << "there is a seat, but it is not ours\n";
//           break;
//       }
//     });
//     loop.run();
//
// Opening a session says little: it may never be enabled, because another one is in front, or
// because who opened it may not have any device. Enable says that the devices can be used;
// NotEnabled, once, that it has not come for a while.
//
// libinput opens and closes devices by their path and descriptor. SeatDevices translates:
//
//     SeatDevices devices{session};
//     auto input = Libinput::from_udev({
//         .open = [&](const char* path, int) { return devices.open(path); },
//         .close = [&](int fd) { devices.close(fd); },
//     });
//
// Calls of libseat ask a daemon and wait for its answer. Its messages (libseat_set_log_handler) are
// for the whole process, and so the application's matter; its header, which is C
// only, comes with this one. Everything belongs to the loop's thread.
// Link with calloop-seat.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

extern "C" {  // which it does not say itself
#include <libseat.h>
}

#include <calloop/adapters/first_error.hpp>
#include <calloop/adapters/local_queue.hpp>
#include <calloop/clock.hpp>
#include <calloop/composed.hpp>
#include <calloop/export.hpp>
#include <calloop/fd.hpp>
#include <calloop/interest.hpp>
#include <calloop/poll.hpp>
#include <calloop/post_action.hpp>
#include <calloop/source.hpp>
#include <calloop/sources/timer.hpp>
#include <calloop/token.hpp>

namespace calloop {

/// The event of a SeatSource.
enum class SeatEvent : std::uint8_t {
  Enable,      ///< the devices can be used; those that were open before have to be opened anew
  Disable,     ///< they can not any more; who has used them is done with them when the callback
               ///< returns
  NotEnabled,  ///< the session was never enabled so far; it may still be
};

namespace detail {

// What libseat knows the address of: shared by a session, its source and its devices, of which any
// may be the last to go.
struct CALLOOP_API SeatState {
  SeatState();
  SeatState(const SeatState&) = delete;
  SeatState& operator=(const SeatState&) = delete;
  ~SeatState() { close(); }

  // The child of the source that is registered for the socket, as long as there is one.
  void register_with(Poll& in, TokenFactory& tokens);
  void reregister_with(Poll& in, TokenFactory& tokens);
  void unregister_from(Poll& in);
  void leave() noexcept;

  void close() noexcept;
  // Lets libseat call back what it has to say; next() is what it said.
  void dispatch(Readiness readiness);
  std::optional<SeatEvent> next() noexcept;
  void acknowledge_disable();
  [[nodiscard]] bool has_work() const noexcept { return !asked || next_event != events.size(); }
  [[noreturn]] void lose(const char* call);

  libseat* seat = nullptr;  // null when it is closed
  int fd = -1;              // its socket
  Poll* poll = nullptr;     // where that is registered
  Token token;
  std::vector<SeatEvent> events;  // what libseat has called back, from `next_event` on
  std::size_t next_event = 0;
  FirstError errors;
  bool asked = false;   // libseat, for what it had before it was in a loop
  bool lost = false;    // the daemon is gone
  bool active = false;  // between Enable and Disable
  bool was_active = false;
  bool has_source = false;
};

}  // namespace detail

/// A device that was opened through a session. Move-only; an empty one holds -1. Its destructor
/// tells libseat and closes the descriptor, in this order, and the second also when the first
/// fails or the session is gone.
class CALLOOP_API SeatDevice {
 public:
  SeatDevice() noexcept = default;
  SeatDevice(SeatDevice&&) noexcept = default;
  SeatDevice& operator=(SeatDevice&& other) noexcept;
  ~SeatDevice() { reset(); }

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(fd_); }
  /// Closes it now. Allowed at any time, also while the session is disabled.
  void reset() noexcept;

 private:
  friend class SeatSession;
  friend class SeatDevices;
  static SeatDevice open(std::shared_ptr<detail::SeatState> state, const std::string& path);
  SeatDevice(std::shared_ptr<detail::SeatState> state, int id, OwnedFd fd) noexcept
      : state_{std::move(state)}, id_{id}, fd_{std::move(fd)} {}

  std::shared_ptr<detail::SeatState> state_;
  int id_ = -1;
  OwnedFd fd_;
};

/// Owns a session on a seat. Move-only. Its destructor closes the session, which takes the devices
/// away; a source and devices that are left then are harmless. What libseat calls back meanwhile is
/// of no interest to anybody. Errors are std::system_error, naming the call.
class CALLOOP_API SeatSession {
 public:
  /// Opens the seat with the first of libseat's backends that can, or that of LIBSEAT_BACKEND. The
  /// one named builtin starts a child process, and takes the terminal.
  SeatSession() : state_{std::make_shared<detail::SeatState>()} {}
  SeatSession(SeatSession&&) noexcept = default;
  SeatSession& operator=(SeatSession&& other) noexcept;
  ~SeatSession();

  /// Opens a device, which libseat allows for those of a seat and while the session is active.
  [[nodiscard]] SeatDevice open_device(const std::string& path) {
    return SeatDevice::open(state_, path);
  }
  /// Asks for another session, by its number; that of a virtual terminal where there are those. Not
  /// before this one is told to disable itself anything has happened, which may be never.
  void switch_session(int session);
  /// Whether the last event was Enable; what the source is about to tell does not count.
  [[nodiscard]] bool is_active() const noexcept { return state_->active; }
  /// "seat0". Lives as long as the session.
  [[nodiscard]] std::string_view name() const noexcept { return libseat_seat_name(get()); }
  /// The session, which stays this object's.
  [[nodiscard]] libseat* get() const noexcept { return state_->seat; }

 private:
  friend class SeatDevices;
  friend class SeatSource;
  std::shared_ptr<detail::SeatState> state_;
};

/// The open devices of a session by descriptor, for libraries that open and close devices so. Must
/// not be used by what outlives it: what is still open is closed by its destructor.
class CALLOOP_API SeatDevices {
 public:
  explicit SeatDevices(const SeatSession& session) noexcept : state_{session.state_} {}
  /// The descriptor of a device that is opened. Throws as SeatSession::open_device().
  [[nodiscard]] int open(const std::string& path);
  /// Closes a device that open() has returned. Any other descriptor is closed as it is.
  void close(int fd) noexcept;
  /// How many are open.
  [[nodiscard]] std::size_t size() const noexcept { return devices_.size(); }

 private:
  std::shared_ptr<detail::SeatState> state_;
  std::unordered_map<int, SeatDevice> devices_;
};

/// The events of a session. The metadata is the session, as libseat has it.
///
/// The callback never runs inside a call of libseat, so it may call what it likes of it. A Disable
/// is acknowledged when the callback has returned, also when it has thrown or has removed the
/// source: who has to be done with the devices is called from there. The session is borrowed. One
/// that is closed first is silent.
///
/// Throws from the dispatch: std::system_error, once, when the daemon is gone. The devices may be
/// dead then; the source is silent from then on, and the session has to be opened anew.
class CALLOOP_API SeatSource : public Composed<SeatSource> {
 public:
  using Event = SeatEvent;
  using Metadata = libseat;
  using Ret = void;

  static constexpr Duration default_patience = std::chrono::milliseconds{500};

  /// Says NotEnabled when the session was not enabled `patience` after it was put into a loop.
  /// Throws std::logic_error for a session that has a source.
  explicit SeatSource(const SeatSession& session, Duration patience = default_patience)
      : claim_{std::make_unique<Claim>(session.state_)}, deadline_{Timer::after(patience)} {}

  auto children() { return std::tie(*claim_->state, queue_, deadline_); }

  template <class Emit>
  PostAction process_events(Readiness readiness, Token token, Emit&& emit) {
    const auto& state = claim_->state;
    bool awake = queue_.is(token) || token == state->token;
    deadline_.process_events(readiness, token, [&](TimePoint) {
      if (!state->was_active && state->seat != nullptr && !state->lost)
        emit(SeatEvent::NotEnabled, *state->seat);
      return TimeoutAction::drop();
    });
    if (awake)
      state->dispatch(readiness);
    while (awake) {
      const std::optional<SeatEvent> event = state->next();
      if (!event)
        break;
      emit(*event, *state->seat);
      if (*event == SeatEvent::Disable)
        state->acknowledge_disable();
      awake = !queue_.should_yield();
    }
    return PostAction::Continue;
  }
  /// Goes on with what libseat has said, while somebody else called it, too.
  std::optional<SyntheticEvent> before_sleep() { return queue_.wake_if(claim_->state->has_work()); }

 private:
  // That this is the session's source.
  struct CALLOOP_API Claim {
    explicit Claim(std::shared_ptr<detail::SeatState> of);
    Claim(const Claim&) = delete;
    Claim& operator=(const Claim&) = delete;
    ~Claim();
    std::shared_ptr<detail::SeatState> state;
  };

  std::unique_ptr<Claim> claim_;
  LocalQueue queue_;
  Timer deadline_;
};

}  // namespace calloop
