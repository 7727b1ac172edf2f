#include <sys/eventfd.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <calloop/composed.hpp>
#include <calloop/event_loop.hpp>
#include <calloop/sources/ping.hpp>
#include <calloop/testing.hpp>

#include "tests/calloop/boom.hpp"
#include "tests/calloop/descriptor_count.hpp"

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using tests::Boom;

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

// What the kernel counts of the eventfd whose number is free next.
TEST(Ping, ABurstIsOneWrite) {
  const int next = OwnedFd{::eventfd(0, EFD_CLOEXEC)}.get();
  auto [ping, source] = make_ping();
  for (int i = 0; i < 1000; ++i)
    ping.ping();
  std::ifstream info{"/proc/self/fdinfo/" + std::to_string(next)};
  std::string key;
  std::string value;
  while (info >> key && key != "eventfd-count:")
    info >> value;
  ASSERT_EQ(key, "eventfd-count:");
  info >> value;
  EXPECT_EQ(std::stoul(value, nullptr, 16), 1u);
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

// Two pings, of which the second may be called again by its parent, or have it throw.
class TwoPings : public Composed<TwoPings> {
 public:
  using Event = int;
  using Metadata = void;
  using Ret = void;

  TwoPings(PingSource first, PingSource second)
      : first_{std::move(first)}, second_{std::move(second)} {}
  auto children() { return std::tie(first_, second_); }
  PostAction process_events(Readiness readiness, Token token, auto&& emit) {
    return first_.process_events(readiness, token, [&](Pinged) { emit(1); }) |
           second_.process_events(readiness, token, [&](Pinged) {
             emit(2);
             if (again > 0) {
               --again;
               second_.repeat();
             }
             if (throws > 0) {
               --throws;
               throw Boom{"the parent's own"};
             }
           });
  }
  int again = 0;
  int throws = 0;

 private:
  PingSource first_;
  PingSource second_;
};

class PingInAParent : public testing::Test {
 protected:
  PingInAParent() : PingInAParent{std::make_unique<TestBackend>()} {}
  // Dispatches until the loop sleeps.
  void run() {
    const TimePoint end = clock_.now() + 1h;
    for (int iteration = 0; iteration < 20 && clock_.now() < end; ++iteration)
      loop_.dispatch(1h);
    EXPECT_EQ(clock_.now(), end) << "the loop spins";
  }

  TestBackend& clock_;
  EventLoop<> loop_;
  std::optional<Ping> first_;
  std::optional<Ping> second_;
  std::optional<Dispatcher<TwoPings>> source_;
  RegistrationToken token_;
  std::vector<int> calls_;

 private:
  explicit PingInAParent(std::unique_ptr<TestBackend> backend)
      : clock_{*backend}, loop_{std::move(backend)} {
    auto [first, first_source] = make_ping();
    auto [second, second_source] = make_ping();
    first_ = std::move(first);
    second_ = std::move(second);
    source_ =
        loop_.handle().make_dispatcher(TwoPings{std::move(first_source), std::move(second_source)},
                                       [this](int which) { calls_.push_back(which); });
    token_ = loop_.handle().register_dispatcher(*source_);
  }
};

TEST_F(PingInAParent, IsSilentOnceItsSenderIsGone) {
  second_->ping();
  second_.reset();
  run();
  EXPECT_EQ(calls_, (std::vector{2}));
  EXPECT_TRUE(loop_.handle().update(token_));
  run();
  EXPECT_TRUE(loop_.handle().disable(token_));
  EXPECT_TRUE(loop_.handle().enable(token_));
  run();
  EXPECT_EQ(calls_, (std::vector{2}));
  first_->ping();  // its sibling goes on
  run();
  EXPECT_EQ(calls_, (std::vector{2, 1}));
}

TEST_F(PingInAParent, FiresAgainAfterRepeatAlsoWhenItsSenderIsGone) {
  (*source_)->again = 3;
  second_->ping();
  second_.reset();
  run();
  EXPECT_EQ(calls_, (std::vector{2, 2, 2, 2}));
}

TEST_F(PingInAParent, FiresAgainWhenTheParentThrewAndThenEnds) {
  (*source_)->throws = 2;
  second_->ping();
  second_.reset();
  EXPECT_THROW(loop_.dispatch(0ns), Boom);
  EXPECT_THROW(loop_.dispatch(0ns), Boom);
  run();
  EXPECT_EQ(calls_, (std::vector{2, 2, 2}));
}

}  // namespace
