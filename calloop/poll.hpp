// Where a source registers its descriptors and deadlines.
//
//     void register_with(Poll& poll, TokenFactory& tokens) {
//       poll.add(fd_, interest().read(), token_ = tokens.token());
//       timer_ = poll.add_timer(poll.now() + 1s, tokens.token());
//     }
//
// Only for code inside a source; applications insert sources into a LoopHandle. All of it belongs
// to the loop's thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include <calloop/backend.hpp>
#include <calloop/clock.hpp>
#include <calloop/export.hpp>
#include <calloop/interest.hpp>
#include <calloop/slot_table.hpp>
#include <calloop/timer_queue.hpp>
#include <calloop/token.hpp>

namespace calloop {

/// What the registration functions of a source are given: it registers descriptors and timers under
/// tokens of the present registration, for the loop that the source is being inserted into.
class Poll {
 public:
  Poll(std::shared_ptr<Backend> backend, const SlotTable& slots)
      : backend_{std::move(backend)}, slots_{slots} {}
  Poll(const Poll&) = delete;
  Poll& operator=(const Poll&) = delete;

  /// Starts to report `interest` on `fd` under `token`, which must come from the TokenFactory of
  /// the present registration (else std::logic_error). The descriptor stays the caller's and must
  /// be open until `remove`. Throws std::system_error: EEXIST when it is registered already, EPERM
  /// for what cannot be polled (regular files), ENOSPC: epoll_ctl(2).
  CALLOOP_API void add(int fd, Interest interest, Token token);
  /// Changes what is reported on `fd`, and under which token; arms a one-shot again. Throws as
  /// `add`, ENOENT when it is not registered.
  CALLOOP_API void modify(int fd, Interest interest, Token token);
  /// Ends the reports on `fd`. Throws std::system_error, ENOENT when it is not registered.
  CALLOOP_API void remove(int fd);

  /// Arms a timer: `token` is reported once, readable, when the clock has reached `deadline`.
  [[nodiscard]] CALLOOP_API TimerId add_timer(TimePoint deadline, Token token);
  /// Gives a timer of this source, which must not be cancelled, a new deadline, in place. Never
  /// allocates.
  void rearm_timer(TimerId id, TimePoint deadline) noexcept { timers_.rearm(id, deadline); }
  /// The same with the token of a new registration.
  CALLOOP_API void rearm_timer(TimerId id, TimePoint deadline, Token token);
  /// When a timer fires, or has fired last.
  [[nodiscard]] TimePoint timer_deadline(TimerId id) const noexcept { return timers_.deadline(id); }
  /// Forgets a timer, also one that is due but not delivered. No effect on TimerId::None.
  void cancel_timer(TimerId id) noexcept { timers_.cancel(id); }

  /// The loop's clock: the manual one under a test backend.
  [[nodiscard]] TimePoint now() const noexcept { return backend_->now(); }

  /// Whether a source that delivers many events in one call should stop and go on in the next
  /// iteration: one of its callbacks has thrown, or has removed or disabled it.
  [[nodiscard]] bool should_yield() const noexcept { return should_yield_; }

 private:
  friend class LoopCore;
  // What `remove` does, apart from what sources ask of it.
  enum class Removal {
    Checked,        // an error is thrown
    All,            // errors do not matter
    OnlyAdded,      // undoing a failed registration: what it has added, and nothing else
    AllButRefused,  // undoing a failed change: not what is another source's
    None,           // the kernel's side is gone already, or another process's
  };
  // What a registration has done so far, so that a failed one leaves nothing behind. It lies on the
  // stack, around the source's code; registrations can be nested.
  class Attempt {
   public:
    explicit Attempt(Poll& poll) noexcept
        : poll_{poll}, outer_{std::exchange(poll.attempt_, this)} {}
    Attempt(const Attempt&) = delete;
    Attempt& operator=(const Attempt&) = delete;
    ~Attempt() { poll_.attempt_ = outer_; }
    // Makes room for a descriptor: before the kernel is asked, since afterwards nothing may fail.
    void expect_one() {
      if (count_ == first_.size()) [[unlikely]]
        expect_one_more();
    }
    void note(int fd, bool was_added) noexcept {
      if (count_ == first_.size()) [[unlikely]]
        more_->push_back({fd, was_added});
      else
        first_[count_++] = {fd, was_added};
    }
    [[nodiscard]] bool has_added(int fd) const noexcept { return has({fd, true}); }
    [[nodiscard]] bool was_refused(int fd) const noexcept { return has({fd, false}); }

   private:
    struct Entry {
      int fd;
      bool was_added;
      friend bool operator==(Entry, Entry) noexcept = default;
    };
    [[gnu::cold]] void expect_one_more();
    [[nodiscard, gnu::cold]] bool has(Entry entry) const noexcept;
    Poll& poll_;
    Attempt* outer_;
    std::uint32_t count_ = 0;
    std::array<Entry, 4> first_;
    std::unique_ptr<std::vector<Entry>> more_;
  };
  void require_live(Token token) const;

  std::shared_ptr<Backend> backend_;
  const SlotTable& slots_;
  TimerQueue timers_;
  Attempt* attempt_ = nullptr;  // the innermost
  bool rebuilding_ = false;     // the kernel's side is empty; sources are put in one by one
  Removal removal_ = Removal::Checked;
  bool should_yield_ = false;
};

}  // namespace calloop
