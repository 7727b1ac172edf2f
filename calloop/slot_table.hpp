// Where a token leads: slots by index, in one array that grows and never shrinks.
//
// A slot is 16 bytes and all that the dispatch of an event reads before it calls the source:
//
//     Slot& slot = table[token.slot()];
//     if (slot.matches(token)) slot.dispatcher->process_events(readiness, token);
//
// Internal to the loop; installed because the templates need it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include <calloop/token.hpp>

namespace calloop {

class DispatcherBase;

/// One place for a source. `stamp` is what the low half of a Token looks like, the epoch below the
/// low byte of the slot's index, so that matching is one compare; while nothing is registered that
/// byte is inverted and no token of this slot can match.
struct Slot {
  std::uint32_t stamp = 0;
  // What RegistrationTokens of the present source carry. Odd while the slot is taken, so that no
  // token of a free one is ever valid.
  std::uint32_t generation = 0;
  union {
    DispatcherBase* dispatcher = nullptr;  // occupied: never null once inserted
    std::uint64_t next_free;
  };

  [[nodiscard]] bool matches(Token token) const noexcept {
    return stamp == static_cast<std::uint32_t>(token.raw());
  }
  [[nodiscard]] std::uint32_t epoch() const noexcept { return stamp & Token::epoch_mask; }
  /// A new registration begins: what was queued for the last one is stale from here on.
  TokenFactory begin_registration(std::uint32_t index) noexcept {
    stamp = (index & 0xff) << 24 | ((stamp + 1) & Token::epoch_mask);
    return {index, epoch()};
  }
  void end_registration(std::uint32_t index) noexcept {
    stamp = (~index & 0xff) << 24 | ((stamp + 1) & Token::epoch_mask);
  }
};

class SlotTable {
 public:
  SlotTable();

  /// Takes a free slot. Throws std::bad_alloc, or std::length_error after 16 million.
  [[nodiscard]] std::uint32_t allocate() {
    if (free_ == none) [[unlikely]]
      add_free_slot();
    const auto index = static_cast<std::uint32_t>(free_);
    Slot& slot = (*this)[index];
    free_ = slot.next_free;
    slot.generation += 1;
    slot.dispatcher = nullptr;
    ++used_;
    return index;
  }
  /// Gives a slot back; tokens of both kinds that named it match nothing from now on.
  void free(std::uint32_t index) noexcept {
    Slot& slot = (*this)[index];
    slot.end_registration(index);
    slot.generation += 1;
    slot.next_free = free_;
    free_ = index;
    --used_;
  }

  /// `index` must be one that a token of this loop carries. The reference holds until allocate().
  [[nodiscard]] Slot& operator[](std::uint32_t index) const noexcept { return slots_[index]; }
  /// The source that `token` names, or null when it is gone.
  [[nodiscard]] DispatcherBase* find(RegistrationToken token) const noexcept {
    if (token.slot() >= size_)
      return nullptr;
    const Slot& slot = (*this)[token.slot()];
    return slot.generation == token.generation() ? slot.dispatcher : nullptr;
  }
  /// Whether `token` belongs to a registration that is in force.
  [[nodiscard]] bool is_live(Token token) const noexcept {
    return token.slot() < size_ && (*this)[token.slot()].matches(token);
  }
  /// One more than the largest index that was ever taken.
  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }
  /// How many slots are taken.
  [[nodiscard]] std::size_t used() const noexcept { return used_; }
  /// The source in a slot, null when it is free.
  [[nodiscard]] DispatcherBase* at(std::uint32_t index) const noexcept {
    const Slot& slot = (*this)[index];
    return (slot.generation & 1) != 0 ? slot.dispatcher : nullptr;
  }

 private:
  static constexpr std::uint64_t none = ~std::uint64_t{0};
  void add_free_slot();
  [[gnu::cold]] void grow();
  std::unique_ptr<Slot[]> slots_;
  std::uint32_t capacity_ = 0;
  std::uint32_t size_ = 0;
  std::size_t used_ = 0;
  std::uint64_t free_ = none;
};

}  // namespace calloop
