// File descriptors with an owner.
//
//     calloop::OwnedFd fd{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
//     if (!fd) throw std::system_error{errno, std::generic_category(), "eventfd"};
//     const std::uint64_t one = 1;
//     const ssize_t written = ::write(fd.get(), &one, sizeof one);
//
// `fd_of` finds the descriptor inside whatever owns it: an int, or any type with `get()` (OwnedFd,
// a socket class of yours) or `fd()` that returns an int.
#pragma once

#include <concepts>
#include <utility>

#include <calloop/export.hpp>

namespace calloop {

/// A file descriptor that is closed exactly once. Move-only; an empty one holds -1.
class CALLOOP_API OwnedFd {
 public:
  OwnedFd() noexcept = default;
  /// Takes ownership of `fd`; a negative value makes an empty OwnedFd.
  explicit OwnedFd(int fd) noexcept : fd_{fd < 0 ? -1 : fd} {}
  OwnedFd(OwnedFd&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
  OwnedFd& operator=(OwnedFd&& other) noexcept {
    if (this != &other)
      reset(other.release());
    return *this;
  }
  ~OwnedFd() { reset(); }

  /// The descriptor, still owned by this object; -1 when there is none.
  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }
  /// Gives the descriptor away: closing it is now the caller's duty.
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
  /// Closes what is held, if anything, and takes ownership of `fd`. Keeps errno.
  void reset(int fd = -1) noexcept;

 private:
  int fd_ = -1;
};

namespace detail {
template <class T>
concept HasGet = requires(const T& owner) {
  { owner.get() } -> std::same_as<int>;
};
template <class T>
concept HasFd = requires(const T& owner) {
  { owner.fd() } -> std::same_as<int>;
};
}  // namespace detail

/// The descriptor itself.
[[nodiscard]] constexpr int fd_of(int fd) noexcept {
  return fd;
}
/// The descriptor that `owner` holds; ownership stays where it is.
template <class T>
  requires(detail::HasGet<T> || detail::HasFd<T>)
[[nodiscard]] constexpr int fd_of(const T& owner) noexcept {
  if constexpr (detail::HasGet<T>) {
    return owner.get();
  } else {
    return owner.fd();
  }
}

/// Something that owns a descriptor, or is one.
template <class T>
concept FdOwner = requires(const T& owner) {
  { fd_of(owner) } -> std::same_as<int>;
};

}  // namespace calloop
