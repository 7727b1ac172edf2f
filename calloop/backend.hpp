// The one seam between the loop and the kernel.
//
//     auto backend = calloop::make_epoll_backend();     // what EventLoop uses by itself
//     auto backend = std::make_unique<calloop::TestBackend>();  // calloop/testing.hpp
//     calloop::EventLoop<App> loop{std::move(backend)};
//
// Its functions are virtual and called once per wait and once per registration, never per event.
// All but `wake` belong to the loop's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include <sys/epoll.h>

#include <calloop/clock.hpp>
#include <calloop/export.hpp>
#include <calloop/token.hpp>

namespace calloop {

/// How long to wait when nothing is ready: the time-outs of epoll_wait(2).
enum class Sleep : int { No = 0, ForEver = -1 };

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

  /// Returns what is ready, at most one batch, valid until the next wait. A signal does not end a
  /// wait. Throws std::system_error.
  virtual std::span<const epoll_event> wait(Sleep sleep) = 0;
  /// The same, waiting for something until then. `now` is a reading of the clock that the caller
  /// took just before. With `precise` the wake-up is as exact as the kernel can.
  virtual std::span<const epoll_event> wait_until(TimePoint until, TimePoint now, bool precise) = 0;

  /// The clock that the loop's timers follow.
  [[nodiscard]] virtual TimePoint now() const noexcept = 0;

  /// Ends the current or the next wait. Any thread, any number of times, also from a signal
  /// handler; calls that come before the loop has noticed are one.
  virtual void wake() noexcept = 0;

  /// Replaces the kernel object by an empty one: the only way to be rid of registrations whose
  /// descriptor nobody can name any more. Throws std::system_error, and has then changed nothing.
  virtual void reopen() = 0;

  /// A descriptor that is readable while something registered is ready; owned by the backend.
  [[nodiscard]] virtual int fd() const noexcept = 0;
};

/// epoll(7) with an eventfd for `wake` and, once precision is asked for, a timerfd. Throws
/// std::system_error.
[[nodiscard]] CALLOOP_API std::unique_ptr<Backend> make_epoll_backend();

}  // namespace calloop
