// A deadline as a source.
//
//     loop.insert_source(Timer::after(16ms), [](TimePoint deadline, App& app) {
//       app.blink();
//       return TimeoutAction::at(deadline + 16ms);   // no drift
//     });
//
// Timers cost no descriptor and are never early. Those with equal deadlines fire in the order in
// which they were armed; one that is re-armed to the past fires in the next iteration.
#pragma once

#include <cstdint>
#include <optional>

#include <calloop/clock.hpp>
#include <calloop/export.hpp>
#include <calloop/interest.hpp>
#include <calloop/poll.hpp>
#include <calloop/post_action.hpp>
#include <calloop/timer_queue.hpp>
#include <calloop/token.hpp>

namespace calloop {

/// What a timer does after its callback. Default: it is removed.
class TimeoutAction {
 public:
  constexpr TimeoutAction() noexcept = default;
  /// Removes the timer from the loop.
  [[nodiscard]] static constexpr TimeoutAction drop() noexcept { return {}; }
  /// Fires again at `deadline`.
  [[nodiscard]] static constexpr TimeoutAction at(TimePoint deadline) noexcept {
    return TimeoutAction{Kind::At, deadline.time_since_epoch()};
  }
  /// Fires again `delay` after the callback has returned.
  [[nodiscard]] static constexpr TimeoutAction after(Duration delay) noexcept {
    return TimeoutAction{Kind::After, delay};
  }

 private:
  friend class Timer;
  enum class Kind : std::uint8_t { Drop, At, After };
  constexpr TimeoutAction(Kind kind, Duration value) noexcept : kind_{kind}, value_{value} {}
  Kind kind_ = Kind::Drop;
  Duration value_{};
};

/// Event: the deadline that was reached, in nanoseconds of the loop's clock.
class CALLOOP_API Timer {
 public:
  using Event = TimePoint;
  using Metadata = void;
  using Ret = TimeoutAction;

  /// Fires `delay` after it is registered; a delay beyond the end of time never fires.
  [[nodiscard]] static Timer after(Duration delay) noexcept { return Timer{Kind::Delay, delay}; }
  /// Fires at `deadline`, in the next iteration if that is past.
  [[nodiscard]] static Timer at(TimePoint deadline) noexcept {
    return Timer{Kind::Deadline, deadline.time_since_epoch()};
  }
  /// Fires in the next iteration.
  [[nodiscard]] static Timer immediate() noexcept { return after(Duration::zero()); }

  Timer(Timer&& other) noexcept { take(other); }
  Timer& operator=(Timer&& other) noexcept {
    if (this != &other) {
      leave();
      take(other);
    }
    return *this;
  }
  /// Forgets the deadline, if it is registered.
  ~Timer() { leave(); }

  /// Gives it another deadline: of an enabled one at once, in place and without a system call, else
  /// when it is registered. Also one that was dropped, or has fired and waits to be told.
  void set_deadline(TimePoint deadline) noexcept {
    if (is_registered()) {
      poll_->rearm_timer(id_, deadline);
    } else {
      value_ = deadline.time_since_epoch();
      kind_ = Kind::Deadline;
    }
  }
  /// The same, `delay` from now or from when it is registered.
  void set_delay(Duration delay) noexcept;
  /// When it fires or has fired last; nothing while a delay has not begun, or when it never will.
  [[nodiscard]] std::optional<TimePoint> deadline() const noexcept;

  template <class Emit>
  PostAction process_events(Readiness, Token token, Emit&& emit) {
    if (!is_registered() || token.child() != child_)
      return PostAction::Continue;
    return answer(emit(poll_->timer_deadline(id_)));
  }
  void register_with(Poll& poll, TokenFactory& tokens);
  void reregister_with(Poll& poll, TokenFactory& tokens);
  void unregister_from(Poll& poll) noexcept;

 private:
  enum class Kind : std::uint8_t {
    Delay,
    Deadline,
    Dropped,  // it stays silent, whatever its parent registers, until it is given a deadline
  };
  Timer(Kind kind, Duration value) noexcept : value_{value}, kind_{kind} {}
  [[nodiscard]] bool is_registered() const noexcept { return id_ != TimerId::None; }
  void take(Timer& other) noexcept;
  void leave() noexcept {
    if (is_registered())
      unregister_from(*poll_);
  }
  PostAction answer(TimeoutAction action) noexcept;

  union {
    Duration value_;  // a delay, or a deadline since the clock's epoch
    Poll* poll_;      // while it is registered, where: that has the deadline
  };
  TimerId id_ = TimerId::None;
  std::uint16_t child_ = 0;  // while it is registered
  Kind kind_ = Kind::Deadline;
};

}  // namespace calloop
