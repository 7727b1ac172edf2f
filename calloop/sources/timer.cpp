#include <calloop/sources/timer.hpp>

#include <utility>

namespace calloop {

void Timer::take(Timer& other) noexcept {
  if (other.is_registered())
    poll_ = other.poll_;
  else
    value_ = other.value_;
  id_ = std::exchange(other.id_, TimerId::None);
  child_ = other.child_;
  kind_ = std::exchange(other.kind_, Kind::Dropped);
  other.value_ = Duration::max();
}

void Timer::set_delay(Duration delay) noexcept {
  if (is_registered()) {
    poll_->rearm_timer(id_, saturating_add(poll_->now(), delay));
  } else {
    value_ = delay;
    kind_ = Kind::Delay;
  }
}

std::optional<TimePoint> Timer::deadline() const noexcept {
  if (!is_registered() && kind_ == Kind::Delay)
    return std::nullopt;
  const TimePoint deadline = is_registered() ? poll_->timer_deadline(id_) : TimePoint{value_};
  if (deadline == TimePoint::max())
    return std::nullopt;
  return deadline;
}

void Timer::register_with(Poll& poll, TokenFactory& tokens) {
  const Token token = tokens.token();
  if (kind_ == Kind::Dropped)
    return;
  const TimePoint deadline =
      kind_ == Kind::Delay ? saturating_add(poll.now(), value_) : TimePoint{value_};
  id_ = poll.add_timer(deadline, token);
  poll_ = &poll;
  child_ = static_cast<std::uint16_t>(token.child());
  kind_ = Kind::Deadline;
}

void Timer::reregister_with(Poll& poll, TokenFactory& tokens) {
  if (!is_registered())  // new in a source that was registered before it came, or dropped
    return register_with(poll, tokens);
  const Token token = tokens.token();
  poll.rearm_timer(id_, poll.timer_deadline(id_), token);
  child_ = static_cast<std::uint16_t>(token.child());
}

void Timer::unregister_from(Poll& poll) noexcept {
  if (!is_registered())
    return;
  const TimePoint deadline = poll.timer_deadline(id_);
  poll.cancel_timer(std::exchange(id_, TimerId::None));
  value_ = deadline.time_since_epoch();
}

// What the callback returned counts, also when it has given itself another deadline. One that was
// unregistered by it only remembers.
PostAction Timer::answer(TimeoutAction action) noexcept {
  switch (action.kind_) {
    case TimeoutAction::Kind::Drop:
      leave();
      kind_ = Kind::Dropped;
      return PostAction::Remove;
    case TimeoutAction::Kind::At:
      set_deadline(TimePoint{action.value_});
      break;
    case TimeoutAction::Kind::After:
      set_delay(action.value_);
      break;
  }
  return PostAction::Continue;
}

}  // namespace calloop
