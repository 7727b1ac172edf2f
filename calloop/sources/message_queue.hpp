// Messages from any number of threads to one, without a lock.
//
//     MessageQueue<std::string> queue;
//     queue.push("reload");                             // any thread
//     while (std::string* const message = queue.front()) {   // one thread
//       obey(*message);
//       queue.pop();
//     }
//
// Messages lie in blocks that are linked in the order in which they were filled. Who pushes claims
// the next cell by counting it, makes the message there and marks the cell; who receives looks at
// the marks, in order. So no thread ever waits for another one that makes its message, and none for
// the receiving one. A block that was emptied is filled again.
//
// Internal to the loop: Channel is its user; installed because the templates need it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <thread>
#include <utility>

namespace calloop {

/// First claimed, first out. `push` is for any thread, the rest for one.
template <class T>
class MessageQueue {
 public:
  /// Throws std::bad_alloc.
  MessageQueue() : head_block_{new Block}, tail_block_{head_block_} {}
  MessageQueue(const MessageQueue&) = delete;
  MessageQueue& operator=(const MessageQueue&) = delete;
  /// Nobody may push any more. Destroys what was not taken out.
  ~MessageQueue() {
    while (front() != nullptr)
      pop();
    for (Block* block : {head_block_, spare_.load(std::memory_order_relaxed)})
      while (block != nullptr)
        delete std::exchange(block, block->next.load(std::memory_order_relaxed));
  }

  /// Puts a T made of `message` at the end; false, and `message` is untouched, when the queue is
  /// closed. Throws std::bad_alloc, and what making a T throws; nothing is queued then.
  template <class U>
  bool push(U&& message) {
    Cell* const cell = claim();
    if (cell == nullptr)
      return false;
    try {
      ::new (static_cast<void*>(cell->message)) T(std::forward<U>(message));
    } catch (...) {
      cell->mark.store(Mark::Nothing, std::memory_order_release);
      throw;
    }
    cell->mark.store(Mark::Message, std::memory_order_release);
    return true;
  }

  /// How many were claimed and not yet taken out; who claimed one of them may not be done with it.
  /// In the order of sequentially consistent operations: who has claimed a cell before this looked
  /// is counted.
  [[nodiscard]] std::size_t size() const noexcept {
    return static_cast<std::size_t>(cells_before(tail_.load(std::memory_order_seq_cst)) - passed_);
  }
  /// The next message, or null when there is none yet, or its sender is not done.
  [[nodiscard]] T* front() noexcept {
    for (;;) {
      if (head_ == capacity) [[unlikely]]
        leave_block();
      Cell& cell = head_block_->cells[head_];
      const Mark mark = cell.mark.load(std::memory_order_acquire);
      if (mark == Mark::Message) [[likely]]
        return cell.get();
      if (mark == Mark::Free)
        return nullptr;
      pass(cell);
    }
  }
  /// Destroys what front() has returned.
  void pop() noexcept {
    Cell& cell = head_block_->cells[head_];
    cell.get()->~T();
    pass(cell);
  }

  /// For who depends on a thread that has a few instructions to do, but may have been interrupted:
  /// to sleep, and not to yield, lets also one of a lower priority go on.
  static void wait_for_another_thread() noexcept {
    std::this_thread::sleep_for(std::chrono::microseconds{1});
  }

  /// Nothing can be pushed from now on; what was is destroyed. Waits for those who are making a
  /// message at this moment.
  void close() noexcept {
    const std::uint64_t end = cells_before(tail_.fetch_or(closed, std::memory_order_acq_rel));
    while (passed_ != end) {
      if (front() != nullptr)
        pop();
      else
        wait_for_another_thread();
    }
  }

 private:
  enum class Mark : std::uint8_t { Free, Message, Nothing };
  struct Cell {
    std::atomic<Mark> mark{Mark::Free};
    alignas(T) std::byte message[sizeof(T)];
    [[nodiscard]] T* get() noexcept { return std::launder(reinterpret_cast<T*>(message)); }
  };
  // Cells are numbered in laps; the last number of each lap is of no cell: while the tail stands
  // there, the next block is being put in place.
  static constexpr std::uint32_t lap = sizeof(Cell) <= 16 ? 256 : sizeof(Cell) <= 128 ? 32 : 8;
  static constexpr std::uint32_t capacity = lap - 1;
  static constexpr std::uint64_t step = 2;  // of the tail, whose lowest bit says
  static constexpr std::uint64_t closed = 1;
  struct Block {
    std::atomic<Block*> next{nullptr};
    Cell cells[capacity];
  };

  [[nodiscard]] static constexpr std::uint64_t cells_before(std::uint64_t tail) noexcept {
    const std::uint64_t number = tail / step;
    return number - number / lap;
  }

  // Null when the queue is closed. That the tail is where it was says that its block is, too.
  [[nodiscard]] Cell* claim() {
    std::uint64_t tail = tail_.load(std::memory_order_acquire);
    for (;;) {
      const std::uint64_t number = tail / step % lap;
      if ((tail & closed) != 0 || number + 1 >= capacity) [[unlikely]]
        return claim_with_care();
      Block* const block = tail_block_.load(std::memory_order_acquire);
      if (move_tail(tail)) [[likely]]
        return &block->cells[number];
    }
  }
  // The same where it may be the last cell of its block: who gets that puts the next one in place.
  [[nodiscard, gnu::noinline]] Cell* claim_with_care() {
    std::uint64_t tail = tail_.load(std::memory_order_acquire);
    for (std::unique_ptr<Block> next;;) {
      if ((tail & closed) != 0)
        return nullptr;
      const std::uint64_t number = tail / step % lap;
      if (number == capacity) {
        wait_for_another_thread();
        tail = tail_.load(std::memory_order_acquire);
        continue;
      }
      Block* const block = tail_block_.load(std::memory_order_acquire);
      const bool is_last = number + 1 == capacity;
      if (is_last && next == nullptr)
        next = make_block();
      if (!move_tail(tail))
        continue;
      if (is_last) {
        block->next.store(next.get(), std::memory_order_release);
        tail_block_.store(next.release(), std::memory_order_release);
        tail_.fetch_add(step, std::memory_order_release);
      } else if (next != nullptr) {
        keep_spare(next.release());
      }
      return &block->cells[number];
    }
  }
  [[nodiscard]] bool move_tail(std::uint64_t& tail) noexcept {
    return tail_.compare_exchange_weak(tail, tail + step, std::memory_order_seq_cst,
                                       std::memory_order_acquire);
  }
  // Of the emptied blocks all are taken and the others given back, so that nobody can take one that
  // somebody else is taking.
  [[nodiscard]] std::unique_ptr<Block> make_block() {
    std::unique_ptr<Block> block{spare_.exchange(nullptr, std::memory_order_acquire)};
    if (block == nullptr)
      return std::make_unique<Block>();
    if (Block* const others = block->next.exchange(nullptr, std::memory_order_relaxed))
      give_back(others);
    return block;
  }
  // There may be very many of them: they are not looked at.
  void give_back(Block* blocks) noexcept {
    for (Block* none = nullptr; !spare_.compare_exchange_strong(
             none, blocks, std::memory_order_release, std::memory_order_relaxed);
         none = nullptr) {
      // The few that were emptied meanwhile go in front.
      Block* const newer = spare_.exchange(nullptr, std::memory_order_acquire);
      if (newer == nullptr)
        continue;
      Block* last = newer;
      while (Block* const next = last->next.load(std::memory_order_relaxed))
        last = next;
      last->next.store(blocks, std::memory_order_relaxed);
      blocks = newer;
    }
  }
  // Puts one with those that wait to be filled again.
  void keep_spare(Block* block) noexcept {
    Block* others = spare_.load(std::memory_order_relaxed);
    do {
      block->next.store(others, std::memory_order_relaxed);
    } while (!spare_.compare_exchange_weak(others, block, std::memory_order_release,
                                           std::memory_order_relaxed));
  }
  void pass(Cell& cell) noexcept {
    cell.mark.store(Mark::Free, std::memory_order_relaxed);
    ++head_;
    ++passed_;
  }
  // Whoever marked its last cell had linked the next one before.
  void leave_block() noexcept {
    Block* const done = head_block_;
    head_block_ = done->next.exchange(nullptr, std::memory_order_acquire);
    head_ = 0;
    keep_spare(done);
  }

  // What the receiver uses, apart from what senders do.
  alignas(64) Block* head_block_;
  std::uint32_t head_ = 0;
  std::uint64_t passed_ = 0;
  alignas(64) std::atomic<std::uint64_t> tail_{0};
  std::atomic<Block*> tail_block_;
  std::atomic<Block*> spare_{nullptr};
};

}  // namespace calloop
