#include "compositor-demo/log.hpp"

#include <unistd.h>
#include <wayland-server-core.h>

extern "C" {  // which it does not say itself
#include <libseat.h>
}

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstddef>
#include <cstdio>

namespace demo::log {
namespace {

// Client-chosen text (titles, messages of libraries) must not forge lines or move the cursor.
void make_one_line(char* begin, char* end) noexcept {
  for (char* c = begin; c != end; ++c)
    if (static_cast<unsigned char>(*c) < ' ' || *c == '\x7f')
      *c = ' ';
}

[[gnu::format(printf, 2, 0)]] void write_line(const char* level, const char* format,
                                              va_list arguments) noexcept {
  const int saved = errno;
  std::array<char, 1024> line;
  const auto room = line.size() - 1;  // for the newline
  auto length =
      static_cast<std::size_t>(std::snprintf(line.data(), room, "compositor-demo: %s", level));
  const int more = std::vsnprintf(line.data() + length, room - length, format, arguments);
  if (more > 0)
    length = std::min(length + static_cast<std::size_t>(more), room - 1);
  make_one_line(line.data(), line.data() + length);
  while (length > 0 && line[length - 1] == ' ')
    --length;
  line[length++] = '\n';
  // Nowhere to complain to if stderr is closed.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), length);
  errno = saved;
}

extern "C" {
[[gnu::format(printf, 1, 0)]] void from_libwayland(const char* format, va_list arguments) {
  write_line("libwayland: ", format, arguments);
}
[[gnu::format(printf, 2, 0)]] void from_libseat(libseat_log_level, const char* format,
                                                va_list arguments) {
  write_line("libseat: ", format, arguments);
}
}

}  // namespace

void info(const char* format, ...) noexcept {
  va_list arguments;
  va_start(arguments, format);
  write_line("", format, arguments);
  va_end(arguments);
}

void warning(const char* format, ...) noexcept {
  va_list arguments;
  va_start(arguments, format);
  write_line("warning: ", format, arguments);
  va_end(arguments);
}

void error(const char* format, ...) noexcept {
  va_list arguments;
  va_start(arguments, format);
  write_line("error: ", format, arguments);
  va_end(arguments);
}

void install_c_handlers() noexcept {
  wl_log_set_handler_server(from_libwayland);
  libseat_set_log_handler(from_libseat);
  libseat_set_log_level(LIBSEAT_LOG_LEVEL_ERROR);
}

}  // namespace demo::log
