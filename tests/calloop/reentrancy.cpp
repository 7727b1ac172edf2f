// The re-entrancy contract, line by line: Rule1 to Rule8.
#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/calloop.hpp>
#include <calloop/testing.hpp>

#include "tests/calloop/careless_source.hpp"
#include "tests/calloop/hooked_source.hpp"
#include "tests/calloop/on_drop.hpp"
#include "tests/calloop/pipe.hpp"

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using tests::CarelessSource;
using tests::HookedSource;
using tests::OnDrop;
using tests::Pipe;

// ------------------------------------------------ 1. any operation, from anywhere, on any source

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

// ------------------------------ 2. others at once, oneself when the code returns; stronger action

struct OnOneself {
  EventLoop<> loop;
  LoopHandle<> handle = loop.handle();
  Pipe pipe = Pipe::filled();
  int calls = 0;
  RegistrationToken token;

  // Runs `callback` once as an fd callback and says how often the source is called in the three
  // dispatches after that.
  int calls_after(std::function<PostAction(RegistrationToken)> callback) {
    token = handle.insert_source(Generic{pipe.fd(), interest().read()}, [=, this](Readiness) {
      return calls++ == 0 ? callback(token) : PostAction::Continue;
    });
    loop.dispatch(0ns);
    EXPECT_EQ(calls, 1);
    for (int i = 0; i < 3; ++i)
      loop.dispatch(0ns);
    return calls - 1;
  }
};

TEST(Rule2, EffectsOnOthersAreImmediate) {
  EventLoop<> loop;
  const LoopHandle<> handle = loop.handle();
  bool destroyed = false;
  const RegistrationToken other =
      handle.insert_source(Timer::after(1h), [guard = OnDrop{[&] { destroyed = true; }}] {});
  handle.insert_source(Timer::immediate(), [&] {
    EXPECT_TRUE(handle.remove(other));
    EXPECT_TRUE(destroyed);
    EXPECT_FALSE(handle.remove(other));
    EXPECT_FALSE(handle.enable(other));
  });
  loop.dispatch(0ns);
  EXPECT_TRUE(destroyed);
}

TEST(Rule2, DisableThenEnableOfOneselfStaysEnabled) {
  OnOneself one;
  EXPECT_EQ(one.calls_after([&](RegistrationToken self) {
    EXPECT_TRUE(one.handle.disable(self));
    EXPECT_TRUE(one.handle.enable(self));
    return PostAction::Continue;
  }),
            3);
}

TEST(Rule2, EnableThenDisableOfOneselfIsDisabled) {
  OnOneself one;
  EXPECT_EQ(one.calls_after([&](RegistrationToken self) {
    one.handle.enable(self);
    one.handle.disable(self);
    return PostAction::Continue;
  }),
            0);
  EXPECT_EQ(one.handle.source_count(), 1u);
}

TEST(Rule2, UpdateThenDisableOfOneselfIsDisabled) {
  OnOneself one;
  EXPECT_EQ(one.calls_after([&](RegistrationToken self) {
    one.handle.update(self);
    one.handle.disable(self);
    return PostAction::Continue;
  }),
            0);
}

TEST(Rule2, UpdateOfOneselfAfterDisableDoesNotEnable) {
  OnOneself one;
  EXPECT_EQ(one.calls_after([&](RegistrationToken self) {
    one.handle.disable(self);
    one.handle.update(self);
    return PostAction::Continue;
  }),
            0);
}

TEST(Rule2, DisableOfOneselfIsUndoneByALaterEnable) {
  OnOneself one;
  EXPECT_EQ(one.calls_after([&](RegistrationToken self) {
    one.handle.disable(self);
    return PostAction::Continue;
  }),
            0);
  EXPECT_TRUE(one.handle.enable(one.token));
  one.loop.dispatch(0ns);
  EXPECT_EQ(one.calls, 2);
}

TEST(Rule2, RemoveOfOneselfIsFinal) {
  OnOneself one;
  EXPECT_EQ(one.calls_after([&](RegistrationToken self) {
    EXPECT_TRUE(one.handle.remove(self));
    EXPECT_FALSE(one.handle.enable(self));
    EXPECT_FALSE(one.handle.update(self));
    return PostAction::Reregister;
  }),
            0);
  EXPECT_EQ(one.handle.source_count(), 0u);
}

TEST(Rule2, ReturnedDisableIsStrongerThanUpdate) {
  OnOneself one;
  EXPECT_EQ(one.calls_after([&](RegistrationToken self) {
    one.handle.update(self);
    return PostAction::Disable;
  }),
            0);
  EXPECT_EQ(one.handle.source_count(), 1u);
}

TEST(Rule2, ReturnedReregisterIsWeakerThanDisable) {
  OnOneself one;
  EXPECT_EQ(one.calls_after([&](RegistrationToken self) {
    one.handle.disable(self);
    return PostAction::Reregister;
  }),
            0);
  EXPECT_EQ(one.handle.source_count(), 1u);
}

TEST(Rule2, ReturnedRemoveIsStrongerThanAll) {
  OnOneself one;
  EXPECT_EQ(one.calls_after([&](RegistrationToken self) {
    one.handle.disable(self);
    one.handle.enable(self);
    return PostAction::Remove;
  }),
            0);
  EXPECT_EQ(one.handle.source_count(), 0u);
}

TEST(Rule2, UpdateOfOneselfTakesTheNewInterest) {
  EventLoop<> loop;
  const LoopHandle<> handle = loop.handle();
  const Pipe pipe = Pipe::filled();
  RegistrationToken token;
  int calls = 0;
  const auto source =
      handle.make_dispatcher(Generic{pipe.fd(), interest().read().one_shot()}, [&](Readiness) {
        if (++calls == 1) {
          EXPECT_TRUE(handle.update(token));
        }
      });
  token = handle.register_dispatcher(source);
  for (int i = 0; i < 4; ++i)
    loop.dispatch(0ns);
  EXPECT_EQ(calls, 2);  // armed once more by the update, then silent
}

// ------------------------------------------------------------- 3. the token dies first, then all

TEST(Rule3, RemoveOfOneselfInvalidatesTheTokenAtOnceButTheClosureLives) {
  EventLoop<> loop;
  const LoopHandle<> handle = loop.handle();
  const Pipe pipe = Pipe::filled();
  bool destroyed = false;
  bool returned = false;
  RegistrationToken token;
  token = handle.insert_source(Generic{pipe.fd(), interest().read()},
                               [&, guard = OnDrop{[&] {
                                     EXPECT_TRUE(returned);
                                     destroyed = true;
                                   }},
                                text = std::string(100, 'x')](Readiness, int& fd) {
                                 EXPECT_TRUE(handle.remove(token));
                                 EXPECT_FALSE(handle.remove(token));
                                 EXPECT_FALSE(handle.disable(token));
                                 EXPECT_EQ(handle.source_count(), 0u);
                                 EXPECT_FALSE(destroyed);
                                 EXPECT_EQ(text.size(), 100u);  // the closure's own memory
                                 EXPECT_EQ(fd, pipe.fd());      // the source's
                                 returned = true;
                               });
  loop.dispatch(0ns);
  EXPECT_TRUE(destroyed);
}

TEST(Rule3, SlotReusedInsideTheCallbackIsNotTouchedByItsAnswer) {
  EventLoop<> loop;
  const LoopHandle<> handle = loop.handle();
  const Pipe old = Pipe::filled();
  const Pipe fresh = Pipe::filled();
  int old_calls = 0;
  int fresh_calls = 0;
  RegistrationToken token;
  token = handle.insert_source(Generic{old.fd(), interest().read()}, [&](Readiness) {
    ++old_calls;
    handle.remove(token);
    const RegistrationToken next = handle.insert_source(Generic{fresh.fd(), interest().read()},
                                                        [&](Readiness) { ++fresh_calls; });
    EXPECT_EQ(next.slot(), token.slot());
    EXPECT_NE(next, token);
    return PostAction::Remove;  // about the old one
  });
  loop.dispatch(0ns);
  loop.dispatch(0ns);
  EXPECT_EQ(old_calls, 1);
  EXPECT_GE(fresh_calls, 1);
  EXPECT_EQ(handle.source_count(), 1u);
}

TEST(Rule3, ScopedRegistrationOfOneselfMayBeResetInTheCallback) {
  EventLoop<> loop;
  const Pipe pipe = Pipe::filled();
  ScopedRegistration registration;
  int calls = 0;
  registration = {loop.handle(), loop.handle().insert_source(Generic{pipe.fd(), interest().read()},
                                                             [&](Readiness) {
                                                               registration.reset();
                                                               ++calls;
                                                             })};
  loop.dispatch(0ns);
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 1);
}

TEST(Rule3, ADrainingSourceThatRemovedItselfDeliversNoMore) {
  EventLoop<> loop;
  const LoopHandle<> handle = loop.handle();
  auto [sender, channel] = make_channel<int>();
  std::vector<int> seen;
  RegistrationToken token;
  token = handle.insert_source(std::move(channel), [&](std::optional<int> message) {
    seen.push_back(message.value_or(-1));
    if (message == 2) {
      EXPECT_TRUE(handle.remove(token));
    }
  });
  for (int i = 1; i <= 5; ++i)
    sender.send(i);
  loop.dispatch(0ns);
  loop.dispatch(0ns);
  EXPECT_THAT(seen, ElementsAre(1, 2));
  EXPECT_FALSE(sender.send(6));
}

TEST(Rule3, ADrainingSourceThatDisabledItselfKeepsTheRest) {
  EventLoop<> loop;
  const LoopHandle<> handle = loop.handle();
  auto [sender, channel] = make_channel<int>();
  std::vector<int> seen;
  RegistrationToken token;
  token = handle.insert_source(std::move(channel), [&](std::optional<int> message) {
    seen.push_back(message.value_or(-1));
    if (message == 2) {
      EXPECT_TRUE(handle.disable(token));
    }
  });
  for (int i = 1; i <= 4; ++i)
    sender.send(i);
  loop.dispatch(0ns);
  loop.dispatch(0ns);
  EXPECT_THAT(seen, ElementsAre(1, 2));
  handle.enable(token);
  loop.dispatch(0ns);
  loop.dispatch(0ns);
  EXPECT_THAT(seen, ElementsAre(1, 2, 3, 4));
}

// --------------------------------------------------- 4. nothing stale is delivered, nothing lost

enum class Ending { Remove, Disable, DisableAndEnable, Update };

// Two sources that are ready in the same batch; the first to run does `ending` to the other.
// Returns the calls after each of two dispatches.
template <class Make>
std::pair<int, int> calls_of_two(Ending ending, Make make) {
  EventLoop<> loop;
  const LoopHandle<> handle = loop.handle();
  const Pipe pipes[2] = {Pipe::filled(), Pipe::filled()};
  RegistrationToken tokens[2];
  int calls = 0;
  for (std::size_t i = 0; i < 2; ++i) {
    tokens[i] = handle.insert_source(make(pipes[i].fd()), [&, i](Readiness) {
      if (++calls != 1)
        return;
      const RegistrationToken other = tokens[1 - i];
      switch (ending) {
        case Ending::Remove:
          handle.remove(other);
          break;
        case Ending::Disable:
          handle.disable(other);
          break;
        case Ending::DisableAndEnable:
          handle.disable(other);
          handle.enable(other);
          break;
        case Ending::Update:
          handle.update(other);
          break;
      }
    });
  }
  loop.dispatch(0ns);
  const int first = calls;
  loop.dispatch(0ns);
  return {first, calls - first};
}

constexpr auto level = [](int fd) { return Generic{fd, interest().read()}; };
constexpr auto edge = [](int fd) { return Generic{fd, interest().read().edge_triggered()}; };
constexpr auto one_shot = [](int fd) { return Generic{fd, interest().read().one_shot()}; };
constexpr auto careless = [](int fd) { return CarelessSource{fd}; };

TEST(Rule4, QueuedEventOfARemovedSourceIsNotDelivered) {
  EXPECT_EQ(calls_of_two(Ending::Remove, level), std::pair(1, 1));
  EXPECT_EQ(calls_of_two(Ending::Remove, edge), std::pair(1, 0));
  EXPECT_EQ(calls_of_two(Ending::Remove, careless), std::pair(1, 1));
}

TEST(Rule4, QueuedEventOfADisabledSourceIsNotDelivered) {
  EXPECT_EQ(calls_of_two(Ending::Disable, level), std::pair(1, 1));
  EXPECT_EQ(calls_of_two(Ending::Disable, one_shot), std::pair(1, 0));
  EXPECT_EQ(calls_of_two(Ending::Disable, careless), std::pair(1, 1));
}

TEST(Rule4, SkippedReadinessIsReportedAgainAfterAnUpdate) {
  EXPECT_EQ(calls_of_two(Ending::Update, level), std::pair(1, 2));
  EXPECT_EQ(calls_of_two(Ending::Update, edge), std::pair(1, 1));
  EXPECT_EQ(calls_of_two(Ending::Update, one_shot), std::pair(1, 1));
  EXPECT_EQ(calls_of_two(Ending::Update, careless), std::pair(1, 2));
}

TEST(Rule4, SkippedReadinessIsReportedAgainAfterDisableAndEnable) {
  EXPECT_EQ(calls_of_two(Ending::DisableAndEnable, level), std::pair(1, 2));
  EXPECT_EQ(calls_of_two(Ending::DisableAndEnable, edge), std::pair(1, 1));
  EXPECT_EQ(calls_of_two(Ending::DisableAndEnable, one_shot), std::pair(1, 1));
  EXPECT_EQ(calls_of_two(Ending::DisableAndEnable, careless), std::pair(1, 2));
}

TEST(Rule4, ASourceInAReusedSlotWithAReusedDescriptorSeesNothingOld) {
  EventLoop<> loop;
  const LoopHandle<> handle = loop.handle();
  const Pipe before = Pipe::filled();
  const Pipe after = Pipe::filled();
  auto victim = std::make_unique<Pipe>(Pipe::filled());
  std::unique_ptr<Pipe> fresh;
  RegistrationToken token;
  int fresh_calls = 0;
  const auto exchange = [&](Readiness) {
    if (fresh != nullptr)
      return;
    const int old = victim->fd();
    handle.remove(token);
    victim.reset();
    fresh = std::make_unique<Pipe>();
    ASSERT_TRUE(fresh->fd() == old || fresh->writer.get() == old);
    handle.insert_source(CarelessSource{fresh->fd()}, [&] { ++fresh_calls; });
  };
  // Around the victim, so that one of them comes first in any order.
  handle.insert_source(Generic{before.fd(), interest().read()}, exchange);
  token = handle.insert_source(CarelessSource{victim->fd()}, [] {});
  handle.insert_source(Generic{after.fd(), interest().read()}, exchange);
  loop.dispatch(0ns);
  loop.dispatch(0ns);
  ASSERT_NE(fresh, nullptr);
  EXPECT_EQ(fresh_calls, 0);
  fresh->fill();
  loop.dispatch(0ns);
  EXPECT_EQ(fresh_calls, 1);
}

TEST(Rule4, TimersThatEndEachOtherFireOnce) {
  for (const bool remove : {true, false}) {
    EventLoop<> loop;
    const LoopHandle<> handle = loop.handle();
    RegistrationToken tokens[2];
    int fired = 0;
    for (std::size_t i = 0; i < 2; ++i) {
      tokens[i] = handle.insert_source(Timer::immediate(), [&, i] {
        ++fired;
        EXPECT_TRUE(remove ? handle.remove(tokens[1 - i]) : handle.disable(tokens[1 - i]));
      });
    }
    loop.dispatch(0ns);
    loop.dispatch(0ns);
    EXPECT_EQ(fired, 1);
  }
}

TEST(Rule4, ADueTimerThatIsUpdatedToLaterFiresLater) {
  auto owned = std::make_unique<TestBackend>();
  TestBackend& test = *owned;
  EventLoop<> loop{std::move(owned)};
  loop.set_timer_slack(0ns);
  const LoopHandle<> handle = loop.handle();
  std::vector<TimePoint> fired;
  const auto second =
      handle.make_dispatcher(Timer::at(TimePoint{2ms}), [&](TimePoint at) { fired.push_back(at); });
  RegistrationToken second_token;
  handle.insert_source(Timer::at(TimePoint{1ms}), [&] {
    second->set_deadline(TimePoint{9ms});
    handle.update(second_token);
  });
  second_token = handle.register_dispatcher(second);
  test.advance(5ms);
  loop.dispatch(0ns);  // both were due
  EXPECT_THAT(fired, ElementsAre());
  loop.dispatch(std::nullopt);
  EXPECT_THAT(fired, ElementsAre(TimePoint{9ms}));
  EXPECT_EQ(test.now(), TimePoint{9ms});
}

TEST(Rule4, SyntheticEventsOfAnEndedSourceAreGone) {
  for (const bool remove : {true, false}) {
    EventLoop<> loop;
    const LoopHandle<> handle = loop.handle();
    RegistrationToken tokens[2];
    int calls = 0;
    for (std::size_t i = 0; i < 2; ++i) {
      tokens[i] = handle.insert_source(HookedSource{[] { return true; }}, [&, i] {
        ++calls;
        remove ? handle.remove(tokens[1 - i]) : handle.disable(tokens[1 - i]);
      });
    }
    loop.dispatch(0ns);
    EXPECT_EQ(calls, 1);
  }
}

// ------------------------------------------------- 5. destructors of closures may use the loop

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

// --------------------------------------------------------- 6. the lists being walked may change

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

// --------------------------------------------------- 7. exceptions leave all consistent, lose none

struct Boom : std::runtime_error {
  using runtime_error::runtime_error;
};

int dispatches_that_throw(EventLoop<>& loop, int dispatches) {
  int thrown = 0;
  for (int i = 0; i < dispatches; ++i) {
    try {
      loop.dispatch(0ns);
    } catch (const Boom&) {
      ++thrown;
    }
  }
  return thrown;
}

TEST(Rule7, TheRestOfTheBatchStaysQueued) {
  EventLoop<> loop;
  const LoopHandle<> handle = loop.handle();
  std::vector<Pipe> pipes(5);
  int calls = 0;
  for (Pipe& pipe : pipes) {
    pipe.fill();
    handle.insert_source(Generic{pipe.fd(), interest().read().edge_triggered()}, [&](Readiness) {
      ++calls;
      throw Boom{"fd"};
    });
  }
  for (int i = 0; i < 3; ++i) {
    handle.insert_source(Timer::immediate(), [&] {
      ++calls;
      throw Boom{"timer"};
    });
  }
  handle.insert_idle([&] {
    ++calls;
    throw Boom{"idle"};
  });
  handle.insert_idle([&] { ++calls; });
  EXPECT_EQ(dispatches_that_throw(loop, 12), 9);
  EXPECT_EQ(calls, 10);
  EXPECT_EQ(handle.source_count(), 5u);
}

TEST(Rule7, SyntheticEventsAfterAnExceptionAreDelivered) {
  EventLoop<> loop;
  const LoopHandle<> handle = loop.handle();
  int calls = 0;
  for (int i = 0; i < 3; ++i) {
    handle.insert_source(
        HookedSource{[asked = false]() mutable { return !std::exchange(asked, true); }}, [&] {
          ++calls;
          throw Boom{"synthetic"};
        });
  }
  EXPECT_EQ(dispatches_that_throw(loop, 5), 3);
  EXPECT_EQ(calls, 3);
}

TEST(Rule7, TheLeftoverOfARemovedSourceIsDropped) {
  EventLoop<> loop;
  const LoopHandle<> handle = loop.handle();
  const Pipe pipes[2] = {Pipe::filled(), Pipe::filled()};
  RegistrationToken tokens[2];
  std::vector<std::size_t> ran;
  for (std::size_t i = 0; i < 2; ++i) {
    tokens[i] = handle.insert_source(Generic{pipes[i].fd(), interest().read()}, [&, i](Readiness) {
      ran.push_back(i);
      throw Boom{"fd"};
    });
  }
  EXPECT_THROW(loop.dispatch(0ns), Boom);
  ASSERT_EQ(ran.size(), 1u);
  handle.remove(tokens[1 - ran[0]]);
  handle.disable(tokens[ran[0]]);
  loop.dispatch(0ns);
  EXPECT_EQ(ran.size(), 1u);
}

TEST(Rule7, AHookThatThrowsLosesNoEvent) {
  for (const bool before_sleep : {true, false}) {
    EventLoop<> loop;
    const LoopHandle<> handle = loop.handle();
    const Pipe pipe = Pipe::filled();
    int calls = 0;
    int hooks = 0;
    const auto fail = [&] {
      if (++hooks == 1)
        throw Boom{"hook"};
    };
    handle.insert_source(HookedSource{[&] {
                                        if (before_sleep)
                                          fail();
                                        return false;
                                      },
                                      [&](Events) {
                                        if (!before_sleep)
                                          fail();
                                      }},
                         [] {});
    handle.insert_source(Generic{pipe.fd(), interest().read().edge_triggered()},
                         [&](Readiness) { ++calls; });
    EXPECT_THROW(loop.dispatch(0ns), Boom);
    EXPECT_EQ(calls, 0);
    loop.dispatch(0ns);
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(hooks, 2);
  }
}

struct ThrowingSource {
  using Event = Readiness;
  using Metadata = void;
  using Ret = void;
  Generic<int> inner;
  int* calls;
  PostAction process_events(Readiness, Token, auto&&) {
    ++*calls;
    throw Boom{"the source's own code"};
  }
  void register_with(Poll& poll, TokenFactory& tokens) { inner.register_with(poll, tokens); }
  void reregister_with(Poll& poll, TokenFactory& tokens) { inner.reregister_with(poll, tokens); }
  void unregister_from(Poll& poll) { inner.unregister_from(poll); }
};

TEST(Rule7, ASourceWhoseOwnCodeThrowsStaysAndTheOthersAreServed) {
  EventLoop<> loop;
  const LoopHandle<> handle = loop.handle();
  const Pipe pipes[2] = {Pipe::filled(), Pipe::filled()};
  int throws = 0;
  int calls = 0;
  handle.insert_source(ThrowingSource{Generic{pipes[0].fd(), interest().read()}, &throws},
                       [](Readiness) {});
  handle.insert_source(Generic{pipes[1].fd(), interest().read()}, [&](Readiness) { ++calls; });
  EXPECT_EQ(dispatches_that_throw(loop, 6), throws);
  EXPECT_GE(throws, 3);
  EXPECT_GE(calls, 3);
}

TEST(Rule7, TheLoopMayBeDispatchedAgainAfterAnException) {
  EventLoop<> loop;
  int calls = 0;
  loop.handle().insert_source(Timer::immediate(), [&] {
    ++calls;
    throw Boom{"once"};
  });
  EXPECT_THROW(loop.dispatch(0ns), Boom);
  loop.handle().insert_source(Timer::immediate(), [&] { ++calls; });
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 2);
}

// ------------------------------------------------------------------------- 8. the only abort

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
