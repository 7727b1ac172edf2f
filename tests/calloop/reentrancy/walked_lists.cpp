// The re-entrancy contract, lines 5 and 6: destructors of closures may use the loop, and the lists
// that are being walked may change.
#include <exception>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/calloop.hpp>

#include "tests/calloop/hooked_source.hpp"
#include "tests/calloop/on_drop.hpp"
#include "tests/calloop/pipe.hpp"

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using testing::ElementsAre;
using tests::HookedSource;
using tests::OnDrop;
using tests::Pipe;

TEST(Rule5, DestructorsMayInsertAndRemove) {
  EventLoop<> loop;
  const LoopHandle<> handle = loop.handle();
  const Pipe pipe = Pipe::filled();
  int late = 0;
  const RegistrationToken victim = handle.insert_source(Timer::after(1h), [] {});
  handle.insert_source(Generic{pipe.fd(), interest().read()},
                       [guard = OnDrop{[&] {
                          EXPECT_TRUE(handle.remove(victim));
                          handle.insert_source(Timer::immediate(), [&] { ++late; });
                          handle.insert_idle([&] { ++late; });
                        }}](Readiness) { return PostAction::Remove; });
  loop.dispatch(0ns);
  loop.dispatch(0ns);
  EXPECT_EQ(late, 2);
  EXPECT_EQ(handle.source_count(), 0u);
}

TEST(Rule5, RemovalMayCascade) {
  EventLoop<> loop;
  const LoopHandle<> handle = loop.handle();
  std::vector<RegistrationToken> tokens(50);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    tokens[i] = handle.insert_source(Timer::after(1h), [guard = OnDrop{[&, i] {
                                                          if (i + 1 < tokens.size())
                                                            handle.remove(tokens[i + 1]);
                                                        }}] {});
  }
  EXPECT_TRUE(handle.remove(tokens[0]));
  EXPECT_EQ(handle.source_count(), 0u);
}

TEST(Rule5, TheDestructorOfACancelledIdleMayInsertAnother) {
  EventLoop<> loop;
  const LoopHandle<> handle = loop.handle();
  int runs = 0;
  const Idle idle = handle.insert_idle(
      [guard = OnDrop{[&] { handle.insert_idle([&] { ++runs; }); }}] { FAIL(); });
  EXPECT_TRUE(idle.cancel());
  EXPECT_FALSE(idle.cancel());
  loop.dispatch(0ns);
  EXPECT_EQ(runs, 1);
}

TEST(Rule5, TheDestructorOfAnErrorHandlerMayInsert) {
  EventLoop<> loop;
  const LoopHandle<> handle = loop.handle();
  int fired = 0;
  auto guard = std::make_shared<OnDrop<std::function<void()>>>([&] {
    for (int i = 0; i < 40; ++i)
      handle.insert_source(Timer::immediate(), [&] { ++fired; }, {.name = "late"});
  });
  const RegistrationToken token =
      handle.insert_source(Timer::after(1h), [] {},
                           {.on_error = [guard](std::exception_ptr) { return ErrorAction::Keep; }});
  guard.reset();
  EXPECT_TRUE(handle.remove(token));
  EXPECT_EQ(handle.source_count(), 40u);
  loop.dispatch(0ns);
  EXPECT_EQ(fired, 40);
}

TEST(Rule6, HooksMayRemoveEachOther) {
  EventLoop<> loop;
  const LoopHandle<> handle = loop.handle();
  std::vector<RegistrationToken> tokens(5);
  int calls = 0;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    tokens[i] = handle.insert_source(HookedSource{[&] {
                                       ++calls;
                                       for (const RegistrationToken token : tokens)
                                         handle.remove(token);
                                       return false;
                                     }},
                                     [] {});
  }
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(handle.source_count(), 0u);
}

TEST(Rule6, HooksMayInsertSourcesWithHooks) {
  EventLoop<> loop;
  const LoopHandle<> handle = loop.handle();
  int inner = 0;
  bool inserted = false;
  handle.insert_source(HookedSource{[&] {
                         if (!std::exchange(inserted, true)) {
                           for (int i = 0; i < 20; ++i) {
                             handle.insert_source(HookedSource{[&] {
                                                    ++inner;
                                                    return false;
                                                  }},
                                                  [] {});
                           }
                         }
                         return false;
                       }},
                       [] {});
  loop.dispatch(0ns);
  const int first = inner;
  loop.dispatch(0ns);
  EXPECT_EQ(inner, first + 20);
}

TEST(Rule6, AnIdleInsertedByAnIdleRunsInTheNextIteration) {
  EventLoop<> loop;
  const LoopHandle<> handle = loop.handle();
  std::vector<int> order;
  handle.insert_idle([&] {
    order.push_back(1);
    handle.insert_idle([&] { order.push_back(3); });
  });
  handle.insert_idle([&] { order.push_back(2); });
  loop.dispatch(0ns);
  EXPECT_THAT(order, ElementsAre(1, 2));
  loop.dispatch(std::nullopt);  // does not sleep: an idle waits
  EXPECT_THAT(order, ElementsAre(1, 2, 3));
}

TEST(Rule6, IdlesMayCancelEachOtherAndThemselves) {
  EventLoop<> loop;
  const LoopHandle<> handle = loop.handle();
  std::vector<Idle> idles(3);
  std::vector<int> ran;
  idles[0] = handle.insert_idle([&] {
    ran.push_back(0);
    EXPECT_FALSE(idles[0].cancel());
    EXPECT_TRUE(idles[1].cancel());
  });
  idles[1] = handle.insert_idle([&] { ran.push_back(1); });
  idles[2] = handle.insert_idle([&] { ran.push_back(2); });
  loop.dispatch(0ns);
  EXPECT_THAT(ran, ElementsAre(0, 2));
}

}  // namespace
