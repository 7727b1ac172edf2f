#include "compositor-demo/protocol/keymap.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

#include "compositor-demo/log.hpp"

namespace demo {
namespace {

// xkbcommon reports problems of layouts here. Its own default is stderr without our prefix.
[[gnu::format(printf, 3, 0)]] void log_xkb(xkb_context*, xkb_log_level, const char* format,
                                           va_list arguments) {
  char line[512];
  if (std::vsnprintf(line, sizeof line, format, arguments) < 0)
    return;
  std::string_view text{line};
  while (text.ends_with('\n'))
    text.remove_suffix(1);
  log::warning("keymap: %.*s", static_cast<int>(text.size()), text.data());
}

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      fail("keymap: write to its memfd");
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

// The text followed by a zero, in memory nobody can change any more.
calloop::OwnedFd sealed_file(const char* text) {
  calloop::OwnedFd file{memfd_create("keymap", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
  if (!file)
    fail("keymap: memfd_create");
  write_all(file.get(), {text, std::strlen(text) + 1});
  if (fcntl(file.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
    fail("keymap: sealing its memfd");
  // Kernels before 6.7 refuse MAP_SHARED of a write-sealed file through a writable descriptor.
  // Without /proc there is only that one, which does for everybody who maps privately.
  const std::string path = "/proc/self/fd/" + std::to_string(file.get());
  calloop::OwnedFd read_only{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  return read_only ? std::move(read_only) : std::move(file);
}

}  // namespace

Keymap::KeymapPtr Keymap::compile(xkb_context_flags flags) {
  const ContextPtr context{xkb_context_new(flags)};
  if (!context)
    return nullptr;
  xkb_context_set_log_fn(context.get(), log_xkb);
  return KeymapPtr{xkb_keymap_new_from_names(context.get(), nullptr, XKB_KEYMAP_COMPILE_NO_FLAGS)};
}

Keymap::Keymap() : keymap_{compile(XKB_CONTEXT_NO_FLAGS)} {
  if (!keymap_) {
    log::warning("the layout that XKB_DEFAULT_* asks for cannot be compiled: taking evdev, us");
    keymap_ = compile(XKB_CONTEXT_NO_ENVIRONMENT_NAMES);
  }
  if (!keymap_)
    throw std::runtime_error("no keymap: xkbcommon cannot compile evdev, pc105, us");

  struct Free {
    void operator()(char* text) const noexcept { std::free(text); }  // NOLINT: xkbcommon's malloc
  };
  const std::unique_ptr<char, Free> text{
      xkb_keymap_get_as_string(keymap_.get(), XKB_KEYMAP_FORMAT_TEXT_V1)};
  if (!text)
    throw std::bad_alloc{};
  const std::size_t size = std::strlen(text.get()) + 1;
  if (size > std::numeric_limits<std::uint32_t>::max())
    throw std::runtime_error("no keymap: its text is too long");
  size_ = static_cast<std::uint32_t>(size);
  file_ = sealed_file(text.get());
}

}  // namespace demo
