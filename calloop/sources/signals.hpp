// Unix signals as events.
//
//     loop.handle().insert_source(Signals{SIGINT, SIGTERM},
//                                 [signal = loop.signal()](SignalInfo) { signal.stop(); });
//
// A signalfd(2). Its signals are blocked in the thread that makes it, so make Signals before any
// other thread: threads inherit the mask, and one that has a signal unblocked may get it instead.
// Programs started by Child, from whatever thread, do not inherit what Signals have blocked; for
// other ways of starting programs there is signal_mask_for_children(). A flood does not starve the
// other sources: after 1024 signals the rest waits for the next iteration.
#pragma once

#include <sys/signalfd.h>
#include <sys/types.h>

#include <csignal>
#include <cstdint>
#include <initializer_list>
#include <span>

#include <calloop/export.hpp>
#include <calloop/fd.hpp>
#include <calloop/interest.hpp>
#include <calloop/poll.hpp>
#include <calloop/post_action.hpp>
#include <calloop/sources/generic.hpp>
#include <calloop/token.hpp>

namespace calloop {

/// One signal that arrived: sigaction(2), siginfo_t.
class SignalInfo {
 public:
  explicit SignalInfo(const signalfd_siginfo& raw) noexcept : raw_{raw} {}
  /// Its number: SIGINT...
  [[nodiscard]] int signal() const noexcept { return static_cast<int>(raw_.ssi_signo); }
  /// Who sent it, where that is known.
  [[nodiscard]] pid_t pid() const noexcept { return static_cast<pid_t>(raw_.ssi_pid); }
  [[nodiscard]] uid_t uid() const noexcept { return raw_.ssi_uid; }
  /// SI_USER, SI_QUEUE, CLD_EXITED...
  [[nodiscard]] int code() const noexcept { return raw_.ssi_code; }
  /// The integer that came with sigqueue(3).
  [[nodiscard]] int value() const noexcept { return raw_.ssi_int; }
  /// Exit status or signal of a child, for SIGCHLD.
  [[nodiscard]] int status() const noexcept { return raw_.ssi_status; }
  /// All fields, as signalfd(2) describes them.
  [[nodiscard]] const signalfd_siginfo& raw() const noexcept { return raw_; }

 private:
  signalfd_siginfo raw_;
};

/// Event: one signal. Real-time signals arrive one event each, others may have been merged by the
/// kernel. Move-only; to be used and destroyed on the thread that made it. Of one that was moved
/// from nothing but destruction and assignment is allowed.
class CALLOOP_API Signals {
 public:
  using Event = SignalInfo;
  using Metadata = void;
  using Ret = void;

  /// Blocks `signals` in this thread and takes them from now on, also those that are pending.
  /// Throws std::invalid_argument for what is no signal or cannot be blocked (SIGKILL, SIGSTOP),
  /// std::system_error when there is no signalfd to be had; the mask is unchanged then. Any thread
  /// may have its own.
  Signals(std::initializer_list<int> signals)
      : Signals{std::span<const int>{signals.begin(), signals.size()}} {}
  explicit Signals(std::span<const int> signals);
  Signals(Signals&& other) noexcept;
  Signals& operator=(Signals&& other) noexcept;
  /// Gives back the mask of before, but for signals that another Signals of this thread has too.
  /// Instances that are still pending are dropped: they would kill the process. On another thread
  /// the masks stay as they are.
  ~Signals();

  // The next three change the mask of the thread, and need no update(). They throw as the
  // constructor does, and std::logic_error on another thread than the one that made it, or for one
  // that was moved from; nothing has changed then.

  /// Takes one more, also instances that are pending.
  void add_signal(int signal);
  /// Takes one no longer. It stays blocked for as long as this source lives; instances that arrive
  /// meanwhile wait, and are delivered when it is added again.
  void remove_signal(int signal);
  /// Takes exactly these: as add_signal() and remove_signal().
  void set_signals(std::span<const int> signals);

  /// Never answers anything but Continue. Throws std::system_error. Should `emit` throw, that
  /// signal counts as delivered, and the rest comes in the next iteration.
  template <class Emit>
  PostAction process_events(Readiness readiness, Token token, Emit&& emit) {
    return fd_.process_events(readiness, token, [&](Readiness, OwnedFd& fd) {
      signalfd_siginfo info;
      // One at a time, so that what an exception or the budget leaves behind stays in the kernel,
      // which reports it again.
      for (int budget = 1024; budget > 0 && read_signal(fd, info); --budget) {
        emit(SignalInfo{info});
        if (poll_->should_yield())
          break;
      }
      return PostAction::Continue;
    });
  }
  void register_with(Poll& poll, TokenFactory& tokens) {
    poll_ = &poll;
    fd_.register_with(poll, tokens);
  }
  void reregister_with(Poll& poll, TokenFactory& tokens) {
    poll_ = &poll;
    fd_.reregister_with(poll, tokens);
  }
  void unregister_from(Poll& poll) { fd_.unregister_from(poll); }

 private:
  // False when there is none. Throws std::system_error.
  static bool read_signal(const OwnedFd& fd, signalfd_siginfo& info);
  void check_usable() const;
  [[gnu::cold]] void take(const sigset_t& wanted);
  [[gnu::cold]] void release() noexcept;

  sigset_t taken_;            // what the signalfd delivers
  sigset_t blocked_;          // what this source has blocked: taken_, and what it once was
  std::uint64_t thread_ = 0;  // whose mask it is; 0 when moved from
  Generic<OwnedFd> fd_;
  Poll* poll_ = nullptr;
};

/// The mask of this thread without what Signals of any thread have blocked: for programs that one
/// starts without Child (posix_spawnattr_setsigmask(3), or sigprocmask(2) after fork()). What was
/// blocked in this thread before its own Signals stays blocked. What this thread has blocked
/// without them cannot be told from what it has inherited: it is left out if another thread's
/// Signals have ever blocked it. Any thread; never fails.
[[nodiscard]] CALLOOP_API sigset_t signal_mask_for_children() noexcept;

}  // namespace calloop
