#include <calloop/fd.hpp>

#include <unistd.h>

#include <cerrno>

namespace calloop {

void OwnedFd::reset(int fd) noexcept {
  const int old = std::exchange(fd_, fd < 0 ? -1 : fd);
  if (old < 0)
    return;
  const int saved = errno;
  ::close(old);  // EINTR included, the descriptor is gone afterwards: close(2)
  errno = saved;
}

}  // namespace calloop
