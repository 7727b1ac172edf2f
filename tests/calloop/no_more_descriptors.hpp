// A process that may not open anything more.
#pragma once

#include <fcntl.h>
#include <sys/resource.h>

#include <cerrno>
#include <exception>
#include <stdexcept>
#include <system_error>

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

// What `f` throws then; null if nothing. UndefinedBehaviorSanitizer needs descriptors to look at an
// object of a class that it has not seen, and takes it for a broken one: do the same before, with
// descriptors, and look at the exception afterwards. A std::system_error it is shown here.
template <class F>
std::exception_ptr thrown_without_descriptors(F f) {
  try {
    throw std::system_error{EMFILE, std::generic_category(), "no more descriptors"};
  } catch (const std::runtime_error& error) {
    static_cast<void>(error.what());
  }
  const NoMoreDescriptors none;
  try {
    f();
  } catch (...) {
    return std::current_exception();
  }
  return nullptr;
}

}  // namespace tests
