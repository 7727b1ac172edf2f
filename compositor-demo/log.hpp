// One place for the demo's messages: a line on stderr each, "compositor-demo: " in front.
//
// The texts are printf formats, checked by the compiler:
//
//   log::warning("client %d: %s", pid, reason.c_str());
//
// A line is written with one system call, so lines of several processes do not mix; what does not
// fit into a thousand bytes is cut off. Never throws, never changes errno. Any thread.
#pragma once

namespace demo::log {

[[gnu::format(printf, 1, 2)]] void info(const char* format, ...) noexcept;
[[gnu::format(printf, 1, 2)]] void warning(const char* format, ...) noexcept;
[[gnu::format(printf, 1, 2)]] void error(const char* format, ...) noexcept;

// Sends what the C libraries have to say (libwayland, libseat) to the same place.
void install_c_handlers() noexcept;

}  // namespace demo::log
