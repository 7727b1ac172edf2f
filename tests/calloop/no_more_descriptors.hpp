// A process that may not open anything more.
#pragma once

#include <fcntl.h>
#include <sys/resource.h>

#include <calloop/fd.hpp>

namespace tests {

// Allows no descriptor more than there are now.
class NoMoreDescriptors {
 public:
  NoMoreDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &old_);
    const calloop::OwnedFd lowest_free{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
    rlimit limit = old_;
    limit.rlim_cur = static_cast<rlim_t>(lowest_free.get());
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
  NoMoreDescriptors(const NoMoreDescriptors&) = delete;
  NoMoreDescriptors& operator=(const NoMoreDescriptors&) = delete;
  ~NoMoreDescriptors() { ::setrlimit(RLIMIT_NOFILE, &old_); }

 private:
  rlimit old_{};
};

}  // namespace tests
