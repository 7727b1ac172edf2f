#include "process.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string_view>
#include <system_error>

namespace e2e {
namespace {

// Between fork and exec: system calls only.
[[noreturn]] void become(char* const* words, const ProcessOptions& options, pid_t parent) noexcept {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent)
    ::_exit(125);
  const int input = ::open("/dev/null", O_RDONLY);
  const int output = ::open(options.output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  const int errors = options.errors.empty()
                         ? output
                         : ::open(options.errors.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (input < 0 || output < 0 || errors < 0)
    ::_exit(125);
  ::dup2(input, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(errors, STDERR_FILENO);
  ::close_range(3, ~0U, 0);
  const rlim_t soft = options.soft_descriptors;
  const struct rlimit limit{soft != 0 ? soft : options.descriptors, options.descriptors};
  if (options.descriptors != 0 && ::setrlimit(RLIMIT_NOFILE, &limit) != 0)
    ::_exit(125);
  ::execvp(words[0], words);
  ::_exit(127);
}

// Sets our own environment for the time of a fork, as execvp takes what it finds. The tests have no
// other thread then that looks at it.
class Environment {
 public:
  explicit Environment(const std::vector<std::string>& entries) {
    for (const std::string& entry : entries) {
      const std::size_t equals = entry.find('=');
      const std::string name = entry.substr(0, equals);
      const char* const before = ::getenv(name.c_str());
      before_.emplace_back(name,
                           before != nullptr ? std::optional<std::string>{before} : std::nullopt);
      set(name,
          equals == std::string::npos ? std::nullopt : std::optional{entry.substr(equals + 1)});
    }
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment() {
    for (auto entry = before_.rbegin(); entry != before_.rend(); ++entry)
      set(entry->first, entry->second);
  }

 private:
  static void set(const std::string& name, const std::optional<std::string>& value) noexcept {
    if (value)
      ::setenv(name.c_str(), value->c_str(), 1);
    else
      ::unsetenv(name.c_str());
  }

  std::vector<std::pair<std::string, std::optional<std::string>>> before_;
};

struct Entry {
  pid_t pid = 0;
  pid_t parent = 0;
  char state = '?';
  std::string name;
};

// Of /proc/PID/stat: "PID (NAME) STATE PARENT ...", and the name may have parentheses in it.
std::optional<Entry> read_entry(pid_t pid) {
  std::ifstream file{"/proc/" + std::to_string(pid) + "/stat"};
  std::string line;
  if (!std::getline(file, line))
    return {};
  const std::size_t begin = line.find('(');
  const std::size_t end = line.rfind(')');
  if (begin == std::string::npos || end == std::string::npos)
    return {};
  Entry entry{pid, 0, '?', line.substr(begin + 1, end - begin - 1)};
  std::istringstream rest{line.substr(end + 1)};
  rest >> entry.state >> entry.parent;
  return entry;
}

std::vector<Entry> all_processes() {
  std::vector<Entry> found;
  for (const auto& file : std::filesystem::directory_iterator{"/proc"}) {
    const std::string name = file.path().filename();
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc{} || end != name.data() + name.size())
      continue;
    if (auto entry = read_entry(pid))
      found.push_back(std::move(*entry));
  }
  return found;
}

}  // namespace

std::vector<Descendant> descendants(pid_t ancestor) {
  const std::vector<Entry> all = all_processes();
  std::vector<Descendant> found;
  const auto visit = [&](const auto& self, pid_t parent) -> void {
    for (const Entry& entry : all) {
      if (entry.parent != parent)
        continue;
      if (entry.state != 'Z' && entry.state != 'X')
        found.push_back({entry.pid, entry.name});
      self(self, entry.pid);
    }
  };
  visit(visit, ancestor);
  return found;
}

Process::Process(std::vector<std::string> words, const ProcessOptions& options) {
  // Orphans of what we start become our children: so they are found and reaped.
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  std::vector<char*> arguments;
  for (std::string& word : words)
    arguments.push_back(word.data());
  arguments.push_back(nullptr);

  const Environment environment{options.environment};
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0)
    throw std::system_error{errno, std::generic_category(), "fork"};
  if (pid_ == 0)
    become(arguments.data(), options, parent);
}

Process::~Process() {
  const std::vector<Descendant> family = descendants(pid_);
  if (running())
    ::kill(pid_, SIGKILL);
  for (const Descendant& member : family)
    ::kill(member.pid, SIGKILL);
  wait_for_end();
  for (const Descendant& member : family)
    ::waitpid(member.pid, nullptr, 0);  // ECHILD for those whom another parent has reaped
}

bool Process::running() {
  if (status_)
    return false;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_)
    return true;
  status_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return false;
}

void Process::signal(int number) const noexcept {
  if (!status_)
    ::kill(pid_, number);
}

std::optional<int> Process::wait_for_end(Clock::duration limit) {
  eventually([this] { return !running(); }, limit);
  return status_;
}

long Process::resident_kib() const {
  std::ifstream file{"/proc/" + std::to_string(pid_) + "/status"};
  constexpr std::string_view wanted = "VmRSS:";
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(wanted))
      return std::stol(line.substr(wanted.size()));
  return 0;
}

double Process::cpu_seconds() const {
  std::ifstream file{"/proc/" + std::to_string(pid_) + "/stat"};
  std::string line;
  std::getline(file, line);
  std::istringstream rest{line.substr(std::min(line.size(), line.rfind(')') + 1))};
  std::string skipped;
  for (int field = 3; field < 14; ++field)
    rest >> skipped;
  long user = 0;
  long kernel = 0;
  rest >> user >> kernel;
  return static_cast<double>(user + kernel) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

}  // namespace e2e
