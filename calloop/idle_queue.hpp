// Closures that run once, after the events of an iteration.
//
//     const IdleQueue::Place place = queue.push([&output] { output.draw(); });
//     IdleQueue::Walk walk{queue};
//     while (walk.run_next()) {
//     }
//
// A closure is made in the place where it will run: inserting one is a few stores, running it one
// indirect call. Places are cells of 64 bytes in chunks that are used again and kept until the loop
// goes; what does not fit into a cell lies on the heap.
//
// Internal to the loop: LoopHandle::insert_idle is its user; installed because the templates need
// it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

#include <calloop/export.hpp>

namespace calloop {

/// First in, first out. Closures and their destructors may push and cancel at any time, also while
/// the queue is being walked or cleared; they must not walk or clear it.
class IdleQueue {
  // What can be done with a closure, by its type.
  struct Actor {
    void (*run)(void* closure);  // and destroy it
    void (*destroy)(void* closure) noexcept;
  };
  struct Chunk;
  struct Cell {
    const Actor* actor;  // `nothing` where there is no closure that has not begun to run
    Chunk* chunk;
    alignas(8) std::byte closure[48];
  };
  // While a closure runs or is destroyed, no chunk is used again.
  class Busy {
   public:
    explicit Busy(IdleQueue& queue) noexcept
        : queue_{queue}, was_busy_{std::exchange(queue.busy_, true)} {}
    Busy(const Busy&) = delete;
    Busy& operator=(const Busy&) = delete;
    ~Busy() {
      queue_.busy_ = was_busy_;
      if (!was_busy_)
        queue_.skip_empty_cells();
    }

   private:
    IdleQueue& queue_;
    bool was_busy_;
  };

 public:
  /// Where a closure is, and in which use of that place.
  class Place {
   public:
    Place() noexcept = default;

   private:
    friend class IdleQueue;
    Place(Cell* cell, std::uint64_t use) noexcept : cell_{cell}, use_{use} {}
    Cell* cell_ = nullptr;
    std::uint64_t use_ = 0;
  };

  /// Runs what is in the queue when it is made; what is pushed meanwhile stays.
  class Walk {
   public:
    explicit Walk(IdleQueue& queue) noexcept
        : queue_{queue},
          busy_{queue},
          at_{queue.head_},
          stop_{at_},
          end_{queue.tail_},
          last_{queue.last_} {}
    Walk(const Walk&) = delete;
    Walk& operator=(const Walk&) = delete;
    ~Walk() { queue_.head_ = at_; }
    /// Runs the next closure, which is destroyed afterwards; false when there is none. An exception
    /// of it leaves: it counts as run, and the walk can go on.
    bool run_next() {
      if (at_ == stop_ && !find_more()) [[unlikely]]
        return false;
      Cell& cell = *at_++;
      std::exchange(cell.actor, &nothing)->run(cell.closure);
      return true;
    }

   private:
    bool find_more() noexcept;
    IdleQueue& queue_;
    Busy busy_;
    Cell* at_;
    const Cell* stop_;  // in this chunk
    const Cell* end_;
    const Chunk* last_;  // the chunk with the end in it
  };

  IdleQueue() noexcept = default;
  IdleQueue(const IdleQueue&) = delete;
  IdleQueue& operator=(const IdleQueue&) = delete;
  ~IdleQueue();

  /// Puts a callable at the end. Throws std::bad_alloc, and what moving it throws.
  template <class Closure>
  Place push(Closure closure) {
    if constexpr (sizeof(Closure) > sizeof(Cell::closure) || alignof(Closure) > alignof(Cell)) {
      return push([boxed = std::make_unique<Closure>(std::move(closure))] { (*boxed)(); });
    } else {
      if (tail_ == tail_end_) [[unlikely]]
        add_chunk();
      Cell* const cell = tail_++;  // first: moving a closure may push another
      ::new (static_cast<void*>(cell->closure)) Closure{std::move(closure)};
      cell->actor = &actor_of<Closure>;
      return {cell, cell->chunk->use};
    }
  }
  /// Destroys a closure that has not begun to run; false if there is none such any more.
  CALLOOP_API bool cancel(const Place& place) noexcept;
  [[nodiscard]] bool empty() const noexcept { return head_ == tail_; }
  /// Destroys what is left, and what destructors push.
  void clear() noexcept;

 private:
  static constexpr std::size_t cells_of_chunk = 63;
  struct Chunk {
    Chunk* next = nullptr;
    std::uint64_t use = 0;  // counts anew each time that it is filled from its beginning
    Cell cells[cells_of_chunk];
  };

  static const Actor nothing;
  template <class Closure>
  static constexpr Actor actor_of{
      [](void* memory) {
        struct End {
          Closure& closure;
          ~End() { closure.~Closure(); }
        };
        const End end{*static_cast<Closure*>(memory)};
        end.closure();
      },
      [](void* memory) noexcept { static_cast<Closure*>(memory)->~Closure(); }};

  CALLOOP_API void add_chunk();
  void leave_chunk() noexcept;
  void skip_empty_cells() noexcept;

  // Filled from head_ to tail_, through the chunks from first_ to last_.
  Cell* head_ = nullptr;
  Cell* tail_ = nullptr;
  Cell* tail_end_ = nullptr;
  Chunk* first_ = nullptr;
  Chunk* last_ = nullptr;
  Chunk* spare_ = nullptr;  // to be used again
  std::uint64_t uses_ = 0;
  bool busy_ = false;
};

}  // namespace calloop
