// The one seam between the loop and the kernel.
//
//     calloop::EventLoop<App> loop{calloop::make_epoll_backend()};  // as without an argument
//     calloop::EventLoop<App> test{std::make_unique<calloop::TestBackend>()};  // testing.hpp
//
// Its functions are virtual and called once per wait and once per registration, never per event.
// All but `wake` belong to the loop's thread.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include <calloop/clock.hpp>
#include <calloop/export.hpp>
#include <calloop/token.hpp>

namespace calloop {

/// Registers descriptors, waits for them and tells the time.
class CALLOOP_API Backend {
 public:
  Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  virtual ~Backend();

  /// epoll_ctl(2): `operation` is EPOLL_CTL_ADD, MOD or DEL. Returns 0, or the errno.
  [[nodiscard]] virtual int control(int operation, int fd, std::uint32_t bits,
                                    Token token) noexcept = 0;

  /// Returns what is ready now, at most one batch, valid until the next of these three calls.
  /// Throws std::system_error.
  virtual std::span<const epoll_event> poll() = 0;
  /// The same, waiting for something for as long as it takes. A signal does not end a wait.
  virtual std::span<const epoll_event> wait() = 0;
  /// The same, waiting for something until then and `slack` longer, as exactly as that asks for: a
  /// time-out of the kernel's is late by 50 microseconds by itself. None is for who does not mind.
  /// `now` is a reading of the clock that the caller took just before.
  virtual std::span<const epoll_event> wait_until(TimePoint until, TimePoint now,
                                                  std::optional<Duration> slack) = 0;

  /// The clock that the loop's timers follow.
  [[nodiscard]] virtual TimePoint now() const noexcept = 0;
  /// Whether that is CLOCK_MONOTONIC, so that the kernel can be asked to wake a host up.
  [[nodiscard]] virtual bool has_real_clock() const noexcept { return true; }

  /// Ends the current or the next wait. Any thread, any number of times, also from a signal
  /// handler; calls that come before the loop has noticed are one.
  virtual void wake() noexcept = 0;
  /// Called by the loop when the event of `wake`, whose token names Token::loop_slot, has come out
  /// of a wait. What comes from here on is a new call.
  virtual void acknowledge_wake() noexcept = 0;

  /// Replaces the kernel object by an empty one: the only way to be rid of registrations whose
  /// descriptor nobody can name any more. Throws std::system_error; the loop will try again then
  /// before it does anything else.
  virtual void reopen() = 0;

  /// A descriptor that is readable while something registered is ready; owned by the backend.
  [[nodiscard]] virtual int fd() const noexcept = 0;
};

/// epoll(7) with an eventfd for `wake` and, once precision is asked for, a timerfd. Throws
/// std::system_error.
[[nodiscard]] CALLOOP_API std::unique_ptr<Backend> make_epoll_backend();

}  // namespace calloop
