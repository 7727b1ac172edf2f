#include <optional>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <calloop/event_loop.hpp>
#include <calloop/sources/ping.hpp>
#include <calloop/testing.hpp>

#include "tests/calloop/descriptor_count.hpp"

namespace {

using namespace calloop;
using namespace std::chrono_literals;

class PingTest : public testing::Test {
 protected:
  PingTest() {
    auto [ping, source] = make_ping();
    ping_ = std::move(ping);
    token_ = loop_.handle().insert_source(std::move(source), [this] { ++calls_; });
  }
  EventLoop<> loop_;
  std::optional<Ping> ping_;
  RegistrationToken token_;
  int calls_ = 0;
};

TEST_F(PingTest, ABurstIsOneEvent) {
  loop_.dispatch(0ns);
  EXPECT_EQ(calls_, 0);
  for (int i = 0; i < 1000; ++i)
    ping_->ping();
  loop_.dispatch(0ns);
  loop_.dispatch(0ns);
  EXPECT_EQ(calls_, 1);
  ping_->ping();
  loop_.dispatch(std::nullopt);
  EXPECT_EQ(calls_, 2);
}

TEST_F(PingTest, OnesWhileDisabledAreDeliveredWhenEnabled) {
  loop_.handle().disable(token_);
  ping_->ping();
  loop_.dispatch(0ns);
  EXPECT_EQ(calls_, 0);
  loop_.handle().enable(token_);
  loop_.dispatch(0ns);
  EXPECT_EQ(calls_, 1);
}

TEST_F(PingTest, EnablingBringsNoEventOfBefore) {
  ping_->ping();
  loop_.dispatch(0ns);
  loop_.handle().disable(token_);
  loop_.handle().enable(token_);
  loop_.handle().update(token_);
  loop_.dispatch(0ns);
  EXPECT_EQ(calls_, 1);
}

TEST_F(PingTest, TheLastOneGoneRemovesTheSourceWithoutAnEvent) {
  std::optional<Ping> copy = ping_;
  ping_.reset();
  loop_.dispatch(0ns);
  EXPECT_EQ(loop_.handle().source_count(), 1u);
  copy->ping();
  loop_.dispatch(0ns);
  EXPECT_EQ(calls_, 1);
  copy.reset();
  loop_.dispatch(0ns);
  EXPECT_EQ(loop_.handle().source_count(), 0u);
  EXPECT_EQ(calls_, 1);
}

TEST_F(PingTest, APingBeforeTheEndIsDelivered) {
  ping_->ping();
  ping_.reset();
  loop_.dispatch(0ns);
  EXPECT_EQ(calls_, 1);
  EXPECT_EQ(loop_.handle().source_count(), 0u);
}

TEST_F(PingTest, IsHarmlessOnceTheSourceIsGone) {
  EXPECT_TRUE(loop_.handle().remove(token_));
  for (int i = 0; i < 3; ++i)
    ping_->ping();
  loop_.dispatch(0ns);
  EXPECT_EQ(calls_, 0);
}

TEST_F(PingTest, FromItsOwnCallbackComesInTheNextIteration) {
  auto [ping, source] = make_ping();
  int calls = 0;
  loop_.handle().insert_source(std::move(source), [&, again = ping] {
    if (++calls < 3)
      again.ping();
  });
  ping.ping();
  for (int i = 1; i <= 5; ++i) {
    loop_.dispatch(0ns);
    EXPECT_EQ(calls, std::min(i, 3));
  }
}

TEST(Ping, AClosedOneDoesNotKeepTheLoopBusy) {
  auto owned = std::make_unique<TestBackend>();
  TestBackend& test = *owned;
  EventLoop<> loop{std::move(owned)};
  std::optional<Ping> ping;
  {
    auto [sender, source] = make_ping();
    ping = std::move(sender);
    loop.handle().insert_source(std::move(source), [] { FAIL(); });
  }
  ping.reset();
  loop.dispatch(1ms);
  EXPECT_EQ(test.now(), TimePoint{});
  loop.dispatch(1ms);
  EXPECT_EQ(test.now(), TimePoint{1ms});
}

TEST(Ping, OwnsOneDescriptor) {
  const auto before = tests::descriptor_count();
  {
    auto [ping, source] = make_ping();
    const Ping copy = ping;
    EXPECT_EQ(tests::descriptor_count(), before + 1);
  }
  EXPECT_EQ(tests::descriptor_count(), before);
}

}  // namespace
