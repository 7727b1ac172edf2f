// A copy of the repository's scripts in a folder of its own, and in front of PATH the programs that
// would install, configure and build: they note what they are asked, and do what the test says.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tests/command.hpp"
#include "tests/temporary_directory.hpp"

namespace commands {

class Workplace {
 public:
  // All packages are there, configuring and building succeed and give nothing.
  Workplace();

  const std::filesystem::path& root() const noexcept { return directory_.path(); }
  // `body` is what the program `name` does beside noting that it was called.
  void fake(const std::string& name, const std::string& body) const;
  // What dpkg-query knows: every package but these is installed.
  void lacks(const std::vector<std::string>& packages) const;
  void write(const std::filesystem::path& file, const std::string& text, bool executable) const;

  // Runs a shell command in this folder, without XDG_RUNTIME_DIR, as who we are or as nobody.
  tests::CommandResult run(const std::string& command) const;
  tests::CommandResult run_as_nobody(const std::string& command) const;
  // Calls of programs that were faked, one a line, as they came.
  std::vector<std::string> calls() const;
  // Those of one program.
  std::vector<std::string> calls(const std::string& program) const;

 private:
  std::string environment() const;
  tests::TemporaryDirectory directory_;
};

// The last line of what a command has said.
std::string last_line(const std::string& text);

}  // namespace commands
