// Deadlines, ordered: a hierarchical timer wheel that forgets no nanosecond.
//
//     const TimerId id = queue.add(deadline, token);
//     queue.rearm(id, deadline + period);
//     queue.expire(now);
//     while (const auto due = queue.next_due()) deliver(*due);
//
// Nine levels of 64 buckets: a bucket of the lowest spans about a microsecond, one of each further
// level all 64 of the level below. A timer waits in the lowest level in which it and the present
// are in different buckets, and moves down when its bucket begins; what is due of a bucket, all of
// it if its time is over, is sorted when it expires, equal deadlines in the order in which they
// were armed. So arming and cancelling are a few stores, whatever there is beside. Who is re-armed
// to later, as most are, stays where it is until its old bucket begins.
//
// Internal to the loop; sources reach it through Poll.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <calloop/clock.hpp>
#include <calloop/export.hpp>
#include <calloop/token.hpp>

namespace calloop {

/// Names one timer in a TimerQueue, from `add` to `cancel`.
enum class TimerId : std::uint32_t { None = 0xffffffff };

/// The timers of one loop at one priority. Not thread-safe.
class TimerQueue {
 public:
  /// Arms a new timer. Throws std::bad_alloc or std::length_error (16 million timers), and has
  /// then changed nothing.
  [[nodiscard]] TimerId add(TimePoint deadline, Token token);
  /// Gives a timer a new deadline, whether it is armed, due or has fired. Does not allocate.
  void rearm(TimerId id, TimePoint deadline) noexcept {
    const auto index = static_cast<std::uint32_t>(id);
    Node& timer = node(index);
    const TimePoint before = time_point(timer.deadline);
    if (timer.level >= levels || deadline < before)
      return rearm_elsewhere(index, deadline);
    timer.deadline = nanoseconds(deadline);
    timer.order = order_++;
    if (before <= expiry_)
      expiry_known_ = false;
  }
  /// The same, and what it reports from now on.
  void rearm(TimerId id, TimePoint deadline, Token token) noexcept;
  /// Forgets a timer; it does not fire any more, also if it is due already. No effect on None, nor
  /// a second time.
  CALLOOP_API void cancel(TimerId id) noexcept;
  /// When it fires, or has fired last.
  [[nodiscard]] TimePoint deadline(TimerId id) const noexcept {
    return time_point(node(static_cast<std::uint32_t>(id)).deadline);
  }

  /// When to call `expire` next: the earliest deadline. Where very many timers wait in one bucket,
  /// it may be the earlier moment at which that has to move down a level; `expire` finds nothing
  /// due then. TimePoint::max() when nothing is armed.
  [[nodiscard]] TimePoint next_expiry() noexcept {
    return expiry_known_ ? expiry_ : find_next_expiry();
  }
  /// Whether nothing is armed or due.
  [[nodiscard]] bool is_idle() const noexcept { return pending_ == 0; }
  /// Moves every timer with a deadline up to `now` to the end of the due list, in order. `now` does
  /// not go back. Asks for memory only when very many are due together, and does without if there
  /// is none.
  void expire(TimePoint now) noexcept;
  /// Whether `next_due` has something to give.
  [[nodiscard]] bool has_due() const noexcept { return due_.first != none; }
  /// Takes the next due timer off the list. It stays known, disarmed, until `rearm` or `cancel`.
  [[nodiscard]] std::optional<Token> next_due() noexcept;
  /// The token of the one that `next_due` gives after `count` others, if there are so many. In
  /// line, or a prefetch of what it leads to is thought to have no effect.
  [[nodiscard, gnu::always_inline]] std::optional<Token> due_after(unsigned count) const noexcept {
    std::uint32_t index = due_.first;
    for (; count != 0 && index != none; --count)
      index = node(index).next;
    if (index == none)
      return std::nullopt;
    return Token::from_raw(node(index).token);
  }

 private:
  static constexpr std::uint32_t none = 0xffffff;
  // A member of one list: of a bucket or of what is due. Packed: there may be very many.
  struct [[gnu::packed, gnu::aligned(4)]] Node {
    Duration::rep deadline;  // in the bucket or, if it was re-armed, later
    std::uint64_t token;
    std::uint32_t order;  // of arming; compared by difference, so it may wrap
    std::uint32_t next : 24;
    std::uint32_t level : 8;  // or one of the three below
    std::uint32_t previous : 24;
    std::uint32_t digit : 8;  // which bucket of the level
  };
  struct List {
    std::uint32_t first = none;
    std::uint32_t last = none;
  };
  // What timers are sorted by, where they are many.
  struct Key {
    Duration::rep deadline;
    std::uint32_t order;
    std::uint32_t index;
    [[nodiscard]] bool operator<(const Key& other) const noexcept {
      return deadline != other.deadline ? deadline < other.deadline
                                        : is_earlier(order, other.order);
    }
  };
  using Tick = std::uint64_t;
  static constexpr unsigned tick_bits = 10;  // nanoseconds in a bucket of the lowest level
  static constexpr unsigned digit_bits = 6;
  static constexpr std::uint32_t digits = 1U << digit_bits;
  static constexpr std::uint32_t levels = (63 - tick_bits + digit_bits - 1) / digit_bits;
  static constexpr std::uint32_t level_due = levels;
  static constexpr std::uint32_t level_none = levels + 1;  // it has fired
  static constexpr std::uint32_t level_free = levels + 2;
  static constexpr std::uint32_t chunk_size = 256;
  struct Bucket {
    std::uint32_t level;
    std::uint32_t digit;
    Tick begin;
    [[nodiscard]] Tick end() const noexcept { return begin + (Tick{1} << level * digit_bits); }
  };

  [[nodiscard]] Node& node(std::uint32_t index) const noexcept {
    return chunks_[index / chunk_size][index % chunk_size];
  }
  [[nodiscard]] static Duration::rep nanoseconds(TimePoint time) noexcept {
    return time.time_since_epoch().count();
  }
  [[nodiscard]] static TimePoint time_point(Duration::rep nanoseconds) noexcept {
    return TimePoint{Duration{nanoseconds}};
  }
  [[nodiscard]] static Tick tick_of(TimePoint time) noexcept {
    return static_cast<Tick>(std::max<Duration::rep>(nanoseconds(time), 0)) >> tick_bits;
  }
  [[nodiscard]] static bool is_earlier(std::uint32_t order, std::uint32_t other) noexcept {
    return static_cast<std::int32_t>(order - other) < 0;
  }
  [[nodiscard]] List& list_of(std::uint32_t level, std::uint32_t digit) const noexcept {
    return lists_[level * digits + digit];
  }
  [[nodiscard]] static Key key(std::uint32_t index, const Node& timer) noexcept {
    return {timer.deadline, timer.order, index};
  }
  void append(List& list, std::uint32_t index, Node& added) noexcept;
  void insert_after(List& list, std::uint32_t where, std::uint32_t index, Node& added) noexcept;
  void unlink(List& list, std::uint32_t index, const Node& gone) noexcept;
  void arm(std::uint32_t index, Node& timer) noexcept;
  void leave_bucket(std::uint32_t index, const Node& timer) noexcept;
  void forget_bucket(std::uint32_t level, std::uint32_t digit) noexcept;
  void disarm(std::uint32_t index, Node& timer) noexcept;
  void add_free_node();
  CALLOOP_API void rearm_elsewhere(std::uint32_t index, TimePoint deadline) noexcept;
  [[nodiscard]] Bucket first_bucket() const noexcept;
  [[nodiscard]] TimePoint find_next_expiry() noexcept;
  [[nodiscard]] std::uint32_t take(const Bucket& bucket) noexcept;
  void move_down(const Bucket& bucket) noexcept;
  void expire_bucket(const Bucket& bucket, TimePoint now) noexcept;
  void make_due_in_place(std::uint32_t chain) noexcept;
  [[nodiscard]] bool make_due_by_array(std::uint32_t chain, std::size_t count,
                                       unsigned bits) noexcept;
  [[nodiscard]] static std::span<Key> sorted(std::span<Key> keys, std::span<Key> spare,
                                             unsigned bits) noexcept;

  Tick present_ = 0;  // all that was due before is expired
  TimePoint expiry_ = TimePoint::max();
  bool expiry_known_ = true;
  List due_;
  std::uint32_t free_ = none;
  std::uint32_t size_ = 0;  // nodes that were ever taken
  std::uint32_t order_ = 0;
  std::size_t pending_ = 0;        // armed or due
  std::uint32_t used_levels_ = 0;  // a bit for each level that has a timer
  std::array<std::uint64_t, levels> used_digits_{};
  std::unique_ptr<List[]> lists_;  // of each bucket
  std::vector<std::unique_ptr<Node[]>> chunks_;
};

}  // namespace calloop
