// What to wait for on a descriptor, and what the kernel said about it.
//
//     loop.insert_source(Generic{std::move(socket), interest().read().edge_triggered()},
//                        [](Readiness ready, Socket& socket) {
//                          socket.read_all();
//                          return ready.hangup() ? PostAction::Remove : PostAction::Continue;
//                        });
//
// Both are the bits of epoll_ctl(2) with names. Level-triggered is the default: a descriptor is
// reported as long as it is ready.
#pragma once

#include <sys/epoll.h>

#include <cstdint>

namespace calloop {

/// A set of conditions to be told about. An immutable value: each call returns a changed copy.
/// Errors and hang-ups are always reported, also for an empty Interest.
class Interest {
 public:
  constexpr Interest() noexcept = default;

  /// EPOLLIN: there is something to read or accept, or the end of the stream.
  [[nodiscard]] constexpr Interest read() const noexcept { return with(EPOLLIN); }
  /// EPOLLOUT: a write would not block.
  [[nodiscard]] constexpr Interest write() const noexcept { return with(EPOLLOUT); }
  /// EPOLLRDHUP: the peer has closed its writing half.
  [[nodiscard]] constexpr Interest read_hangup() const noexcept { return with(EPOLLRDHUP); }
  /// EPOLLPRI: exceptional condition, such as out-of-band data.
  [[nodiscard]] constexpr Interest priority() const noexcept { return with(EPOLLPRI); }
  /// EPOLLET: told once per change, not as long as it lasts. Read or write until EAGAIN.
  [[nodiscard]] constexpr Interest edge_triggered() const noexcept { return with(EPOLLET); }
  /// EPOLLONESHOT: told once, then silent until the source is updated (or once more, when the loop
  /// had to build its registrations anew: Observer::registrations_rebuilt).
  [[nodiscard]] constexpr Interest one_shot() const noexcept { return with(EPOLLONESHOT); }
  /// EPOLLEXCLUSIVE: of several epolls that wait for one descriptor, wake as few as possible.
  [[nodiscard]] constexpr Interest exclusive() const noexcept { return with(EPOLLEXCLUSIVE); }

  /// EPOLLWAKEUP: the system does not suspend while the event is queued or handled.
  [[nodiscard]] constexpr Interest wakeup() const noexcept { return with(EPOLLWAKEUP); }

  /// The same without what `other` asks for: `wanted.without(interest().write())`.
  [[nodiscard]] constexpr Interest without(Interest other) const noexcept {
    return Interest{bits_ & ~other.bits_};
  }
  /// Whether everything that `other` asks for is asked for.
  [[nodiscard]] constexpr bool includes(Interest other) const noexcept {
    return (bits_ & other.bits_) == other.bits_;
  }
  /// Goes on to a source in one expression. Needs calloop/builder.hpp.
  template <class Fd>
  [[nodiscard]] auto with_fd(Fd fd) const;

  /// The bits for epoll_event.events.
  [[nodiscard]] constexpr std::uint32_t bits() const noexcept { return bits_; }
  friend constexpr bool operator==(Interest, Interest) noexcept = default;

 private:
  explicit constexpr Interest(std::uint32_t bits) noexcept : bits_{bits} {}
  [[nodiscard]] constexpr Interest with(std::uint32_t bits) const noexcept {
    return Interest{bits_ | bits};
  }
  std::uint32_t bits_ = 0;
};

/// Where an Interest begins: `interest().read().edge_triggered()`.
[[nodiscard]] constexpr Interest interest() noexcept {
  return {};
}

/// What the kernel reported about a descriptor. Each accessor is one condition, told apart.
class Readiness {
 public:
  constexpr Readiness() noexcept = default;
  explicit constexpr Readiness(std::uint32_t bits) noexcept : bits_{bits} {}

  /// EPOLLIN: a read will not block.
  [[nodiscard]] constexpr bool readable() const noexcept { return has(EPOLLIN); }
  /// EPOLLOUT: a write will not block.
  [[nodiscard]] constexpr bool writable() const noexcept { return has(EPOLLOUT); }
  /// EPOLLERR: an error is pending, or the reading end of a pipe is closed.
  [[nodiscard]] constexpr bool error() const noexcept { return has(EPOLLERR); }
  /// EPOLLHUP: the peer is gone. There may still be something to read.
  [[nodiscard]] constexpr bool hangup() const noexcept { return has(EPOLLHUP); }
  /// EPOLLRDHUP: the peer will not write any more.
  [[nodiscard]] constexpr bool read_hangup() const noexcept { return has(EPOLLRDHUP); }
  /// EPOLLPRI: exceptional condition.
  [[nodiscard]] constexpr bool priority() const noexcept { return has(EPOLLPRI); }
  /// epoll_event.events as it came.
  [[nodiscard]] constexpr std::uint32_t bits() const noexcept { return bits_; }
  friend constexpr bool operator==(Readiness, Readiness) noexcept = default;

 private:
  [[nodiscard]] constexpr bool has(std::uint32_t bit) const noexcept { return (bits_ & bit) != 0; }
  std::uint32_t bits_ = 0;
};

}  // namespace calloop
