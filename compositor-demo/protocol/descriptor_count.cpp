#include "compositor-demo/protocol/descriptor_count.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>

#include <memory>

#include <calloop/fd.hpp>

namespace demo {

namespace {

struct DirectoryCloser {
  void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};

std::size_t limit() noexcept {
  struct rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? static_cast<std::size_t>(limit.rlim_cur) : 1024;
}

}  // namespace

std::size_t open_descriptors() noexcept {
  const std::unique_ptr<DIR, DirectoryCloser> directory{::opendir("/proc/self/fd")};
  if (!directory) {
    const calloop::OwnedFd lowest_free{::open("/", O_PATH | O_CLOEXEC)};
    return lowest_free ? static_cast<std::size_t>(lowest_free.get()) : limit();
  }
  std::size_t count = 0;
  while (const dirent* entry = ::readdir(directory.get()))
    if (entry->d_name[0] != '.')
      ++count;
  return count - 1;  // without the one we look with
}

}  // namespace demo
