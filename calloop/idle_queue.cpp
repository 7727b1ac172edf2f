#include <calloop/idle_queue.hpp>

#include <utility>

namespace calloop {

IdleBase::~IdleBase() = default;

std::uint64_t IdleQueue::push(std::unique_ptr<IdleBase> idle) {
  idles_.push_back(std::move(idle));
  return first_id_ + idles_.size() - 1;
}

bool IdleQueue::cancel(std::uint64_t id) noexcept {
  if (id < first_id_ + begin_ || id >= end_id())
    return false;
  // Its destructor runs when the queue is consistent again.
  const std::unique_ptr<IdleBase> idle = std::move(idles_[id - first_id_]);
  compact();
  return idle != nullptr;
}

std::unique_ptr<IdleBase> IdleQueue::pop_before(std::uint64_t end) noexcept {
  std::unique_ptr<IdleBase> next;
  while (next == nullptr && begin_ < idles_.size() && first_id_ + begin_ < end)
    next = std::move(idles_[begin_++]);
  compact();
  return next;
}

void IdleQueue::clear() noexcept {
  while (!idles_.empty())
    static_cast<void>(pop_before(end_id()));
}

void IdleQueue::compact() noexcept {
  while (begin_ < idles_.size() && idles_[begin_] == nullptr)
    ++begin_;
  // Now and then, also when idles that insert idles never let the queue run empty.
  if (begin_ < idles_.size() && (begin_ < 64 || begin_ < idles_.size() / 2))
    return;
  idles_.erase(idles_.begin(), idles_.begin() + static_cast<std::ptrdiff_t>(begin_));
  first_id_ += begin_;
  begin_ = 0;
}

}  // namespace calloop
