// How the library says what went wrong: in one sentence that begins with its name.
//
//     if (fd < 0) throw_errno("timerfd_create");  // calloop: timerfd_create: Too many open files
//     throw_logic_error("dispatch", " inside dispatch");
//
// Out of line and cold, so that the code that may fail stays small. Internal to the library, and
// not installed.
#pragma once

#include <cerrno>
#include <string_view>
#include <system_error>

namespace calloop {

/// Throws std::system_error; the sentence is `what` and `which`, as they are.
[[noreturn, gnu::cold]] void throw_system_error(std::error_code error, std::string_view what,
                                                std::string_view which = {});
/// The same for an errno.
[[noreturn, gnu::cold]] void throw_system_error(int error, std::string_view what,
                                                std::string_view which = {});
/// The same for what a system call has just left in errno.
[[noreturn, gnu::cold]] inline void throw_errno(std::string_view what,
                                                std::string_view which = {}) {
  throw_system_error(errno, what, which);
}
/// Throws std::logic_error: the application has used the library wrongly.
[[noreturn, gnu::cold]] void throw_logic_error(std::string_view what, std::string_view why = {});
/// Throws std::invalid_argument: what was given can be taken by nobody.
[[noreturn, gnu::cold]] void throw_invalid_argument(std::string_view what,
                                                    std::string_view which = {});

}  // namespace calloop
