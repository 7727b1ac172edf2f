// Runs a shell command and keeps what it says.
#pragma once

#include <string>

namespace tests {

struct CommandResult {
  int status;          // exit status; 128 + signal if a signal ended it
  std::string output;  // stdout and stderr as they came
};

// Waits for the end of `command`, which /bin/sh runs without stdin. Throws std::system_error if it
// cannot be started.
CommandResult run_command(const std::string& command);

}  // namespace tests
