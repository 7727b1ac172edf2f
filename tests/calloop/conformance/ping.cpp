// calloop's tests of Ping. CL-035 to CL-041.
#include <cstddef>
#include <optional>
#include <utility>

#include <gtest/gtest.h>

#include <calloop/calloop.hpp>

#include "tests/calloop/conformance/virtual_loop.hpp"

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using tests::VirtualLoop;

TEST(Conformance, CL_035_APingIsOneCallback) {
  EventLoop<> loop;
  auto [ping, source] = make_ping();
  int calls = 0;
  loop.handle().insert_source(std::move(source), [&] { ++calls; });
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 0);
  ping.ping();
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 1);
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 1);
}

// A source in a virtual loop, and how often it was called.
struct Pinging {
  explicit Pinging(PingSource source) {
    virtual_loop.handle.insert_source(std::move(source), [this] { ++calls; });
  }
  void dispatch() { virtual_loop.loop.dispatch(0ns); }
  [[nodiscard]] std::size_t source_count() const { return virtual_loop.handle.source_count(); }

  VirtualLoop<> virtual_loop;
  int calls = 0;
};

TEST(Conformance, CL_036_ASourceWithoutSenderRemovesItselfWithoutACallback) {
  auto [ping, source] = make_ping();
  Pinging pinging{std::move(source)};
  {
    const Ping last = std::move(ping);
  }
  EXPECT_EQ(pinging.source_count(), 1u);
  pinging.dispatch();
  EXPECT_EQ(pinging.calls, 0);
  EXPECT_EQ(pinging.source_count(), 0u);
}

TEST(Conformance, CL_037_AClosedPingDoesNotKeepTheLoopAwake) {
  auto [ping, source] = make_ping();
  Pinging pinging{std::move(source)};
  {
    const Ping last = std::move(ping);
  }
  pinging.dispatch();
  pinging.virtual_loop.loop.dispatch(100ms);
  EXPECT_EQ(pinging.virtual_loop.clock.now(), TimePoint{100ms});
  EXPECT_EQ(pinging.calls, 0);
}

TEST(Conformance, CL_038_AClosedPingLeavesItsTransientSource) {
  EventLoop<> loop;
  auto [ping, source] = make_ping();
  int calls = 0;
  const auto dispatcher =
      loop.handle().make_dispatcher(TransientSource{std::move(source)}, [&](Pinged) { ++calls; });
  loop.handle().register_dispatcher(dispatcher);
  loop.dispatch(0ns);
  EXPECT_FALSE(dispatcher->is_none());
  {
    const Ping last = std::move(ping);
  }
  loop.dispatch(0ns);
  EXPECT_TRUE(dispatcher->is_none());
  EXPECT_EQ(calls, 0);
  EXPECT_TRUE(dispatcher.is_inserted());
}

TEST(Conformance, CL_039_APingAndTheEndOfItsSenderAreOneCallbackAndARemoval) {
  auto [ping, source] = make_ping();
  Pinging pinging{std::move(source)};
  {
    const Ping last = std::move(ping);
    last.ping();
  }
  pinging.dispatch();
  EXPECT_EQ(pinging.calls, 1);
  EXPECT_EQ(pinging.source_count(), 0u);
}

TEST(Conformance, CL_040_AnySenderOfSeveralWillDo) {
  auto [ping, source] = make_ping();
  Pinging pinging{std::move(source)};
  const Ping second = ping;
  std::optional<Ping> third{ping};
  third.reset();
  pinging.dispatch();
  EXPECT_EQ(pinging.calls, 0);
  EXPECT_EQ(pinging.source_count(), 1u);
  second.ping();
  pinging.dispatch();
  EXPECT_EQ(pinging.calls, 1);
  EXPECT_EQ(pinging.source_count(), 1u);
}

TEST(Conformance, CL_041_TheEndOfTheLastSenderOfSeveralRemovesTheSource) {
  auto [ping, source] = make_ping();
  Pinging pinging{std::move(source)};
  std::optional<Ping> first{std::move(ping)};
  std::optional<Ping> second{*first};
  first.reset();
  pinging.dispatch();
  EXPECT_EQ(pinging.source_count(), 1u);
  second.reset();
  pinging.dispatch();
  EXPECT_EQ(pinging.source_count(), 0u);
  EXPECT_EQ(pinging.calls, 0);
}

}  // namespace
