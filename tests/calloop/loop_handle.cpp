// Handles: copied, kept, compared; what they insert.
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <calloop/event_loop.hpp>
#include <calloop/loop_handle.hpp>
#include <calloop/sources/generic.hpp>
#include <calloop/sources/timer.hpp>
#include <calloop/testing.hpp>

#include "tests/calloop/on_drop.hpp"
#include "tests/calloop/pipe.hpp"

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using tests::OnDrop;
using tests::Pipe;

static_assert(std::is_nothrow_copy_constructible_v<LoopHandle<int>>);
static_assert(!std::is_default_constructible_v<LoopHandle<>>);
static_assert(std::is_default_constructible_v<Idle>);

TEST(LoopHandle, CopiesAreTheSame) {
  EventLoop<int> loop;
  const LoopHandle<int> first = loop.handle();
  LoopHandle<int> second = first;
  const LoopHandle<int> third = std::move(second);  // NOLINT(performance-move-const-arg)
  second = third;
  LoopHandle<int>& itself = second;
  second = itself;
  const RegistrationToken token = second.insert_source(Timer::after(1h), [] {});
  EXPECT_EQ(first.source_count(), 1u);
  EXPECT_TRUE(third.remove(token));
}

TEST(LoopHandle, OperationsOnEnabledAndDisabledSources) {
  EventLoop<> loop;
  const LoopHandle<> handle = loop.handle();
  const Pipe pipe = Pipe::filled();
  int calls = 0;
  const RegistrationToken token =
      handle.insert_source(Generic{pipe.fd(), interest().read()}, [&](Readiness) { ++calls; });
  const auto calls_in_one = [&] {
    calls = 0;
    loop.dispatch(0ns);
    return calls;
  };
  EXPECT_TRUE(handle.enable(token));  // is enabled
  EXPECT_EQ(calls_in_one(), 1);
  EXPECT_TRUE(handle.disable(token));
  EXPECT_TRUE(handle.disable(token));
  EXPECT_EQ(calls_in_one(), 0);
  EXPECT_TRUE(handle.update(token));  // stays disabled
  EXPECT_EQ(calls_in_one(), 0);
  EXPECT_TRUE(handle.enable(token));
  EXPECT_EQ(calls_in_one(), 1);
  EXPECT_TRUE(handle.disable(token));
  EXPECT_TRUE(handle.remove(token));
  EXPECT_EQ(handle.source_count(), 0u);
}

TEST(LoopHandle, TellsTheTimeOfItsLoop) {
  EventLoop<> loop{std::make_unique<TestBackend>(TimePoint{3h})};
  EXPECT_EQ(loop.handle().now(), TimePoint{3h});
}

TEST(LoopHandle, TenThousandSourcesComeAndGo) {
  EventLoop<> loop;
  const LoopHandle<> handle = loop.handle();
  std::vector<RegistrationToken> tokens;
  for (int i = 0; i < 10'000; ++i)
    tokens.push_back(handle.insert_source(Timer::after(1h), [] {}, {.name = std::to_string(i)}));
  EXPECT_EQ(handle.source_count(), 10'000u);
  for (std::size_t i = 0; i < tokens.size(); i += 2)
    EXPECT_TRUE(handle.remove(tokens[i]));
  EXPECT_EQ(handle.source_count(), 5'000u);
  for (std::size_t i = 0; i < tokens.size(); ++i)
    EXPECT_EQ(handle.remove(tokens[i]), i % 2 == 1);
  EXPECT_EQ(handle.source_count(), 0u);
}

TEST(Idle, RunsOnceAtTheEndOfTheIteration) {
  EventLoop<std::vector<int>> loop;
  std::vector<int> log;
  loop.handle().insert_idle([](std::vector<int>& l) { l.push_back(2); });
  loop.handle().insert_source(Timer::immediate(), [](std::vector<int>& l) { l.push_back(1); });
  loop.dispatch(std::nullopt, log);  // a waiting idle keeps it from sleeping
  loop.dispatch(0ns, log);
  EXPECT_EQ(log, (std::vector<int>{1, 2}));
}

TEST(Idle, DroppingItDoesNotCancel) {
  EventLoop<> loop;
  int runs = 0;
  {
    [[maybe_unused]] const Idle idle = loop.handle().insert_idle([&] { ++runs; });
  }
  loop.dispatch(0ns);
  EXPECT_EQ(runs, 1);
}

TEST(Idle, CancelDestroysTheClosureAtOnce) {
  EventLoop<> loop;
  bool destroyed = false;
  const Idle idle =
      loop.handle().insert_idle([guard = OnDrop{[&] { destroyed = true; }}] { FAIL(); });
  const Idle copy = idle;  // NOLINT(performance-unnecessary-copy-initialization)
  EXPECT_TRUE(copy.cancel());
  EXPECT_TRUE(destroyed);
  EXPECT_FALSE(idle.cancel());
  EXPECT_FALSE(Idle{}.cancel());
  loop.dispatch(0ns);
}

TEST(Idle, IsDestroyedOnceItHasRun) {
  EventLoop<> loop;
  bool destroyed = false;
  const Idle idle = loop.handle().insert_idle([guard = OnDrop{[&] { destroyed = true; }}] {});
  loop.dispatch(0ns);
  EXPECT_TRUE(destroyed);
  EXPECT_FALSE(idle.cancel());
}

TEST(Idle, OneThatThrowsLosesNoOther) {
  EventLoop<> loop;
  int runs = 0;
  for (int i = 0; i < 3; ++i) {
    loop.handle().insert_idle([&] {
      ++runs;
      throw std::runtime_error{"idle"};
    });
  }
  for (int i = 1; i <= 3; ++i) {
    EXPECT_THROW(loop.dispatch(0ns), std::runtime_error);
    EXPECT_EQ(runs, i);
  }
  loop.dispatch(0ns);
  EXPECT_EQ(runs, 3);
}

}  // namespace
