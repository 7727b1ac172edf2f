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

TEST(SlotTable, KeepsWhatIsInItWhenItGrows) {
  SlotTable table;
  const std::uint32_t first = table.allocate();
  const Token token = table[first].begin_registration(first).token();
  std::set<std::uint32_t> indices{first};
  for (int i = 0; i < 5000; ++i)
    EXPECT_TRUE(indices.insert(table.allocate()).second);
  EXPECT_TRUE(table.is_live(token));
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

TEST(SlotTable, TokensOfAnotherLoopAreRefused) {
  EventLoop<> one;
  EventLoop<> other;
  const RegistrationToken of_one = one.handle().insert_source(Timer::after(1h), [] {});
  const RegistrationToken of_other = other.handle().insert_source(Timer::after(1h), [] {});
  EXPECT_EQ(of_one.slot(), of_other.slot());
  const LoopHandle<> handle = other.handle();
  EXPECT_THROW(handle.remove(of_one), std::logic_error);
  EXPECT_THROW(handle.disable(of_one), std::logic_error);
  EXPECT_THROW(handle.enable(of_one), std::logic_error);
  EXPECT_THROW(handle.update(of_one), std::logic_error);
  EXPECT_EQ(handle.source_count(), 1u);
  EXPECT_FALSE(handle.remove(RegistrationToken{}));
}

}  // namespace
