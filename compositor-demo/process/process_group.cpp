#include "compositor-demo/process/process_group.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cctype>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>

#include <calloop/fd.hpp>

namespace demo {
namespace {

struct DirectoryCloser {
  void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};

// proc(5): "pid (name) state ppid pgrp ..."; the name may hold anything, parentheses too.
bool lives_in(int proc, const char* pid, pid_t group) noexcept {
  std::array<char, 64> path;
  std::snprintf(path.data(), path.size(), "%.32s/stat", pid);
  const calloop::OwnedFd file{::openat(proc, path.data(), O_RDONLY | O_CLOEXEC)};
  if (!file)
    return false;
  std::array<char, 512> text{};
  if (::read(file.get(), text.data(), text.size() - 1) <= 0)
    return false;
  const char* behind_name = std::strrchr(text.data(), ')');
  char state = 0;
  int its_group = 0;
  if (behind_name == nullptr || std::sscanf(behind_name, ") %c %*d %d", &state, &its_group) != 2)
    return false;
  return its_group == group && state != 'Z' && state != 'X';
}

}  // namespace

bool has_living_member(pid_t group) noexcept {
  if (::kill(-group, 0) != 0 && errno == ESRCH)
    return false;
  const std::unique_ptr<DIR, DirectoryCloser> proc{::opendir("/proc")};
  if (!proc)
    return true;
  bool any_process = false;
  while (const dirent* entry = ::readdir(proc.get())) {
    if (!std::isdigit(static_cast<unsigned char>(entry->d_name[0])))
      continue;
    any_process = true;
    if (lives_in(::dirfd(proc.get()), entry->d_name, group))
      return true;
  }
  return !any_process;  // an empty /proc says nothing
}

}  // namespace demo
