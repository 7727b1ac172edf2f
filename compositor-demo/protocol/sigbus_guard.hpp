// Reading memory that another process can take away.
//
// A client may truncate the file behind its shared memory while we read it; the kernel then sends
// SIGBUS. Between construction and destruction of a SigbusGuard this thread survives that: the
// memory is replaced by blank pages and the guard knows.
//
//   const SigbusHandler handler;              // somewhere, as long as guards are used
//   SigbusGuard guard{pool.data(), pool.size()};
//   read(...);
//   if (guard.lost()) ...
//
// Signal handlers belong to the whole process, so this is the one place of the protocol with state
// outside of objects. A SIGBUS that no guard of the thread expects goes to whoever handled it
// before us: without a guard nothing is different.
#pragma once

#include <cstddef>

namespace demo {

// The handler is installed while at least one of these exists, in any thread; then the one that was
// there before is back.
class SigbusHandler {
 public:
  // Throws std::system_error.
  SigbusHandler();
  SigbusHandler(const SigbusHandler&) = delete;
  SigbusHandler& operator=(const SigbusHandler&) = delete;
  ~SigbusHandler();
};

// Guards the reading of one mapping, on this thread. Guards may be nested, and end in the reverse
// order of their beginning.
class [[nodiscard("without it the memory is read unguarded")]] SigbusGuard {
 public:
  // The whole mapping, from its first page.
  SigbusGuard(std::byte* data, std::size_t size) noexcept;
  SigbusGuard(const SigbusGuard&) = delete;
  SigbusGuard& operator=(const SigbusGuard&) = delete;
  ~SigbusGuard();

  // Part of the memory was not there: all of it is blank now.
  bool lost() const noexcept { return lost_; }

 private:
  friend struct SigbusAccess;
  std::byte* data_;
  std::size_t size_;
  volatile bool lost_ = false;  // written by the signal handler
  SigbusGuard* outer_;
};

}  // namespace demo
