#include "tests/command.hpp"

#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

namespace tests {

CommandResult run_command(const std::string& command) {
  const std::string line = "exec </dev/null 2>&1\n" + command;
  int status = 0;
  CommandResult result{};
  {
    const auto close = [&status](FILE* pipe) { status = pclose(pipe); };
    const std::unique_ptr<FILE, decltype(close)> pipe(popen(line.c_str(), "re"), close);
    if (!pipe) {
      throw std::system_error(errno, std::generic_category(), "popen: " + command);
    }
    std::array<char, 4096> buffer;
    while (const size_t count = fread(buffer.data(), 1, buffer.size(), pipe.get())) {
      result.output.append(buffer.data(), count);
    }
  }
  result.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return result;
}

}  // namespace tests
