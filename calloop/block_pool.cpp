#include <calloop/block_pool.hpp>

#include <algorithm>
#include <utility>

namespace calloop {

BlockPool::~BlockPool() {
  while (regions_ != nullptr) {
    void* const region = regions_;
    regions_ = static_cast<Chunk*>(region)->next_region;
    ::operator delete(region, std::align_val_t{chunk_size});
  }
}

void BlockPool::add_chunk(std::size_t granules_each) {
  if (fresh_ == fresh_end_) {
    const std::size_t bytes = regions_ == nullptr ? first_region : later_regions;
    void* const region = ::operator new(bytes, std::align_val_t{chunk_size});
    fresh_ = static_cast<std::byte*>(region);
    fresh_end_ = fresh_ + bytes;
    ::new (region) Chunk{this, std::exchange(regions_, region)};
  }
  std::byte* const chunk = std::exchange(fresh_, fresh_ + chunk_size);
  if (chunk != regions_)
    ::new (static_cast<void*>(chunk)) Chunk{this, nullptr};
  // So that the first block is handed out first.
  const std::size_t step = granules_each * granule;
  Block*& first = free_[granules_each];
  for (std::size_t count = (chunk_size - chunk_header) / step; count > 0; --count) {
    void* const memory = chunk + chunk_header + (count - 1) * step;
    first = ::new (memory) Block{first};
    make_unusable(memory, step);
  }
}

void* BlockPool::allocate_alone(std::size_t size, std::size_t alignment) const {
  const std::size_t offset = std::max(alignment, alignof(std::max_align_t));
  void* const memory = ::operator new(offset + size, std::align_val_t{offset});
  void* const block = static_cast<std::byte*>(memory) + offset;
  ::new (static_cast<void*>(static_cast<Header*>(block) - 1)) Header{owner_};
  return block;
}

void BlockPool::free_alone(void* memory, std::size_t alignment) noexcept {
  const std::size_t offset = std::max(alignment, alignof(std::max_align_t));
  ::operator delete(static_cast<std::byte*>(memory) - offset, std::align_val_t{offset});
}

}  // namespace calloop
