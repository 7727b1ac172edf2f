#include <calloop/slot_table.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace calloop {

SlotTable::SlotTable() = default;

// By an eighth: sources are many where this matters, and what is not used is paid for all the same.
void SlotTable::grow() {
  const std::uint32_t capacity = std::min(capacity_ + capacity_ / 8 + 64, Token::slot_limit);
  auto larger = std::make_unique<Slot[]>(capacity);
  std::copy_n(slots_.get(), size_, larger.get());
  slots_ = std::move(larger);
  capacity_ = capacity;
}

void SlotTable::add_free_slot() {
  if (size_ == Token::slot_limit - 1)  // the last one means nowhere
    throw std::length_error{"calloop: too many sources"};
  if (size_ == capacity_)
    grow();
  const std::uint32_t index = size_++;
  Slot& slot = (*this)[index];
  slot.end_registration(index);  // there has been none yet
  slot.next_free = free_;
  free_ = index;
}

}  // namespace calloop
