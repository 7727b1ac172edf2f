// What this program takes from the heap: tests of "allocates nothing" and "does not grow".
#pragma once

#include <cstddef>

namespace tests {

/// Of this thread, since it began.
struct Allocations {
  std::size_t calls = 0;     ///< of operator new
  std::ptrdiff_t bytes = 0;  ///< allocated and not freed yet
};

[[nodiscard]] Allocations allocations() noexcept;

/// Whether anything is counted: ThreadSanitizer has an operator new of its own.
[[nodiscard]] bool counts_allocations() noexcept;

}  // namespace tests
