#include "compositor-demo/session/terminal.hpp"

#include <linux/major.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cstdlib>

namespace demo {
namespace {

// /dev/tty1 to /dev/tty63; those behind are serial ports.
constexpr unsigned last_terminal = 63;

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string{} : std::string{value};
}

std::optional<int> terminal_of_input() noexcept {
  struct stat status{};
  if (::fstat(STDIN_FILENO, &status) != 0 || !S_ISCHR(status.st_mode) ||
      major(status.st_rdev) != TTY_MAJOR)
    return {};
  const unsigned number = minor(status.st_rdev);
  return number >= 1 && number <= last_terminal ? std::optional{static_cast<int>(number)}
                                                : std::nullopt;
}

}  // namespace

Surroundings surroundings() {
  return {.terminal = terminal_of_input(),
          .session_type = variable("XDG_SESSION_TYPE"),
          .session_terminal = variable("XDG_VTNR"),
          .remote = !variable("SSH_CONNECTION").empty() || !variable("SSH_TTY").empty()};
}

Standing standing(const Surroundings& around) {
  if (around.terminal)
    return {true, "standard input is /dev/tty" + std::to_string(*around.terminal)};
  if (around.remote)
    return {false, "started over ssh"};
  if (around.session_type == "tty" && !around.session_terminal.empty())
    return {true, "the session is that of /dev/tty" + around.session_terminal};
  return {false, "standard input is no virtual terminal"};
}

}  // namespace demo
