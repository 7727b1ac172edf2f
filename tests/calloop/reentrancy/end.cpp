// The re-entrancy contract, line 8: the only abort.
#include <csignal>
#include <memory>

#include <gtest/gtest.h>

#include <calloop/calloop.hpp>

#include "tests/calloop/on_drop.hpp"

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using tests::OnDrop;

using Rule8DeathTest = testing::Test;

TEST(Rule8DeathTest, DestroyingTheLoopInItsOwnCallbackAbortsWithAMessage) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto destroy_in_callback = [] {
    auto loop = std::make_unique<EventLoop<>>();
    loop->handle().insert_source(Timer::immediate(), [&] { loop.reset(); });
    loop->dispatch(0ns);
  };
  EXPECT_EXIT(destroy_in_callback(), testing::KilledBySignal(SIGABRT),
              "EventLoop was destroyed by one of its own callbacks");
}

TEST(Rule8DeathTest, AlsoFromAnIdleInPrepare) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto destroy_in_idle = [] {
    auto loop = std::make_unique<EventLoop<>>();
    loop->handle().insert_idle([&] { loop.reset(); });
    static_cast<void>(loop->prepare());
  };
  EXPECT_EXIT(destroy_in_idle(), testing::KilledBySignal(SIGABRT),
              "EventLoop was destroyed by one of its own callbacks");
}

TEST(Rule8, ALoopMayBeDestroyedInACallbackOfAnother) {
  EventLoop<> host;
  auto guest = std::make_unique<EventLoop<>>();
  bool dropped = false;
  guest->handle().insert_source(Timer::after(1h), [guard = OnDrop{[&] { dropped = true; }}] {});
  host.handle().insert_source(Timer::immediate(), [&] { guest.reset(); });
  host.dispatch(0ns);
  EXPECT_TRUE(dropped);
}

}  // namespace
