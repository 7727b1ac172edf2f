#include <calloop/sources/child.hpp>

#include <fcntl.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <string>
#include <string_view>

// glibc 2.36 forgot to say so itself.
extern "C" {
#include <sys/pidfd.h>
}

#include <calloop/errors.hpp>
#include <calloop/sources/signals.hpp>

namespace calloop {

namespace {

void check(int error, std::string_view what) {
  if (error != 0)
    throw_system_error(error, what);
}

[[noreturn, gnu::cold]] void throw_about_program(int error, const char* what,
                                                 const std::string& program) {
  throw_system_error(error, what, program + '"');
}

class Attributes {
 public:
  explicit Attributes(const ChildOptions& options) {
    check(::posix_spawnattr_init(&value), "posix_spawnattr_init");
    const sigset_t mask = signal_mask_for_children();
    sigset_t all;
    sigfillset(&all);
    auto flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    if (options.new_process_group)
      flags |= POSIX_SPAWN_SETPGROUP;
    ::posix_spawnattr_setsigmask(&value, &mask);
    ::posix_spawnattr_setsigdefault(&value, &all);
    ::posix_spawnattr_setpgroup(&value, 0);
    ::posix_spawnattr_setflags(&value, static_cast<short>(flags));
  }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  ~Attributes() { ::posix_spawnattr_destroy(&value); }
  posix_spawnattr_t value;
};

class FileActions {
 public:
  explicit FileActions(const ChildOptions& options) {
    check(::posix_spawn_file_actions_init(&value), "posix_spawn_file_actions_init");
    try {
      fill(options);
    } catch (...) {
      ::posix_spawn_file_actions_destroy(&value);
      throw;
    }
  }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  ~FileActions() { ::posix_spawn_file_actions_destroy(&value); }
  posix_spawn_file_actions_t value;

 private:
  void fill(const ChildOptions& options) {
    int last = 2;
    const long limit = ::sysconf(_SC_OPEN_MAX);  // -1: none
    for (const InheritedFd& fd : options.fds) {
      if (fd.child < 0)
        throw_invalid_argument("a child's descriptor is negative");
      if (fd.child == INT_MAX || (limit >= 0 && fd.child >= limit))
        throw_system_error(EBADF, "passing a descriptor as ", std::to_string(fd.child));
      last = std::max(last, fd.child);
    }
    std::vector<bool> kept(static_cast<std::size_t>(last) + 1, false);
    for (const InheritedFd& fd : options.fds) {
      // Copied out of the way first: one's target may be another's origin.
      copies_.emplace_back(::fcntl(fd.parent, F_DUPFD_CLOEXEC, last + 1));
      if (!copies_.back())
        throw_errno("passing descriptor ", std::to_string(fd.parent));
      check(::posix_spawn_file_actions_adddup2(&value, copies_.back().get(), fd.child),
            "posix_spawn_file_actions_adddup2");
      kept[static_cast<std::size_t>(fd.child)] = true;
    }
    for (int fd = 3; fd <= last; ++fd)
      if (!kept[static_cast<std::size_t>(fd)])
        check(::posix_spawn_file_actions_addclose(&value, fd), "posix_spawn_file_actions_addclose");
    check(::posix_spawn_file_actions_addclosefrom_np(&value, last + 1),
          "posix_spawn_file_actions_addclosefrom_np");
    if (!options.working_directory.empty())
      check(::posix_spawn_file_actions_addchdir_np(&value, options.working_directory.c_str()),
            "posix_spawn_file_actions_addchdir_np");
  }
  std::vector<OwnedFd> copies_;
};

std::string_view name_of_variable(std::string_view variable) {
  return variable.substr(0, variable.find('='));
}

std::vector<char*> environment(const std::vector<std::string>& changes) {
  std::vector<char*> variables;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    const bool changed = std::any_of(changes.begin(), changes.end(), [&](const std::string& c) {
      return name_of_variable(c) == name_of_variable(*variable);
    });
    if (!changed)
      variables.push_back(*variable);
  }
  for (const std::string& change : changes)
    variables.push_back(const_cast<char*>(change.c_str()));
  variables.push_back(nullptr);
  return variables;
}

// An ignored SIGCHLD makes the kernel throw a child's status away: waitid(2).
void stop_ignoring_children() noexcept {
  struct sigaction action{};
  if (::sigaction(SIGCHLD, nullptr, &action) != 0)
    return;
  const bool is_ignored = (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == SIG_IGN;
  if (!is_ignored && (action.sa_flags & SA_NOCLDWAIT) == 0)
    return;
  if (is_ignored)
    action.sa_handler = SIG_DFL;
  action.sa_flags &= ~SA_NOCLDWAIT;
  ::sigaction(SIGCHLD, &action, nullptr);
}

}  // namespace

[[gnu::cold]] Child Child::spawn(std::span<const std::string> argv, const ChildOptions& options) {
  if (argv.empty())
    throw_invalid_argument("Child::spawn without a program");
  std::vector<char*> arguments;
  for (const std::string& argument : argv)
    arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  const std::vector<char*> variables = environment(options.environment);
  const Attributes attributes{options};
  const FileActions actions{options};
  stop_ignoring_children();

  pid_t pid = -1;
  if (const int error = ::posix_spawnp(&pid, arguments[0], &actions.value, &attributes.value,
                                       arguments.data(), variables.data());
      error != 0)
    throw_about_program(error, "starting \"", argv[0]);
  OwnedFd fd{::pidfd_open(pid, 0)};
  // Gone already: somebody waits for any child. The number may be another process's by now.
  const bool is_lost = !fd && errno == ESRCH;
  if (is_lost)
    fd.reset(::eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK));  // readable: its end is there to be told
  if (!fd) {
    const int error = errno;
    if (!is_lost) {
      ::kill(pid, SIGKILL);
      ::waitpid(pid, nullptr, 0);
    }
    throw_about_program(error, "watching \"", argv[0]);
  }
  return Child{pid, std::move(fd), is_lost};
}

bool Child::send_signal(int signal) const {
  if (is_lost_)
    return false;
  if (::pidfd_send_signal(fd_.get().get(), signal, nullptr, 0) == 0)
    return true;
  if (errno == ESRCH)
    return false;
  throw_errno("pidfd_send_signal to ", std::to_string(pid_));
}

bool Child::reap(ChildExit& exit) const {
  exit.pid = pid_;
  exit.how = ChildExit::How::Unknown;
  if (is_lost_)
    return true;
  siginfo_t info{};
  int result = 0;
  do {
    result = ::waitid(P_PIDFD, static_cast<id_t>(fd_.get().get()), &info, WEXITED | WNOHANG);
  } while (result != 0 && errno == EINTR);
  if (result != 0) {
    if (errno != ECHILD)
      throw_errno("waitid for ", std::to_string(pid_));
    return true;
  }
  if (info.si_pid == 0)
    return false;
  exit.how = info.si_code == CLD_EXITED ? ChildExit::How::Exited : ChildExit::How::Signaled;
  exit.value = info.si_status;
  return true;
}

}  // namespace calloop
