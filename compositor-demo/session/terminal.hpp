// Whether we were started from where a person sits in front of a screen.
#pragma once

#include <optional>
#include <string>

namespace demo {

// What is known about that.
struct Surroundings {
  std::optional<int> terminal = {};   // number of the virtual terminal that is standard input
  std::string session_type = {};      // XDG_SESSION_TYPE: what the login was for
  std::string session_terminal = {};  // XDG_VTNR: the virtual terminal of the login
  bool remote = false;                // by ssh
};
Surroundings surroundings();

// Whether a screen may be taken without being asked for. If not, why: for the log. A session of
// type "tty" says little, since that of ssh is one, too.
struct Standing {
  bool on_terminal = false;
  std::string reason;
};
Standing standing(const Surroundings& around);

}  // namespace demo
