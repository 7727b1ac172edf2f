// A program under test: everything it starts ends with it, and it ends with us.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tests/compositor-demo/clients/eventually.hpp"

namespace e2e {

using clients::Clock;
using clients::eventually;
using clients::patience;

struct ProcessOptions {
  std::vector<std::string> environment = {};  // "NAME=value", or "NAME" to take it away
  std::filesystem::path output = "/dev/null";
  std::filesystem::path errors = {};  // empty: with the output
  rlim_t descriptors = 0;             // hard limit; 0: ours
  rlim_t soft_descriptors = 0;        // 0: as the hard limit
};

class Process {
 public:
  // Throws std::system_error if there can be no new process; a program that is not there ends with
  // status 127.
  explicit Process(std::vector<std::string> words, const ProcessOptions& options = {});
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  // Kills it and all that came from it.
  ~Process();

  pid_t pid() const noexcept { return pid_; }
  bool running();
  void signal(int number) const noexcept;
  // As a shell has it (128 + N for signal N); nothing if it still runs when the time is up.
  std::optional<int> wait_for_end(Clock::duration limit = patience);

  // Of /proc/PID/status, in KiB.
  long resident_kib() const;
  // What it has used so far, in user and in kernel mode.
  double cpu_seconds() const;

 private:
  pid_t pid_ = -1;
  std::optional<int> status_;
};

// All processes that came from this one, and are no zombies.
struct Descendant {
  pid_t pid = 0;
  std::string name;  // the first 15 characters of the program's
};
std::vector<Descendant> descendants(pid_t ancestor);

}  // namespace e2e
