#include <calloop/timer_queue.hpp>

#include <algorithm>
#include <bit>
#include <stdexcept>
#include <utility>

namespace calloop {

namespace {
// With more timers than that in one bucket, it is cheaper to wake up when the bucket begins, and to
// spread them, than to look at all of them for the earliest.
constexpr int looked_at = 16;
}  // namespace

// ------------------------------------------------------------------------------- circular lists

void TimerQueue::append(std::uint32_t& first, std::uint32_t index) noexcept {
  Node& added = node(index);
  if (first == none) {
    added.next = added.previous = index & none;
    first = index;
    return;
  }
  Node& head = node(first);
  added.previous = head.previous;
  added.next = first & none;
  node(head.previous).next = index & none;
  head.previous = index & none;
}

void TimerQueue::unlink(std::uint32_t& first, std::uint32_t index) noexcept {
  const Node& gone = node(index);
  if (gone.next == index) {
    first = none;
    return;
  }
  node(gone.next).previous = gone.previous;
  node(gone.previous).next = gone.next;
  if (first == index)
    first = gone.next;
}

// -------------------------------------------------------------------------- arming and disarming

void TimerQueue::arm(std::uint32_t index) noexcept {
  Node& timer = node(index);
  const TimePoint deadline = time_point(timer.deadline);
  const Tick tick = std::max(tick_of(deadline), present_);
  const Tick differs = tick ^ present_;
  const auto level = static_cast<std::uint32_t>(std::bit_width(differs | 1) - 1) / digit_bits;
  const auto digit = static_cast<std::uint32_t>(tick >> level * digit_bits) % digits;
  timer.level = level & 0xff;
  timer.digit = digit & 0xff;
  used_levels_ |= 1U << level;
  used_digits_[level] |= std::uint64_t{1} << digit;
  append(first_of(level, digit), index);
  if (deadline < expiry_)
    expiry_ = deadline;
}

void TimerQueue::leave_bucket(std::uint32_t index) noexcept {
  const Node& timer = node(index);
  std::uint32_t& first = first_of(timer.level, timer.digit);
  unlink(first, index);
  if (first == none) {
    used_digits_[timer.level] &= ~(std::uint64_t{1} << timer.digit);
    if (used_digits_[timer.level] == 0)
      used_levels_ &= ~(1U << timer.level);
  }
}

void TimerQueue::disarm(std::uint32_t index) noexcept {
  Node& timer = node(index);
  if (timer.level == level_none)
    return;
  --pending_;
  if (timer.level == level_due) {
    unlink(due_, index);
  } else {
    leave_bucket(index);
    if (time_point(timer.deadline) <= expiry_)
      expiry_known_ = false;
  }
  timer.level = level_none;
}

TimerId TimerQueue::add(TimePoint deadline, Token token) {
  std::uint32_t index = free_;
  if (index != none) {
    free_ = node(index).next;
  } else {
    if (size_ == none)
      throw std::length_error{"calloop: too many timers"};
    if (first_ == nullptr) {
      first_ = std::make_unique_for_overwrite<std::uint32_t[]>(std::size_t{levels} * digits);
      std::fill_n(first_.get(), levels * digits, none);
    }
    if (size_ == chunks_.size() * chunk_size)
      chunks_.push_back(std::make_unique_for_overwrite<Node[]>(chunk_size));
    index = size_++;
  }
  Node& timer = node(index);
  timer.deadline = nanoseconds(deadline);
  timer.token = token.raw();
  timer.order = order_++;
  ++pending_;
  arm(index);
  return TimerId{index};
}

void TimerQueue::rearm_elsewhere(std::uint32_t index, TimePoint deadline) noexcept {
  disarm(index);
  Node& timer = node(index);
  timer.deadline = nanoseconds(deadline);
  timer.order = order_++;
  ++pending_;
  arm(index);
}

void TimerQueue::rearm(TimerId id, TimePoint deadline, Token token) noexcept {
  node(static_cast<std::uint32_t>(id)).token = token.raw();
  rearm(id, deadline);
}

void TimerQueue::cancel(TimerId id) noexcept {
  const auto index = static_cast<std::uint32_t>(id);
  if (id == TimerId::None || node(index).level == level_free)
    return;
  disarm(index);
  node(index).level = level_free;
  node(index).next = free_ & none;
  free_ = index;
}

// --------------------------------------------------------------------------------------- expiring

// The one whose timers are due before all others'. Some level must be in use.
TimerQueue::Bucket TimerQueue::first_bucket() const noexcept {
  const auto level = static_cast<std::uint32_t>(std::countr_zero(used_levels_));
  const auto digit = static_cast<std::uint32_t>(std::countr_zero(used_digits_[level]));
  const unsigned shift = level * digit_bits;
  const Tick above = present_ >> shift >> digit_bits << digit_bits;
  return {level, digit, (above | digit) << shift};
}

TimePoint TimerQueue::find_next_expiry() noexcept {
  expiry_known_ = true;
  expiry_ = TimePoint::max();
  for (bool found = false; used_levels_ != 0 && !found;) {
    const Bucket bucket = first_bucket();
    TimePoint earliest = TimePoint::max();
    std::uint32_t index = first_of(bucket.level, bucket.digit);
    const std::uint32_t last = node(index).previous;
    int left = looked_at;
    for (bool is_last = false; !is_last;) {
      const TimePoint deadline = time_point(node(index).deadline);
      const std::uint32_t next = node(index).next;
      is_last = index == last;
      if (tick_of(deadline) >= bucket.end()) {  // it was re-armed to later
        leave_bucket(index);
        arm(index);
      } else if (left-- == 0 && bucket.level != 0) {
        earliest = time_point(static_cast<Duration::rep>(bucket.begin << tick_bits));
        break;
      } else {
        // In the lowest level all are looked at: before they are due there is no other moment.
        found = true;
        earliest = std::min(earliest, deadline);
      }
      index = next;
    }
    expiry_ = std::min(expiry_, earliest);
  }
  return expiry_;
}

// Empties a bucket. Its first timer; the list ends where that would come again.
std::uint32_t TimerQueue::take(const Bucket& bucket) noexcept {
  used_digits_[bucket.level] &= ~(std::uint64_t{1} << bucket.digit);
  if (used_digits_[bucket.level] == 0)
    used_levels_ &= ~(1U << bucket.level);
  return std::exchange(first_of(bucket.level, bucket.digit), none);
}

void TimerQueue::move_down(const Bucket& bucket) noexcept {
  const std::uint32_t first = take(bucket);
  std::uint32_t index = first;
  do {
    const std::uint32_t next = node(index).next;
    arm(index);
    index = next;
  } while (index != first);
}

void TimerQueue::expire(TimePoint now) noexcept {
  const Tick tick = tick_of(now);
  while (used_levels_ != 0) {
    const Bucket bucket = first_bucket();
    if (bucket.begin > tick)
      break;
    present_ = bucket.begin;
    if (bucket.level != 0) {
      move_down(bucket);
    } else {
      expire_bucket(bucket, now);
      if (bucket.begin == tick)
        break;
    }
  }
  present_ = std::max(present_, tick);
  if (expiry_ <= now)
    expiry_known_ = false;
}

// Sorts what is due of a bucket of the lowest level, and appends it to the due list.
void TimerQueue::expire_bucket(const Bucket& bucket, TimePoint now) noexcept {
  const std::uint32_t first = take(bucket);
  std::uint32_t due = none;
  std::uint32_t last = none;
  bool in_order = true;
  std::uint32_t index = first;
  do {
    Node& timer = node(index);
    const std::uint32_t next = timer.next;
    if (time_point(timer.deadline) > now) {
      arm(index);
    } else {
      if (due == none) {
        due = index;
      } else {
        node(last).next = index & none;
        in_order = in_order && before(last, index);
      }
      last = index;
    }
    index = next;
  } while (index != first);
  if (due == none)
    return;
  node(last).next = none;
  if (!in_order)
    due = sorted(due);
  while (due != none) {
    Node& timer = node(due);
    const std::uint32_t next = timer.next;
    timer.level = level_due;
    append(due_, due);
    due = next;
  }
}

std::optional<Token> TimerQueue::next_due() noexcept {
  if (due_ == none)
    return std::nullopt;
  const std::uint32_t index = due_;
  disarm(index);
  return Token::from_raw(node(index).token);
}

// ---------------------------------------------------------------------------------- sorting lists

bool TimerQueue::before(std::uint32_t a, std::uint32_t b) const noexcept {
  const Node& left = node(a);
  const Node& right = node(b);
  if (left.deadline != right.deadline)
    return left.deadline < right.deadline;
  return static_cast<std::int32_t>(left.order - right.order) < 0;
}

// Of two lists that end with `none`, one.
std::uint32_t TimerQueue::merged(std::uint32_t a, std::uint32_t b) const noexcept {
  std::uint32_t first = none;
  std::uint32_t last = none;
  while (a != none && b != none) {
    std::uint32_t& smaller = before(b, a) ? b : a;
    if (first == none)
      first = smaller;
    else
      node(last).next = smaller & none;
    last = smaller;
    smaller = node(smaller).next;
  }
  node(last).next = (a != none ? a : b) & none;
  return first;
}

// A merge sort from below: runs[i] has 2^i timers, or none.
std::uint32_t TimerQueue::sorted(std::uint32_t list) const noexcept {
  std::array<std::uint32_t, 25> runs;
  runs.fill(none);
  while (list != none) {
    std::uint32_t run = list;
    list = node(list).next;
    node(run).next = none;
    std::size_t i = 0;
    for (; runs[i] != none; ++i)
      run = merged(std::exchange(runs[i], none), run);
    runs[i] = run;
  }
  std::uint32_t all = none;
  for (const std::uint32_t run : runs)
    if (run != none)
      all = all == none ? run : merged(run, all);
  return all;
}

}  // namespace calloop
