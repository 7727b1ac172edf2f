// Memory for what a loop owns: sources with their callbacks.
//
//     void* const memory = pool.allocate(sizeof(Source), alignof(Source));
//     Source* const source = ::new (memory) Source;
//     LoopCore& loop = BlockPool::owner_of(source, sizeof(Source), alignof(Source));
//     source->~Source();
//     BlockPool::free(source, sizeof(Source), alignof(Source));
//
// Blocks of one size lie side by side in chunks, without a header each, and go back to their pool
// when they are freed, not to malloc: that is a load and a store each way. A chunk begins with
// where it belongs to, so a block knows its loop without keeping a pointer to it. Chunks are kept
// until the loop goes.
//
// Internal to the loop; installed because the templates need it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <new>

#include <calloop/export.hpp>

#if defined(__SANITIZE_ADDRESS__)
#define CALLOOP_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CALLOOP_ADDRESS_SANITIZER 1
#endif
#endif
#ifdef CALLOOP_ADDRESS_SANITIZER
// As <sanitizer/asan_interface.h> declares them.
extern "C" {
// NOLINTBEGIN(bugprone-reserved-identifier)
void __asan_poison_memory_region(const volatile void* memory, std::size_t size);
void __asan_unpoison_memory_region(const volatile void* memory, std::size_t size);
// NOLINTEND(bugprone-reserved-identifier)
}
#endif

namespace calloop {

class LoopCore;

/// Not thread-safe. Size and alignment given to `free` and `owner_of` must be those of `allocate`.
class BlockPool {
 public:
  explicit BlockPool(LoopCore& owner) noexcept : owner_{&owner} {}
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;
  /// Everything must be freed by now.
  ~BlockPool();

  /// Throws std::bad_alloc.
  [[nodiscard]] void* allocate(std::size_t size, std::size_t alignment) {
    if (!is_pooled(size, alignment))
      return allocate_alone(size, alignment);
    Block*& first = free_[granules(size)];
    if (first == nullptr)
      add_chunk(granules(size));
    Block* const block = first;
    make_usable(block, granules(size) * granule);
    first = block->next;
    return block;
  }
  static void free(void* memory, std::size_t size, std::size_t alignment) noexcept {
    if (!is_pooled(size, alignment))
      return free_alone(memory, alignment);
    Block*& first = chunk_of(memory)->pool->free_[granules(size)];
    first = ::new (memory) Block{first};
    make_unusable(memory, granules(size) * granule);
  }
  /// The loop that a block belongs to.
  [[nodiscard]] static LoopCore& owner_of(void* memory, std::size_t size,
                                          std::size_t alignment) noexcept {
    return is_pooled(size, alignment) ? *chunk_of(memory)->pool->owner_ : *header_of(memory)->owner;
  }

 private:
  struct Block {
    Block* next;
  };
  struct Chunk {
    BlockPool* pool;
    void* next_region;  // of the first one of a region
  };
  // In front of a block that is too large to be pooled.
  struct Header {
    LoopCore* owner;
  };
  static constexpr std::size_t granule = 8;
  static constexpr std::size_t largest = 256;
  static constexpr std::size_t chunk_size = 8192;              // and what it is aligned to
  static constexpr std::size_t first_region = 2 * chunk_size;  // chunks come from malloc together
  static constexpr std::size_t later_regions = 4 * chunk_size;
  static constexpr std::size_t chunk_header = 64;  // keeps alignments up to that

  [[nodiscard]] static constexpr bool is_pooled(std::size_t size, std::size_t alignment) noexcept {
    return size <= largest && alignment <= chunk_header;
  }
  // How many a block of that size takes, so that all blocks with that many are alike.
  [[nodiscard]] static constexpr std::size_t granules(std::size_t size) noexcept {
    return (size + granule - 1) / granule;
  }
  [[nodiscard]] static Chunk* chunk_of(void* memory) noexcept {
    void* const chunk = static_cast<std::byte*>(memory) -
                        (reinterpret_cast<std::uintptr_t>(memory) & (chunk_size - 1));
    return static_cast<Chunk*>(chunk);
  }
  [[nodiscard]] static Header* header_of(void* memory) noexcept {
    return static_cast<Header*>(memory) - 1;
  }
  // A freed block is not to be touched, and AddressSanitizer is told so.
  static void make_usable([[maybe_unused]] void* memory,
                          [[maybe_unused]] std::size_t size) noexcept {
#ifdef CALLOOP_ADDRESS_SANITIZER
    __asan_unpoison_memory_region(memory, size);
#endif
  }
  static void make_unusable([[maybe_unused]] void* memory,
                            [[maybe_unused]] std::size_t size) noexcept {
#ifdef CALLOOP_ADDRESS_SANITIZER
    __asan_poison_memory_region(memory, size);
#endif
  }
  [[gnu::cold]] CALLOOP_API void add_chunk(std::size_t granules_each);
  [[nodiscard]] CALLOOP_API void* allocate_alone(std::size_t size, std::size_t alignment) const;
  CALLOOP_API static void free_alone(void* memory, std::size_t alignment) noexcept;

  LoopCore* owner_;
  std::byte* fresh_ = nullptr;  // chunks of the newest region that are not in use yet
  std::byte* fresh_end_ = nullptr;
  void* regions_ = nullptr;
  std::array<Block*, largest / granule + 1> free_{};
};

}  // namespace calloop
