#include "tests/calloop/conformance/allocations.hpp"

#include <malloc.h>

#include <cstdlib>
#include <new>

namespace {
thread_local tests::Allocations counted;
}  // namespace

tests::Allocations tests::allocations() noexcept {
  return counted;
}

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CALLOOP_TESTS_THREAD_SANITIZER
#endif
#elif defined(__SANITIZE_THREAD__)
#define CALLOOP_TESTS_THREAD_SANITIZER
#endif

#if defined(CALLOOP_TESTS_THREAD_SANITIZER)

bool tests::counts_allocations() noexcept {
  return false;
}

#else

bool tests::counts_allocations() noexcept {
  return true;
}

// The other forms of new and delete call these two.
// NOLINTBEGIN(cppcoreguidelines-no-malloc)
void* operator new(std::size_t size) {
  void* const memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr)
    throw std::bad_alloc{};
  ++counted.calls;
  counted.bytes += static_cast<std::ptrdiff_t>(::malloc_usable_size(memory));
  return memory;
}

void operator delete(void* memory) noexcept {
  counted.bytes -= static_cast<std::ptrdiff_t>(::malloc_usable_size(memory));
  std::free(memory);
}
// NOLINTEND(cppcoreguidelines-no-malloc)

void operator delete(void* memory, std::size_t) noexcept {
  ::operator delete(memory);
}

#endif
