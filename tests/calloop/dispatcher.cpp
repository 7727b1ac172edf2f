#include <memory>
#include <stdexcept>
#include <utility>

#include <gtest/gtest.h>

#include <calloop/dispatcher.hpp>
#include <calloop/event_loop.hpp>
#include <calloop/sources/generic.hpp>
#include <calloop/sources/timer.hpp>

#include "tests/calloop/on_drop.hpp"
#include "tests/calloop/pipe.hpp"

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using tests::OnDrop;
using tests::Pipe;

TEST(Dispatcher, ReachesTheSourceAlsoFromItsOwnCallback) {
  EventLoop<> loop;
  const Pipe pipe = Pipe::filled();
  RegistrationToken token;
  Dispatcher<Generic<int>>* self = nullptr;
  int calls = 0;
  auto source =
      loop.handle().make_dispatcher(Generic{pipe.fd(), interest().read()}, [&](Readiness) {
        ++calls;
        EXPECT_EQ((*self)->get(), pipe.fd());
        (*self)->set_interest(interest());
        loop.handle().update(token);
      });
  self = &source;
  EXPECT_FALSE(source.is_inserted());
  token = loop.handle().register_dispatcher(source);
  EXPECT_TRUE(source.is_inserted());
  loop.dispatch(0ns);
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ((*source).interest(), interest());
}

TEST(Dispatcher, KeepsSourceAndCallbackAfterRemoval) {
  EventLoop<> loop;
  bool destroyed = false;
  int fired = 0;
  auto timer = loop.handle().make_dispatcher(
      Timer::immediate(), [&, guard = OnDrop{[&] { destroyed = true; }}] { ++fired; });
  loop.handle().register_dispatcher(timer);
  loop.dispatch(0ns);
  EXPECT_EQ(fired, 1);
  EXPECT_FALSE(timer.is_inserted());
  EXPECT_FALSE(destroyed);
  timer->set_delay(0ns);
  loop.handle().register_dispatcher(timer);  // once more
  loop.dispatch(0ns);
  EXPECT_EQ(fired, 2);
  const Timer taken = std::move(timer).into_source();
  EXPECT_TRUE(destroyed);
}

TEST(Dispatcher, MayGoBeforeTheSourceDoes) {
  EventLoop<> loop;
  int fired = 0;
  {
    const auto timer = loop.handle().make_dispatcher(Timer::immediate(), [&] { ++fired; });
    loop.handle().register_dispatcher(timer);
  }
  loop.dispatch(0ns);
  EXPECT_EQ(fired, 1);
}

TEST(Dispatcher, OutlivesTheLoop) {
  const Pipe pipe;
  bool destroyed = false;
  {
    auto loop = std::make_unique<EventLoop<>>();
    auto source = loop->handle().make_dispatcher(
        Generic{pipe.fd(), interest().read()},
        [handle = loop->handle(), guard = OnDrop{[&] { destroyed = true; }}](Readiness) {});
    loop->handle().register_dispatcher(source);
    loop.reset();
    EXPECT_FALSE(destroyed);
    EXPECT_FALSE(source.is_inserted());
    EXPECT_EQ(source->get(), pipe.fd());
  }
  EXPECT_TRUE(destroyed);
}

TEST(Dispatcher, MovesToAnotherLoop) {
  EventLoop<> first;
  EventLoop<> second;
  const Pipe pipe = Pipe::filled();
  int calls = 0;
  const auto source = first.handle().make_dispatcher(Generic{pipe.fd(), interest().read()},
                                                     [&](Readiness) { ++calls; });
  const RegistrationToken token = first.handle().register_dispatcher(source);
  EXPECT_THROW(second.handle().register_dispatcher(source), std::logic_error);
  first.handle().remove(token);
  second.handle().register_dispatcher(source);
  first.dispatch(0ns);
  EXPECT_EQ(calls, 0);
  second.dispatch(0ns);
  EXPECT_EQ(calls, 1);
}

TEST(Dispatcher, GivesItsSourceAwayOnlyWhenNobodyElseHasIt) {
  EventLoop<> loop;
  auto timer = loop.handle().make_dispatcher(Timer::after(1h), [] {});
  {
    const auto copy = timer;
    EXPECT_THROW(static_cast<void>(std::move(timer).into_source()), std::logic_error);
  }
  EXPECT_EQ(timer->deadline(), std::nullopt);  // nothing happened
  EXPECT_NO_THROW(static_cast<void>(std::move(timer).into_source()));
}

}  // namespace
