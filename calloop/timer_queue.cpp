#include <calloop/timer_queue.hpp>

#include <algorithm>
#include <stdexcept>

namespace calloop {

namespace {
constexpr std::uint32_t fan_out = 4;
}

TimerQueue::Entry TimerQueue::make_entry(TimePoint deadline, std::uint32_t node) noexcept {
  return {deadline, sequence_++ << node_bits | node};
}

void TimerQueue::place(std::uint32_t position, const Entry& entry) noexcept {
  heap_[position] = entry;
  positions_[node_of(entry)] = position;
}

void TimerQueue::sift_up(std::uint32_t position, Entry entry) noexcept {
  while (position > 0) {
    const std::uint32_t parent = (position - 1) / fan_out;
    if (!before(entry, heap_[parent]))
      break;
    place(position, heap_[parent]);
    position = parent;
  }
  place(position, entry);
}

void TimerQueue::sift_down(std::uint32_t position, Entry entry) noexcept {
  const auto size = static_cast<std::uint32_t>(heap_.size());
  for (;;) {
    const std::uint32_t first = position * fan_out + 1;
    if (first >= size)
      break;
    std::uint32_t best = first;
    const std::uint32_t last = std::min(first + fan_out, size);
    for (std::uint32_t child = first + 1; child < last; ++child)
      if (before(heap_[child], heap_[best]))
        best = child;
    if (!before(heap_[best], entry))
      break;
    place(position, heap_[best]);
    position = best;
  }
  place(position, entry);
}

void TimerQueue::push(const Entry& entry) noexcept {
  ++pending_;
  heap_.push_back(entry);  // room was made when the node was
  sift_up(static_cast<std::uint32_t>(heap_.size() - 1), entry);
}

void TimerQueue::erase(std::uint32_t position) noexcept {
  const Entry last = heap_.back();
  heap_.pop_back();
  if (position == heap_.size())
    return;
  if (position > 0 && before(last, heap_[(position - 1) / fan_out])) {
    sift_up(position, last);
  } else {
    sift_down(position, last);
  }
}

void TimerQueue::disarm(std::uint32_t node) noexcept {
  const std::uint32_t position = positions_[node];
  if (position == disarmed)
    return;
  --pending_;
  if ((position & due_flag) != 0) {
    due_[position & ~due_flag] = disarmed;
  } else {
    erase(position);
  }
  positions_[node] = disarmed;
}

// So that neither re-arming nor expiring ever allocates.
void TimerQueue::reserve_one_more() {
  const std::size_t nodes = positions_.size();
  if (nodes >> node_bits != 0)
    throw std::length_error{"calloop: too many timers"};
  const auto grow = [wanted = nodes + 1](auto& table) {
    if (table.capacity() < wanted)
      table.reserve(std::max<std::size_t>(16, table.capacity() * 2));
  };
  grow(heap_);
  grow(positions_);
  grow(tokens_);
}

TimerId TimerQueue::add(TimePoint deadline, Token token) {
  std::uint32_t node = free_;
  if (node != disarmed) {
    free_ = positions_[node];
  } else {
    reserve_one_more();
    node = static_cast<std::uint32_t>(positions_.size());
    positions_.push_back(disarmed);
    tokens_.push_back(0);
  }
  positions_[node] = disarmed;
  tokens_[node] = token.raw();
  push(make_entry(deadline, node));
  return TimerId{node};
}

void TimerQueue::rearm(TimerId id, TimePoint deadline) noexcept {
  const auto node = static_cast<std::uint32_t>(id);
  const Entry entry = make_entry(deadline, node);
  const std::uint32_t position = positions_[node];
  if ((position & due_flag) != 0) {  // due, or disarmed
    disarm(node);
    push(entry);
  } else if (before(entry, heap_[position])) {
    sift_up(position, entry);
  } else {
    sift_down(position, entry);
  }
}

void TimerQueue::rearm(TimerId id, TimePoint deadline, Token token) noexcept {
  tokens_[static_cast<std::uint32_t>(id)] = token.raw();
  rearm(id, deadline);
}

void TimerQueue::cancel(TimerId id) noexcept {
  const auto node = static_cast<std::uint32_t>(id);
  disarm(node);
  positions_[node] = free_;
  free_ = node;
}

void TimerQueue::expire(TimePoint now) {
  while (!heap_.empty() && heap_.front().deadline <= now) {
    const std::uint32_t node = node_of(heap_.front());
    due_.push_back(node);
    erase(0);
    positions_[node] = static_cast<std::uint32_t>(due_.size() - 1) | due_flag;
  }
}

std::optional<Token> TimerQueue::next_due() noexcept {
  while (has_due()) {
    const std::uint32_t node = due_[due_begin_++];
    if (node == disarmed)
      continue;
    positions_[node] = disarmed;
    --pending_;
    return Token::from_raw(tokens_[node]);
  }
  due_.clear();
  due_begin_ = 0;
  return std::nullopt;
}

}  // namespace calloop
