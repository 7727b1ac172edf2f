#include <set>

#include <gtest/gtest.h>

#include <calloop/event_loop.hpp>
#include <calloop/slot_table.hpp>
#include <calloop/sources/timer.hpp>

namespace {

using namespace calloop;
using namespace std::chrono_literals;

TEST(SlotTable, ReusesSlotsUnderNewEpochs) {
  SlotTable table;
  const std::uint32_t index = table.allocate();
  EXPECT_EQ(table.used(), 1u);
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 100; ++i) {
    Token token = table[index].begin_registration(index).token();
    EXPECT_TRUE(table.is_live(token));
    EXPECT_TRUE(seen.insert(token.raw()).second) << "a token came again";
    const Token before = token;
    token = table[index].begin_registration(index).token();
    EXPECT_TRUE(seen.insert(token.raw()).second);
    EXPECT_FALSE(table.is_live(before));
    table.free(index);
    EXPECT_FALSE(table.is_live(token));
    EXPECT_EQ(table.used(), 0u);
    ASSERT_EQ(table.allocate(), index);
    EXPECT_FALSE(table.is_live(token));
  }
}

TEST(SlotTable, GrowsWithoutMoving) {
  SlotTable table;
  const std::uint32_t first = table.allocate();
  const Slot* const address = &table[first];
  std::set<std::uint32_t> indices{first};
  for (int i = 0; i < 5000; ++i)
    EXPECT_TRUE(indices.insert(table.allocate()).second);
  EXPECT_EQ(&table[first], address);
  EXPECT_EQ(table.size(), 5001u);
  for (const std::uint32_t index : indices)
    table.free(index);
  EXPECT_EQ(table.used(), 0u);
  for (int i = 0; i < 5001; ++i)
    EXPECT_LT(table.allocate(), 5001u);
}

TEST(SlotTable, NothingIsFoundByAForeignToken) {
  const SlotTable table;
  EXPECT_EQ(table.find(RegistrationToken{}), nullptr);
  EXPECT_FALSE(table.is_live(Token{}));
  EXPECT_FALSE(table.is_live(Token{1000, 1, 0}));
}

TEST(SlotTable, TokensOfAnotherLoopAreStaleAtBest) {
  EventLoop<> one;
  EventLoop<> other;
  for (int i = 0; i < 300; ++i)
    one.handle().insert_source(Timer::after(1h), [] {});
  const RegistrationToken far = one.handle().insert_source(Timer::after(1h), [] {});
  EXPECT_FALSE(other.handle().remove(far));
}

}  // namespace
