#include "tests/commands/workplace.hpp"

#include <unistd.h>

#include <fstream>
#include <sstream>
#include <stdexcept>

namespace commands {

namespace fs = std::filesystem;

Workplace::Workplace() {
  const fs::path source = CALLOOP_SOURCE_ROOT;
  for (const char* file : {"compositor-demo/run", "compositor-demo/prepare.sh", "tests/run",
                           "tests/count.py", ".ci/run"}) {
    fs::create_directories((root() / file).parent_path());
    fs::copy_file(source / file, root() / file);
  }
  fs::create_directory(root() / "fakes");
  lacks({});
  for (const char* name : {"apt-get", "meson", "ninja"})
    fake(name, "");
  // nobody must be able to build here, too.
  for (const auto& entry : fs::recursive_directory_iterator(root()))
    fs::permissions(entry, fs::perms::all);
  fs::permissions(root(), fs::perms::all);
}

void Workplace::write(const fs::path& file, const std::string& text, bool executable) const {
  fs::create_directories((root() / file).parent_path());
  std::ofstream out{root() / file};
  out << text;
  out.close();
  if (!out)
    throw std::runtime_error{"cannot write " + file.string()};
  if (executable)
    fs::permissions(root() / file, fs::perms::all);
}

void Workplace::fake(const std::string& name, const std::string& body) const {
  write(fs::path{"fakes"} / name,
        "#!/bin/bash\necho \"" + name + " $*\" >>\"$WORKPLACE/calls\"\n" + body + "\n", true);
}

void Workplace::lacks(const std::vector<std::string>& packages) const {
  std::string pattern = "nothing";
  for (const std::string& package : packages)
    pattern += "|" + package;
  fake("dpkg-query",
       "for package; do case $package in --*) ;; " + pattern +
           ") status=1 ;; *) echo -n \"$package=installed \" ;; esac; done; exit ${status:-0}");
}

std::string Workplace::environment() const {
  return "cd " + root().string() +
         " && unset XDG_RUNTIME_DIR WAYLAND_DISPLAY && export WORKPLACE=" + root().string() +
         " PATH=" + (root() / "fakes").string() + ":$PATH; ";
}

tests::CommandResult Workplace::run(const std::string& command) const {
  return tests::run_command(environment() + command);
}

tests::CommandResult Workplace::run_as_nobody(const std::string& command) const {
  const std::string other =
      ::geteuid() == 0 ? "exec setpriv --reuid=65534 --regid=65534 --clear-groups " : "exec ";
  return tests::run_command(environment() + other + "bash -c '" + command + "'");
}

std::vector<std::string> Workplace::calls() const {
  std::vector<std::string> found;
  std::ifstream in{root() / "calls"};
  for (std::string line; std::getline(in, line);)
    if (!line.starts_with("dpkg-query "))
      found.push_back(line);
  return found;
}

std::vector<std::string> Workplace::calls(const std::string& program) const {
  std::vector<std::string> found = calls();
  std::erase_if(found, [&](const std::string& call) { return !call.starts_with(program + " "); });
  return found;
}

std::string last_line(const std::string& text) {
  std::istringstream in{text};
  std::string last;
  for (std::string line; std::getline(in, line);)
    last = line;
  return last;
}

}  // namespace commands
