#include <calloop/timer_queue.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <new>
#include <numeric>
#include <stdexcept>
#include <utility>

namespace calloop {

namespace {
// With more timers than that in one bucket, it is cheaper to wake up when the bucket begins, and to
// spread them, than to look at all of them for the earliest.
constexpr int looked_at = 16;
// So many due ones are sorted by putting each in its place in the list, more in an array.
constexpr std::size_t sorted_in_place = 12;
// So long an array is on the stack, a longer one is asked for and given back.
constexpr std::size_t sorted_on_stack = 128;
}  // namespace

// ----------------------------------------------------------------------------------------- lists

inline void TimerQueue::append(List& list, std::uint32_t index, Node& added) noexcept {
  added.next = none;
  added.previous = list.last & none;
  if (list.last == none)
    list.first = index;
  else
    node(list.last).next = index & none;
  list.last = index;
}

// As the first one when `where` is none.
inline void TimerQueue::insert_after(List& list, std::uint32_t where, std::uint32_t index,
                                     Node& added) noexcept {
  const std::uint32_t next = where == none ? list.first : node(where).next;
  added.previous = where & none;
  added.next = next & none;
  if (where == none)
    list.first = index;
  else
    node(where).next = index & none;
  if (next == none)
    list.last = index;
  else
    node(next).previous = index & none;
}

// What the first one has as `previous` means nothing: `next_due` leaves the one behind it alone.
inline void TimerQueue::unlink(List& list, std::uint32_t index, const Node& gone) noexcept {
  const bool is_first = list.first == index;
  if (is_first)
    list.first = gone.next;
  else
    node(gone.previous).next = gone.next;
  if (gone.next != none)
    node(gone.next).previous = gone.previous;
  else
    list.last = is_first ? none : gone.previous;
}

// -------------------------------------------------------------------------- arming and disarming

inline void TimerQueue::arm(std::uint32_t index, Node& timer) noexcept {
  const TimePoint deadline = time_point(timer.deadline);
  const Tick tick = std::max(tick_of(deadline), present_);
  const Tick differs = tick ^ present_;
  const auto level = static_cast<std::uint32_t>(std::bit_width(differs | 1) - 1) / digit_bits;
  const auto digit = static_cast<std::uint32_t>(tick >> level * digit_bits) % digits;
  timer.level = level & 0xff;
  timer.digit = digit & 0xff;
  used_levels_ |= 1U << level;
  used_digits_[level] |= std::uint64_t{1} << digit;
  append(list_of(level, digit), index, timer);
  if (deadline < expiry_)
    expiry_ = deadline;
}

inline void TimerQueue::leave_bucket(std::uint32_t index, const Node& timer) noexcept {
  List& list = list_of(timer.level, timer.digit);
  unlink(list, index, timer);
  if (list.first == none)
    forget_bucket(timer.level, timer.digit);
}

inline void TimerQueue::forget_bucket(std::uint32_t level, std::uint32_t digit) noexcept {
  used_digits_[level] &= ~(std::uint64_t{1} << digit);
  if (used_digits_[level] == 0)
    used_levels_ &= ~(1U << level);
}

inline void TimerQueue::disarm(std::uint32_t index, Node& timer) noexcept {
  if (timer.level == level_none)
    return;
  --pending_;
  if (timer.level == level_due) {
    unlink(due_, index, timer);
  } else {
    leave_bucket(index, timer);
    if (time_point(timer.deadline) <= expiry_)
      expiry_known_ = false;
  }
  timer.level = level_none;
}

TimerId TimerQueue::add(TimePoint deadline, Token token) {
  if (free_ == none) [[unlikely]]
    add_free_node();
  const std::uint32_t index = free_;
  Node& timer = node(index);
  free_ = timer.next;
  timer.deadline = nanoseconds(deadline);
  timer.token = token.raw();
  timer.order = order_++;
  ++pending_;
  arm(index, timer);
  return TimerId{index};
}

[[gnu::noinline]] void TimerQueue::add_free_node() {
  if (size_ == none)
    throw std::length_error{"calloop: too many timers"};
  if (lists_ == nullptr)
    lists_ = std::make_unique<List[]>(std::size_t{levels} * digits);
  if (size_ == chunks_.size() * chunk_size)
    chunks_.push_back(std::make_unique_for_overwrite<Node[]>(chunk_size));
  free_ = size_++;
  node(free_).next = none;
}

void TimerQueue::rearm_elsewhere(std::uint32_t index, TimePoint deadline) noexcept {
  Node& timer = node(index);
  disarm(index, timer);
  timer.deadline = nanoseconds(deadline);
  timer.order = order_++;
  ++pending_;
  arm(index, timer);
}

void TimerQueue::rearm(TimerId id, TimePoint deadline, Token token) noexcept {
  node(static_cast<std::uint32_t>(id)).token = token.raw();
  rearm(id, deadline);
}

void TimerQueue::cancel(TimerId id) noexcept {
  if (id == TimerId::None)
    return;
  const auto index = static_cast<std::uint32_t>(id);
  Node& timer = node(index);
  if (timer.level == level_free)
    return;
  disarm(index, timer);
  timer.level = level_free;
  timer.next = free_ & none;
  free_ = index;
}

// --------------------------------------------------------------------------------------- expiring

// The one whose timers are due before all others'. Some level must be in use.
inline TimerQueue::Bucket TimerQueue::first_bucket() const noexcept {
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
    int left = looked_at;
    for (std::uint32_t index = list_of(bucket.level, bucket.digit).first; index != none;) {
      Node& timer = node(index);
      const TimePoint deadline = time_point(timer.deadline);
      const std::uint32_t next = timer.next;
      if (tick_of(deadline) >= bucket.end()) {  // it was re-armed to later
        leave_bucket(index, timer);
        arm(index, timer);
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

// Empties a bucket. Its first timer.
inline std::uint32_t TimerQueue::take(const Bucket& bucket) noexcept {
  forget_bucket(bucket.level, bucket.digit);
  return std::exchange(list_of(bucket.level, bucket.digit), {}).first;
}

void TimerQueue::move_down(const Bucket& bucket) noexcept {
  for (std::uint32_t index = take(bucket); index != none;) {
    Node& timer = node(index);
    const std::uint32_t next = timer.next;
    arm(index, timer);
    index = next;
  }
}

void TimerQueue::expire(TimePoint now) noexcept {
  const Tick tick = tick_of(now);
  while (used_levels_ != 0) {
    const Bucket bucket = first_bucket();
    if (bucket.begin > tick)
      break;
    present_ = bucket.begin;
    if (bucket.level == 0 || bucket.end() <= tick)
      expire_bucket(bucket, now);
    else
      move_down(bucket);
    if (bucket.level == 0 && bucket.begin == tick)
      break;
  }
  present_ = std::max(present_, tick);
  if (expiry_ <= now)
    expiry_known_ = false;
}

// Moves what is due of a bucket to the due list. Of one of the lowest level that may be a part; and
// in any there may be who was re-armed to later.
void TimerQueue::expire_bucket(const Bucket& bucket, TimePoint now) noexcept {
  std::uint32_t first = none;  // of a chain of those that are due
  std::uint32_t last = none;
  std::size_t count = 0;
  for (std::uint32_t index = take(bucket); index != none;) {
    Node& timer = node(index);
    const std::uint32_t next = timer.next;
    if (time_point(timer.deadline) > now) {
      arm(index, timer);
    } else {
      if (last == none)
        first = index;
      else
        node(last).next = index & none;
      last = index;
      ++count;
    }
    index = next;
  }
  if (count == 0)
    return;
  node(last).next = none;
  const unsigned bits = tick_bits + bucket.level * digit_bits;
  if (count <= sorted_in_place || !make_due_by_array(first, count, bits))
    make_due_in_place(first);
}

// Takes time in the square of their number, when they are in the wrong order; and no memory.
void TimerQueue::make_due_in_place(std::uint32_t chain) noexcept {
  const std::uint32_t before_all = due_.last;
  while (chain != none) {
    Node& timer = node(chain);
    const std::uint32_t next = timer.next;
    const Key its_key = key(chain, timer);
    std::uint32_t where = due_.last;
    while (where != before_all && its_key < key(where, node(where)))
      where = node(where).previous;
    timer.level = level_due;
    insert_after(due_, where, chain, timer);
    chain = next;
  }
}

// False when there is no memory for it.
bool TimerQueue::make_due_by_array(std::uint32_t chain, std::size_t count, unsigned bits) noexcept {
  std::array<Key, sorted_on_stack> on_stack;
  std::unique_ptr<Key[]> on_heap;
  std::span<Key> keys = on_stack;
  if (count > keys.size()) {
    on_heap.reset(new (std::nothrow) Key[2 * count]);
    if (on_heap == nullptr)
      return false;
    keys = {on_heap.get(), 2 * count};
  }
  for (std::size_t i = 0; i < count; ++i) {
    const Node& timer = node(chain);
    keys[i] = key(chain, timer);
    chain = timer.next;
  }
  keys = sorted(keys.first(count), keys.subspan(count), bits);
  for (std::size_t i = 0; i < count; ++i) {
    constexpr std::size_t ahead = 8;
    if (i + ahead < count)
      __builtin_prefetch(&node(keys[i + ahead].index), 1);
    Node& timer = node(keys[i].index);
    timer.level = level_due;
    append(due_, keys[i].index, timer);
  }
  return true;
}

// What lies in one of them, where `spare` is as long; by radix, byte by byte of what can differ
// within a bucket. That leaves out equal deadlines, and those that were past when they were armed.
std::span<TimerQueue::Key> TimerQueue::sorted(std::span<Key> keys, std::span<Key> spare,
                                              unsigned bits) noexcept {
  if (std::is_sorted(keys.begin(), keys.end()))
    return keys;
  if (spare.size() == keys.size()) {
    for (unsigned shift = 0; shift < bits; shift += 8) {
      const auto digit = [shift](const Key& key) {
        return static_cast<std::size_t>(key.deadline >> shift) & 0xff;
      };
      std::array<std::uint32_t, 256> place{};
      for (const Key& key : keys)
        ++place[digit(key)];
      std::exclusive_scan(place.begin(), place.end(), place.begin(), 0U);
      for (const Key& key : keys)
        spare[place[digit(key)]++] = key;
      std::swap(keys, spare);
    }
    if (std::is_sorted(keys.begin(), keys.end()))
      return keys;
  }
  std::sort(keys.begin(), keys.end());
  return keys;
}

std::optional<Token> TimerQueue::next_due() noexcept {
  if (due_.first == none)
    return std::nullopt;
  Node& timer = node(due_.first);
  due_.first = timer.next;
  if (due_.first == none)
    due_.last = none;
  timer.level = level_none;
  --pending_;
  return Token::from_raw(timer.token);
}

}  // namespace calloop
