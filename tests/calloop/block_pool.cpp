#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <set>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include <calloop/block_pool.hpp>
#include <calloop/calloop.hpp>

namespace {

using namespace calloop;
using namespace std::chrono_literals;

class Blocks : public testing::TestWithParam<std::tuple<std::size_t, std::size_t>> {
 protected:
  // The pool does not look at its owner.
  char any_ = 0;
  LoopCore& owner_ = *reinterpret_cast<LoopCore*>(&any_);
  BlockPool pool_{owner_};
};

TEST_P(Blocks, DoNotOverlapAndAreAligned) {
  const auto [size, alignment] = GetParam();
  constexpr int count = 1000;
  std::vector<void*> blocks;
  for (int i = 0; i < count; ++i) {
    void* const block = pool_.allocate(size, alignment);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % alignment, 0u);
    EXPECT_EQ(&BlockPool::owner_of(block, size, alignment), &owner_);
    std::memset(block, i & 0xff, size);
    blocks.push_back(block);
  }
  for (int i = 0; i < count; ++i) {
    const auto* const bytes =
        static_cast<const unsigned char*>(blocks[static_cast<std::size_t>(i)]);
    for (std::size_t k = 0; k < size; ++k)
      ASSERT_EQ(bytes[k], i & 0xff);
  }
  for (void* const block : blocks)
    BlockPool::free(block, size, alignment);
}

class SmallBlocks : public Blocks {};

TEST_P(SmallBlocks, AreUsedAgain) {
  const auto [size, alignment] = GetParam();
  std::set<void*> seen;
  for (int i = 0; i < 1000; ++i) {
    void* const block = pool_.allocate(size, alignment);
    seen.insert(block);
    BlockPool::free(block, size, alignment);
  }
  EXPECT_EQ(seen.size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Sizes, Blocks,
                         testing::Values(std::tuple{8, 8}, std::tuple{40, 8}, std::tuple{48, 16},
                                         std::tuple{64, 64}, std::tuple{256, 8}, std::tuple{264, 8},
                                         std::tuple{5000, 16}, std::tuple{128, 128},
                                         std::tuple{8192, 4096}));

INSTANTIATE_TEST_SUITE_P(Sizes, SmallBlocks,
                         testing::Values(std::tuple{8, 8}, std::tuple{40, 8}, std::tuple{256, 64}));

TEST(BlockPool, UnevenSizesFitBesideEvenOnes) {
  char any = 0;
  BlockPool pool{*reinterpret_cast<LoopCore*>(&any)};
  BlockPool::free(pool.allocate(40, 8), 40, 8);
  for (const std::size_t size : {std::size_t{1}, std::size_t{44}}) {
    auto* const one = static_cast<std::byte*>(pool.allocate(size, 4));
    auto* const other = static_cast<std::byte*>(pool.allocate(size, 4));
    EXPECT_GE(std::abs(other - one), static_cast<std::ptrdiff_t>(size));
    BlockPool::free(one, size, 4);
    BlockPool::free(other, size, 4);
  }
}

// What is large or has to be aligned lives in the loop as everybody else.
struct alignas(128) Aligned {
  char bytes[128] = {};
};

TEST(BlockPool, CallbacksMayBeOfAnySizeAndAlignment) {
  EventLoop<> loop;
  int fired = 0;
  const Aligned aligned;
  struct Large {
    char bytes[100'000] = {};
  };
  loop.handle().insert_source(Timer::immediate(), [&fired, aligned] {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&aligned) % 128, 0u);
    ++fired;
    throw 1;  // so that the loop is looked for
  });
  loop.handle().insert_source(Timer::immediate(), [&fired, large = Large{}] {
    fired += 1 + large.bytes[99'999];
    throw 2;
  });
  EXPECT_THROW(loop.dispatch(0ns), int);
  EXPECT_THROW(loop.dispatch(0ns), int);
  EXPECT_EQ(fired, 2);
}

TEST(BlockPool, ADispatcherKeepsItsMemoryWhenTheLoopIsGone) {
  std::vector<Dispatcher<Timer>> left;
  {
    EventLoop<> loop;
    for (int i = 0; i < 100; ++i)
      left.push_back(loop.handle().make_dispatcher(Timer::after(1h), [] {}));
    loop.handle().register_dispatcher(left[7]);
  }
  for (Dispatcher<Timer>& timer : left) {
    timer->set_delay(2h);
    EXPECT_FALSE(timer.is_inserted());
  }
}

}  // namespace
