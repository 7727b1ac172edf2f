#include <calloop/sources/timer.hpp>

#include <utility>

namespace calloop {

Timer::Timer(Timer&& other) noexcept
    : value_{other.value_},
      poll_{std::exchange(other.poll_, nullptr)},
      id_{std::exchange(other.id_, TimerId::None)},
      child_{std::exchange(other.child_, no_child)},
      kind_{other.kind_} {}

Timer& Timer::operator=(Timer&& other) noexcept {
  if (this != &other) {
    leave();
    value_ = other.value_;
    poll_ = std::exchange(other.poll_, nullptr);
    id_ = std::exchange(other.id_, TimerId::None);
    child_ = std::exchange(other.child_, no_child);
    kind_ = other.kind_;
  }
  return *this;
}

void Timer::leave() noexcept {
  if (poll_ != nullptr)
    unregister_from(*poll_);
}

void Timer::set_deadline(TimePoint deadline) noexcept {
  value_ = deadline.time_since_epoch();
  kind_ = Kind::Deadline;
}

void Timer::set_delay(Duration delay) noexcept {
  value_ = delay;
  kind_ = Kind::Delay;
}

std::optional<TimePoint> Timer::deadline() const noexcept {
  if (kind_ == Kind::Delay || TimePoint{value_} == TimePoint::max())
    return std::nullopt;
  return TimePoint{value_};
}

void Timer::start(const Poll& poll) noexcept {
  if (kind_ == Kind::Delay)
    set_deadline(saturating_add(poll.now(), value_));
}

void Timer::register_with(Poll& poll, TokenFactory& tokens) {
  start(poll);
  const Token token = tokens.token();
  id_ = poll.add_timer(TimePoint{value_}, token);
  poll_ = &poll;
  child_ = static_cast<std::uint16_t>(token.child());
}

void Timer::reregister_with(Poll& poll, TokenFactory& tokens) {
  if (poll_ == nullptr)  // a new child of a source that was registered before it came
    return register_with(poll, tokens);
  start(poll);
  const Token token = tokens.token();
  poll.rearm_timer(id_, TimePoint{value_}, token);
  child_ = static_cast<std::uint16_t>(token.child());
}

void Timer::unregister_from(Poll& poll) {
  if (poll_ == nullptr)
    return;
  poll.cancel_timer(std::exchange(id_, TimerId::None));
  poll_ = nullptr;
  child_ = no_child;
}

// The callback may have moved the deadline with set_deadline(): what it returned counts. A timer
// that was unregistered meanwhile only remembers it.
PostAction Timer::rearm(TimeoutAction action) noexcept {
  switch (action.kind_) {
    case TimeoutAction::Kind::Drop:
      return PostAction::Remove;
    case TimeoutAction::Kind::At:
      set_deadline(TimePoint{action.value_});
      break;
    case TimeoutAction::Kind::After:
      if (poll_ == nullptr) {
        set_delay(action.value_);
        return PostAction::Continue;
      }
      set_deadline(saturating_add(poll_->now(), action.value_));
      break;
  }
  if (poll_ != nullptr)
    poll_->rearm_timer(id_, TimePoint{value_});
  return PostAction::Continue;
}

}  // namespace calloop
