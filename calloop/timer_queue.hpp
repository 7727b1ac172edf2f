// Deadlines, ordered: an indexed 4-ary heap, and the list of those that are due.
//
//     const TimerId id = queue.add(deadline, token);
//     queue.rearm(id, deadline + period);
//     queue.expire(now);
//     while (const auto due = queue.next_due()) deliver(*due);
//
// Equal deadlines come out in the order in which they were armed. Re-arming and cancelling touch
// one entry in place; nothing allocates but a table that grows. Sources reach it through Poll.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <calloop/clock.hpp>
#include <calloop/export.hpp>
#include <calloop/token.hpp>

namespace calloop {

/// Names one timer in a TimerQueue, from `add` to `cancel`.
enum class TimerId : std::uint32_t { None = 0xffffffff };

/// The timers of one loop at one priority. Not thread-safe.
class CALLOOP_API TimerQueue {
 public:
  /// Arms a new timer. Throws std::bad_alloc or std::length_error (16 million timers), and has
  /// then changed nothing.
  [[nodiscard]] TimerId add(TimePoint deadline, Token token);
  /// Gives a timer a new deadline, whether it is armed, due or has fired. Does not allocate.
  void rearm(TimerId id, TimePoint deadline) noexcept;
  /// The same, and what it reports from now on.
  void rearm(TimerId id, TimePoint deadline, Token token) noexcept;
  /// Forgets a timer; it does not fire any more, also if it is due already.
  void cancel(TimerId id) noexcept;

  /// The earliest deadline; TimePoint::max() when nothing is armed.
  [[nodiscard]] TimePoint earliest() const noexcept {
    return heap_.empty() ? TimePoint::max() : heap_.front().deadline;
  }
  /// Whether nothing is armed or due.
  [[nodiscard]] bool is_idle() const noexcept { return pending_ == 0; }
  /// Moves every timer with a deadline up to `now` to the end of the due list. Throws
  /// std::bad_alloc; what it had not moved by then stays armed.
  void expire(TimePoint now);
  /// Whether `next_due` has something to give.
  [[nodiscard]] bool has_due() const noexcept { return due_begin_ != due_.size(); }
  /// Takes the next due timer off the list. It stays known, disarmed, until `rearm` or `cancel`.
  [[nodiscard]] std::optional<Token> next_due() noexcept;

 private:
  // `order` is a sequence number of 40 bits over the index of the node, 24 bits: compared by
  // difference, it may wrap.
  struct Entry {
    TimePoint deadline;
    std::uint64_t order;
  };
  static constexpr std::uint32_t node_bits = 24;
  static constexpr std::uint32_t disarmed = 0xffffffff;
  static constexpr std::uint32_t due_flag = 0x80000000;

  static bool before(const Entry& a, const Entry& b) noexcept {
    if (a.deadline != b.deadline)
      return a.deadline < b.deadline;
    return static_cast<std::int64_t>(a.order - b.order) < 0;
  }
  static std::uint32_t node_of(const Entry& entry) noexcept {
    return static_cast<std::uint32_t>(entry.order & ((1u << node_bits) - 1));
  }
  [[nodiscard]] Entry make_entry(TimePoint deadline, std::uint32_t node) noexcept;
  void place(std::uint32_t position, const Entry& entry) noexcept;
  void sift_up(std::uint32_t position, Entry entry) noexcept;
  void sift_down(std::uint32_t position, Entry entry) noexcept;
  void push(const Entry& entry) noexcept;
  void erase(std::uint32_t position) noexcept;
  void disarm(std::uint32_t node) noexcept;
  void reserve_one_more();

  std::vector<Entry> heap_;
  // Per node: where it is in heap_ (or in due_, with due_flag), and what it reports; a free node
  // holds the index of the next free one in its place.
  std::vector<std::uint32_t> positions_;
  std::vector<std::uint64_t> tokens_;
  std::vector<std::uint32_t> due_;  // nodes; `disarmed` where one was cancelled
  std::uint32_t due_begin_ = 0;
  std::size_t pending_ = 0;  // armed or due
  std::uint32_t free_ = disarmed;
  std::uint64_t sequence_ = 0;
};

}  // namespace calloop
