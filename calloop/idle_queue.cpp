#include <calloop/idle_queue.hpp>

#include <iterator>

namespace calloop {

constexpr IdleQueue::Actor IdleQueue::nothing{[](void*) {}, [](void*) noexcept {}};

IdleQueue::~IdleQueue() {
  clear();
  for (Chunk* chunks : {first_, spare_})
    while (chunks != nullptr)
      delete std::exchange(chunks, chunks->next);
}

void IdleQueue::add_chunk() {
  Chunk* chunk = spare_;
  if (chunk != nullptr) {
    spare_ = std::exchange(chunk->next, nullptr);
  } else {
    chunk = new Chunk;
    for (Cell& cell : chunk->cells) {
      cell.actor = &nothing;
      cell.chunk = chunk;
    }
  }
  chunk->use = ++uses_;
  if (last_ == nullptr) {
    first_ = chunk;
    head_ = chunk->cells;
  } else {
    last_->next = chunk;
  }
  last_ = chunk;
  tail_ = chunk->cells;
  tail_end_ = std::end(chunk->cells);
}

// The first chunk is done with, and another one is there.
void IdleQueue::leave_chunk() noexcept {
  Chunk* const done = std::exchange(first_, first_->next);
  done->next = std::exchange(spare_, done);
  head_ = first_->cells;
}

bool IdleQueue::Walk::find_more() noexcept {
  if (at_ == end_)
    return false;
  if (at_ == std::end(queue_.first_->cells)) {
    queue_.leave_chunk();
    at_ = queue_.head_;
  }
  stop_ = queue_.first_ == last_ ? end_ : std::end(queue_.first_->cells);
  return at_ != stop_;
}

bool IdleQueue::cancel(const Place& place) noexcept {
  if (place.cell_ == nullptr || place.cell_->chunk->use != place.use_ ||
      place.cell_->actor == &nothing)
    return false;
  const Busy busy{*this};
  std::exchange(place.cell_->actor, &nothing)->destroy(place.cell_->closure);
  return true;
}

void IdleQueue::clear() noexcept {
  const Busy busy{*this};
  while (!empty()) {
    if (head_ == std::end(first_->cells))
      leave_chunk();
    Cell& cell = *head_++;
    std::exchange(cell.actor, &nothing)->destroy(cell.closure);
  }
}

void IdleQueue::skip_empty_cells() noexcept {
  while (!empty()) {
    if (head_ == std::end(first_->cells))
      leave_chunk();
    else if (head_->actor == &nothing)
      ++head_;
    else
      return;
  }
  // Begins at the beginning again, where the cache is warm.
  if (first_ == nullptr || head_ == first_->cells)
    return;
  first_->use = ++uses_;
  head_ = tail_ = first_->cells;
}

}  // namespace calloop
