// A program that we start, as a source: its event is its end.
//
//     loop.insert_source(Child::spawn({"weston-terminal"}, {.environment = {"LANG=C"}}),
//                        [](ChildExit exit, App& app) { app.terminal_ended(exit); });
//
// posix_spawn(3) and a pidfd: only this child is waited for, never another one of the process. The
// program starts with the signal mask of before the first Signals, with every signal at its
// default, and with no descriptors but the standard ones and those that it is given.
#pragma once

#include <sys/types.h>

#include <csignal>
#include <span>
#include <string>
#include <vector>

#include <calloop/export.hpp>
#include <calloop/fd.hpp>
#include <calloop/interest.hpp>
#include <calloop/poll.hpp>
#include <calloop/post_action.hpp>
#include <calloop/sources/generic.hpp>
#include <calloop/token.hpp>

namespace calloop {

/// How a child ended.
struct ChildExit {
  enum class How {
    Exited,    ///< `value` is its exit status
    Signaled,  ///< `value` is the signal that killed it
    Unknown,   ///< somebody else has waited for it: its status is lost
  };
  pid_t pid = -1;
  How how = How::Unknown;
  int value = 0;

  [[nodiscard]] bool success() const noexcept { return how == How::Exited && value == 0; }
  /// As a shell says it: the exit status, or 128 and the signal; 255 when it is unknown.
  [[nodiscard]] int shell_status() const noexcept {
    if (how == How::Unknown)
      return 255;
    return how == How::Exited ? value : 128 + value;
  }
};

/// A descriptor of ours, `parent`, that a child gets under the number `child`. Borrowed.
struct InheritedFd {
  int parent = -1;
  int child = -1;
};

struct ChildOptions {
  /// "NAME=value", each in place of or in addition to our own environment.
  std::vector<std::string> environment = {};
  /// Where it starts; empty: where we are.
  std::string working_directory = {};
  /// 0, 1 and 2 are ours unless they are named here.
  std::vector<InheritedFd> fds = {};
  /// In a process group of its own, whose id is its pid.
  bool new_process_group = false;
};

/// Event: its end, once; the source removes itself then. A Child that is destroyed before leaves
/// the program running, and nobody waits for it.
class CALLOOP_API Child {
 public:
  using Event = ChildExit;
  using Metadata = void;
  using Ret = void;

  /// Starts `argv[0]`, searched for in PATH if it has no slash. Throws std::system_error naming it:
  /// ENOENT, EACCES and what else execve(2) says, EAGAIN for too many processes, ENOSYS before
  /// Linux 5.3; std::invalid_argument for an empty argv. SIGCHLD is set to its default if it was
  /// ignored: the status would be lost.
  [[nodiscard]] static Child spawn(std::span<const std::string> argv,
                                   const ChildOptions& options = {});
  [[nodiscard]] static Child spawn(std::initializer_list<std::string> argv,
                                   const ChildOptions& options = {}) {
    return spawn(std::span<const std::string>{argv.begin(), argv.size()}, options);
  }

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  /// Sends a signal to this process and to no other that may have got its number since. False when
  /// it is gone. Throws std::system_error: EPERM, EINVAL.
  bool send_signal(int signal) const;

  template <class Emit>
  PostAction process_events(Readiness readiness, Token token, Emit&& emit) {
    return fd_.process_events(readiness, token, [&](Readiness, OwnedFd&) {
      ChildExit exit;
      if (!reap(exit))
        return PostAction::Continue;
      emit(exit);
      return PostAction::Remove;
    });
  }
  void register_with(Poll& poll, TokenFactory& tokens) { fd_.register_with(poll, tokens); }
  void reregister_with(Poll& poll, TokenFactory& tokens) { fd_.reregister_with(poll, tokens); }
  void unregister_from(Poll& poll) { fd_.unregister_from(poll); }

 private:
  Child(pid_t pid, OwnedFd pidfd) : pid_{pid}, fd_{std::move(pidfd), interest().read()} {}
  // False while it runs. Throws std::system_error.
  bool reap(ChildExit& exit) const;

  pid_t pid_;
  Generic<OwnedFd> fd_;
};

}  // namespace calloop
