// A program that we start, as a source: its event is its end.
//
//     loop.insert_source(Child::spawn({"weston-terminal"}, {.environment = {"LANG=C"}}),
//                        [](ChildExit exit, App& app) { app.terminal_ended(exit); });
//
// posix_spawn(3) and a pidfd: only this child is waited for, never another one of the process. The
// program starts without what Signals have blocked (signal_mask_for_children()), with every signal
// at its default, and with no descriptors but the standard ones and those that it is given.
#pragma once

#include <sys/types.h>

#include <csignal>
#include <initializer_list>
#include <span>
#include <string>
#include <utility>
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

  /// Whether it exited with status 0.
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

/// What one may say about a child when it is started.
struct ChildOptions {
  /// "NAME=value", each in place of or in addition to our own environment. Is for the program: what
  /// it says about PATH does not change where the program is searched for.
  std::vector<std::string> environment = {};
  /// Where it starts; empty: where we are. Must exist, else ENOENT.
  std::string working_directory = {};
  /// 0, 1 and 2 are ours unless they are named here.
  std::vector<InheritedFd> fds = {};
  /// In a process group of its own, whose id is its pid.
  bool new_process_group = false;
};

/// Event: its end, once; the source removes itself then. A Child that is destroyed before leaves
/// the program running, and nobody waits for it. Move-only; may be started and moved on any thread,
/// and belongs to the loop's once it is in a loop.
class CALLOOP_API Child {
 public:
  using Event = ChildExit;
  using Metadata = void;
  using Ret = void;

  /// Starts `argv[0]`, searched for in our own PATH if it has no slash; one that is relative, or is
  /// found by a relative part of PATH, begins at the child's working_directory. Throws
  /// std::system_error naming it: ENOENT, EACCES and what else execve(2) says, EAGAIN for too many
  /// processes, EBADF for a descriptor of `fds` that is not open or is to get a number beyond
  /// RLIMIT_NOFILE, EMFILE, ENOSYS before Linux 5.3; std::invalid_argument for an empty argv or a
  /// negative descriptor. Nothing is left running then. SIGCHLD is set to its default if it was
  /// ignored: the status would be lost.
  [[nodiscard]] static Child spawn(std::span<const std::string> argv,
                                   const ChildOptions& options = {});
  /// The same: `Child::spawn({"sleep", "5"})`.
  [[nodiscard]] static Child spawn(std::initializer_list<std::string> argv,
                                   const ChildOptions& options = {}) {
    return spawn(std::span<const std::string>{argv.begin(), argv.size()}, options);
  }

  /// Its number, which another process may get once its end was told.
  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  /// Sends a signal to this process and to no other that may have got its number since. False when
  /// it is gone. Throws std::system_error: EPERM, EINVAL. Any thread.
  bool send_signal(int signal) const;

  /// Answers Remove when it has ended. It is out of epoll then, also if its parent keeps it, and
  /// silent for ever. Throws std::system_error. Should `emit` throw, the end counts as told.
  template <class Emit>
  PostAction process_events(Readiness readiness, Token token, Emit&& emit) {
    return fd_.process_events(readiness, token, [&](Readiness, OwnedFd&) {
      if (!has_ended_) {
        ChildExit exit;
        if (!reap(exit))
          return PostAction::Continue;
        has_ended_ = true;
        emit(exit);
      }
      fd_.leave();  // the pidfd stays readable
      return PostAction::Remove;
    });
  }
  void register_with(Poll& poll, TokenFactory& tokens) {
    if (!has_ended_)
      fd_.register_with(poll, tokens);
  }
  void reregister_with(Poll& poll, TokenFactory& tokens) {
    if (has_ended_)
      return fd_.unregister_from(poll);
    fd_.reregister_with(poll, tokens);
  }
  void unregister_from(Poll& poll) { fd_.unregister_from(poll); }

 private:
  Child(pid_t pid, OwnedFd fd, bool is_lost)
      : pid_{pid}, is_lost_{is_lost}, fd_{std::move(fd), interest().read()} {}
  // False while it runs. Throws std::system_error.
  bool reap(ChildExit& exit) const;

  pid_t pid_;
  bool is_lost_;  // somebody else has waited for it before there was a pidfd
  bool has_ended_ = false;
  Generic<OwnedFd> fd_;
};

}  // namespace calloop
