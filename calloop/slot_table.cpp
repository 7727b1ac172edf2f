#include <calloop/slot_table.hpp>

#include <stdexcept>

namespace calloop {

SlotTable::SlotTable() = default;

// A generation is odd while the slot is taken, so that no token of a free slot is ever valid.
std::uint32_t SlotTable::allocate() {
  std::uint32_t index;
  if (free_ != none) {
    index = static_cast<std::uint32_t>(free_);
    free_ = (*this)[index].next_free;
  } else {
    if (size_ == Token::slot_limit - 1)  // the last one means nowhere
      throw std::length_error{"calloop: too many sources"};
    if (size_ == chunks_.size() * chunk_size)
      chunks_.push_back(std::make_unique<Slot[]>(chunk_size));
    index = size_++;
  }
  Slot& slot = (*this)[index];
  slot.end_registration(index);  // there has been none yet
  slot.generation += 1;
  slot.dispatcher = nullptr;
  ++used_;
  return index;
}

void SlotTable::free(std::uint32_t index) noexcept {
  Slot& slot = (*this)[index];
  slot.end_registration(index);
  slot.generation += 1;
  slot.next_free = free_;
  free_ = index;
  --used_;
}

}  // namespace calloop
