// The re-entrancy contract, line 1: any operation, from anywhere, on any source.
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <tuple>

#include <gtest/gtest.h>

#include <calloop/calloop.hpp>

#include "tests/calloop/hooked_source.hpp"
#include "tests/calloop/on_drop.hpp"
#include "tests/calloop/pipe.hpp"

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using tests::HookedSource;
using tests::OnDrop;
using tests::Pipe;

enum class Place {
  FdCallback,
  TimerCallback,
  SyntheticCallback,
  BeforeSleep,
  BeforeHandleEvents,
  Idle,
  ClosureDestructor,
};
enum class Operation { InsertFd, InsertTimer, InsertIdle, Remove, Disable, Enable, Update, Handle };
enum class Target { Itself, Another };

class Anywhere : public testing::TestWithParam<std::tuple<Place, Operation, Target>> {
 protected:
  // Performs the operation, the first time that it is called.
  void act() {
    ++actions_;
    if (actions_ > 1)
      return;
    other_calls_before_ = other_calls_;
    const auto [place, operation, target] = GetParam();
    const RegistrationToken token = target == Target::Itself ? actor_ : other_;
    const bool is_known =
        target == Target::Another || (place != Place::Idle && place != Place::ClosureDestructor);
    switch (operation) {
      case Operation::InsertFd:
        loop_.handle().insert_source(Generic{fresh_.fd(), interest().read()}, [this](Readiness) {
          ++fresh_calls_;
          return PostAction::Remove;
        });
        break;
      case Operation::InsertTimer:
        loop_.handle().insert_source(Timer::immediate(), [this] { ++fresh_calls_; });
        break;
      case Operation::InsertIdle:
        loop_.handle().insert_idle([this] { ++fresh_calls_; });
        break;
      case Operation::Remove:
        EXPECT_EQ(loop_.handle().remove(token), is_known);
        break;
      case Operation::Disable:
        EXPECT_EQ(loop_.handle().disable(token), is_known);
        break;
      case Operation::Enable:
        EXPECT_EQ(loop_.handle().enable(token), is_known);
        break;
      case Operation::Update:
        EXPECT_EQ(loop_.handle().update(token), is_known);
        break;
      case Operation::Handle:
        handle_.reset();
        break;
    }
  }

  void insert_actor(Place place) {
    const LoopHandle<> loop = loop_.handle();
    switch (place) {
      case Place::FdCallback:
        actor_ = loop.insert_source(Generic{actor_pipe_.fd(), interest().read()},
                                    [this](Readiness) { act(); });
        break;
      case Place::TimerCallback:
        actor_ = loop.insert_source(Timer::immediate(), [this](TimePoint) {
          act();
          return TimeoutAction::after(0ns);
        });
        break;
      case Place::SyntheticCallback:
        actor_ = loop.insert_source(HookedSource{[] { return true; }}, [this] { act(); });
        break;
      case Place::BeforeSleep:
        actor_ = loop.insert_source(HookedSource{[this] {
                                      act();
                                      return false;
                                    }},
                                    [] {});
        break;
      case Place::BeforeHandleEvents:
        actor_ = loop.insert_source(HookedSource{{}, [this](Events) { act(); }}, [] {});
        break;
      case Place::Idle:
        loop.insert_idle([this] { act(); });
        break;
      case Place::ClosureDestructor:
        loop.insert_source(Timer::immediate(), [guard = OnDrop{[this] { act(); }}] {});
        break;
    }
  }

  EventLoop<> loop_;
  std::optional<LoopHandle<>> handle_{loop_.handle()};
  Pipe actor_pipe_ = Pipe::filled();
  Pipe other_pipe_ = Pipe::filled();
  Pipe fresh_ = Pipe::filled();
  RegistrationToken actor_;
  RegistrationToken other_;
  int actions_ = 0;
  int other_calls_ = 0;
  int other_calls_before_ = 0;
  int fresh_calls_ = 0;
};

TEST_P(Anywhere, IsAllowedAndDoesWhatItSays) {
  const auto [place, operation, target] = GetParam();
  insert_actor(place);
  other_ = loop_.handle().insert_source(Generic{other_pipe_.fd(), interest().read()},
                                        [this](Readiness) { ++other_calls_; });
  if (operation == Operation::Enable && target == Target::Another)
    loop_.handle().disable(other_);

  loop_.dispatch(0ns);
  ASSERT_EQ(actions_, 1);
  const int other_calls_after_first = other_calls_;
  for (int i = 0; i < 3; ++i)
    loop_.dispatch(0ns);

  const bool ended = operation == Operation::Remove || operation == Operation::Disable;
  if (ended && target == Target::Another) {
    EXPECT_EQ(other_calls_, other_calls_before_);
  } else {
    EXPECT_EQ(other_calls_, other_calls_after_first + 3);
  }
  const bool is_once = place == Place::Idle || place == Place::ClosureDestructor;
  if (is_once || (ended && target == Target::Itself)) {
    EXPECT_EQ(actions_, 1);
  } else {
    EXPECT_EQ(actions_, 4);
  }
  const bool inserts = operation == Operation::InsertFd || operation == Operation::InsertTimer ||
                       operation == Operation::InsertIdle;
  EXPECT_EQ(fresh_calls_, inserts ? 1 : 0);

  const bool other_left = !(operation == Operation::Remove && target == Target::Another);
  const bool actor_left = !is_once && !(operation == Operation::Remove && target == Target::Itself);
  EXPECT_EQ(loop_.handle().source_count(), static_cast<std::size_t>(other_left + actor_left));
}

std::string name_of_case(const testing::TestParamInfo<Anywhere::ParamType>& info) {
  static constexpr std::array places{"FdCallback",       "TimerCallback",      "SyntheticCallback",
                                     "BeforeSleep",      "BeforeHandleEvents", "Idle",
                                     "ClosureDestructor"};
  static constexpr std::array operations{"InsertFd", "InsertTimer", "InsertIdle", "Remove",
                                         "Disable",  "Enable",      "Update",     "DropHandle"};
  const auto [place, operation, target] = info.param;
  return std::string{places[static_cast<std::size_t>(place)]} +
         operations[static_cast<std::size_t>(operation)] +
         (target == Target::Itself ? "Itself" : "Another");
}

INSTANTIATE_TEST_SUITE_P(
    Rule1, Anywhere,
    testing::Combine(testing::Values(Place::FdCallback, Place::TimerCallback,
                                     Place::SyntheticCallback, Place::BeforeSleep,
                                     Place::BeforeHandleEvents, Place::Idle,
                                     Place::ClosureDestructor),
                     testing::Values(Operation::InsertFd, Operation::InsertTimer,
                                     Operation::InsertIdle, Operation::Remove, Operation::Disable,
                                     Operation::Enable, Operation::Update, Operation::Handle),
                     testing::Values(Target::Itself, Target::Another)),
    name_of_case);

TEST(Rule1, TableMayGrowUnderTheRunningSource) {
  EventLoop<> loop;
  const LoopHandle<> handle = loop.handle();
  const Pipe pipe = Pipe::filled();
  int fired = 0;
  handle.insert_source(Generic{pipe.fd(), interest().read()}, [&](Readiness) {
    for (int i = 0; i < 3000; ++i)
      handle.insert_source(Timer::immediate(), [&] { ++fired; });
    return PostAction::Remove;
  });
  loop.dispatch(0ns);
  loop.dispatch(0ns);
  EXPECT_EQ(fired, 3000);
  EXPECT_EQ(handle.source_count(), 0u);
}

TEST(Rule1, TheLastHandleMayBeDroppedInACallbackAfterTheLoopWasTheOnlyOtherOwner) {
  EventLoop<> loop;
  auto handle = std::make_unique<LoopHandle<>>(loop.handle());
  int calls = 0;
  handle->insert_source(Timer::immediate(), [&] {
    handle.reset();
    ++calls;
  });
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(handle, nullptr);
}

}  // namespace
