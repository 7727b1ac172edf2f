// Closures that run once, after the events of an iteration.
//
// Internal to the loop: LoopHandle::insert_idle is its user; installed because the templates need
// it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <calloop/export.hpp>

namespace calloop {

/// A closure of any type.
class CALLOOP_API IdleBase {
 public:
  IdleBase() noexcept = default;
  IdleBase(const IdleBase&) = delete;
  IdleBase& operator=(const IdleBase&) = delete;
  virtual ~IdleBase();
  virtual void run() = 0;
};

/// First in, first out. Closures may insert and cancel while the queue is being run.
class CALLOOP_API IdleQueue {
 public:
  /// Returns what `cancel` takes. Ids are never used again.
  std::uint64_t push(std::unique_ptr<IdleBase> idle);
  /// Destroys a closure that has not begun to run; false if there is none such.
  bool cancel(std::uint64_t id) noexcept;
  [[nodiscard]] bool empty() const noexcept { return idles_.empty(); }
  /// Up to which id the present ones go: `pop_before` with it leaves what is inserted meanwhile.
  [[nodiscard]] std::uint64_t end_id() const noexcept { return first_id_ + idles_.size(); }
  /// Takes out the next one with an id below `end`; null when there is none.
  [[nodiscard]] std::unique_ptr<IdleBase> pop_before(std::uint64_t end) noexcept;
  /// Destroys what is left, and what their destructors insert.
  void clear() noexcept;

 private:
  // Cancelled ones are null; what lies before `begin_` has been taken.
  void compact() noexcept;
  std::vector<std::unique_ptr<IdleBase>> idles_;
  std::size_t begin_ = 0;
  std::uint64_t first_id_ = 1;  // the id of idles_[0]
};

}  // namespace calloop
