// Narrowing: from the whole to parts, and never back.
#include <concepts>
#include <string>
#include <tuple>
#include <type_traits>

#include <gtest/gtest.h>

#include <calloop/event_loop.hpp>
#include <calloop/part.hpp>
#include <calloop/sources/timer.hpp>

namespace {

using namespace calloop;
using namespace std::chrono_literals;

struct Keyboard {
  int keys = 0;
};
struct Seat {
  int id = 0;
  Keyboard keyboard;
};
struct Ipc {
  int requests = 0;
};
struct Logs {
  int lines = 0;
};
struct App : Logs, Ipc {
  Seat first;
  Seat second;
};

static_assert(HasPart<App, App>);
static_assert(HasPart<App, Logs>);
static_assert(HasPart<App, Ipc>);
static_assert(HasPart<App, void>);
static_assert(!HasPart<App, Seat>);  // members are named
static_assert(!HasPart<Logs, App>);
static_assert(HasPart<std::tuple<int, Seat>, Seat>);
static_assert(!HasPart<std::tuple<Seat, Seat>, Seat>);  // which?
static_assert(!HasPart<std::tuple<int>, Seat>);
static_assert(MemberOf<&App::first, App>);
static_assert(!MemberOf<&App::first, Seat>);

static_assert(std::convertible_to<LoopHandle<App>, LoopHandle<Logs>>);
static_assert(std::convertible_to<LoopHandle<App>, LoopHandle<>>);
static_assert(std::convertible_to<LoopHandle<Logs>, LoopHandle<>>);
static_assert(!std::convertible_to<LoopHandle<Logs>, LoopHandle<App>>);
static_assert(!std::convertible_to<LoopHandle<>, LoopHandle<App>>);
static_assert(!std::convertible_to<LoopHandle<App>, LoopHandle<Seat>>);
static_assert(!std::is_constructible_v<LoopHandle<App>, LoopHandle<Seat>>);

template <class Part>
RegistrationToken count_in(const LoopHandle<Part>& loop, int Part::* member) {
  return loop.insert_source(Timer::immediate(), [member](Part& part) {
    ++(part.*member);
    return TimeoutAction::after(0ns);
  });
}

TEST(Part, EachModuleSeesItsOwn) {
  EventLoop<App> loop;
  App app;
  const LoopHandle<App> whole = loop.handle();
  const LoopHandle<Logs> logs = whole;
  const LoopHandle<Ipc> ipc = whole;  // a base that is not the first: another address
  const LoopHandle<Seat> second = whole.part<&App::second>();
  const LoopHandle<Keyboard> keyboard = second.part<&Seat::keyboard>();
  count_in(logs, &Logs::lines);
  count_in(ipc, &Ipc::requests);
  count_in(second, &Seat::id);
  count_in(keyboard, &Keyboard::keys);
  loop.dispatch(0ns, app);
  EXPECT_EQ(app.lines, 1);
  EXPECT_EQ(app.requests, 1);
  EXPECT_EQ(app.second.id, 1);
  EXPECT_EQ(app.second.keyboard.keys, 1);
  EXPECT_EQ(app.first.id, 0);
  EXPECT_EQ(app.first.keyboard.keys, 0);
}

TEST(Part, FollowsTheDataOfEachDispatch) {
  EventLoop<App> loop;
  count_in(loop.handle().part<&App::first>().part<&Seat::keyboard>(), &Keyboard::keys);
  App one;
  App two;
  loop.dispatch(0ns, one);
  loop.dispatch(0ns, two);
  loop.dispatch(0ns, two);
  EXPECT_EQ(one.first.keyboard.keys, 1);
  EXPECT_EQ(two.first.keyboard.keys, 2);
}

TEST(Part, MayBeTakenInACallbackAndUsedAtOnce) {
  EventLoop<App> loop;
  App app;
  const LoopHandle<App> whole = loop.handle();
  whole.insert_source(Timer::immediate(), [whole](App&) {
    whole.part<&App::first>().insert_idle([](Seat& seat) { ++seat.id; });
  });
  loop.dispatch(0ns, app);
  EXPECT_EQ(app.first.id, 1);
}

TEST(Part, MayBeTakenBetweenDispatchesOfOtherData) {
  EventLoop<App> loop;
  App one;
  loop.dispatch(0ns, one);
  count_in(loop.handle().part<&App::first>(), &Seat::id);
  loop.dispatch(0ns, one);
  EXPECT_EQ(one.first.id, 1);
  {
    auto two = std::make_unique<App>();
    loop.dispatch(0ns, *two);
    EXPECT_EQ(two->first.id, 1);
  }
  count_in(loop.handle().part<&App::second>(), &Seat::id);  // the last data is gone
  loop.dispatch(0ns, one);
  EXPECT_EQ(one.second.id, 1);
}

TEST(Part, OfATuple) {
  EventLoop<std::tuple<int, std::string>> loop;
  std::tuple<int, std::string> data;
  loop.handle().insert_source(Timer::immediate(), [](std::string& text, int& number) {
    text = "text";
    number = 3;
  });
  LoopHandle<std::string>{loop.handle()}.insert_source(Timer::immediate(),
                                                       [](std::string& text) { text += "s"; });
  loop.dispatch(0ns, data);
  EXPECT_EQ(data, std::tuple(3, std::string{"texts"}));
}

TEST(Part, HandlesOfAllPartsAreOneLoop) {
  EventLoop<App> loop;
  EventLoop<App> other;
  const LoopHandle<Seat> seat = loop.handle().part<&App::first>();
  EXPECT_TRUE(seat.same_loop(loop.handle()));
  EXPECT_FALSE(seat.same_loop(other.handle()));
  LoopHandle<> assigned = seat;
  assigned = LoopHandle<>{other.handle()};
  EXPECT_TRUE(assigned.same_loop(other.handle()));
}

}  // namespace
