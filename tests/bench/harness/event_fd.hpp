// The descriptors that the workloads are about.
#pragma once

#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <system_error>
#include <vector>

#include <calloop/fd.hpp>

namespace bench {

[[noreturn]] inline void throw_errno(const char* call) {
  throw std::system_error{errno, std::generic_category(), call};
}

/// An eventfd that never blocks, with `count` in it: readable unless that is zero.
inline calloop::OwnedFd event_fd(unsigned count, int flags = EFD_NONBLOCK) {
  calloop::OwnedFd fd{::eventfd(count, flags | EFD_CLOEXEC)};
  if (!fd)
    throw_errno("eventfd");
  return fd;
}

inline std::vector<calloop::OwnedFd> event_fds(std::size_t number, unsigned count,
                                               int flags = EFD_NONBLOCK) {
  std::vector<calloop::OwnedFd> fds;
  fds.reserve(number);
  while (fds.size() < number)
    fds.push_back(event_fd(count, flags));
  return fds;
}

/// Whether there was something to read.
inline bool take(int fd) {
  std::uint64_t count = 0;
  return ::read(fd, &count, sizeof count) == sizeof count;
}
inline bool give(int fd) {
  const std::uint64_t one = 1;
  return ::write(fd, &one, sizeof one) == sizeof one;
}

/// As many descriptors as the hard limit allows.
inline void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) < 0)
    throw_errno("getrlimit");
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) < 0)
    throw_errno("setrlimit");
}

}  // namespace bench
