// The re-entrancy contract, lines 2 and 3: what a source does to itself takes effect when its code
// returns, and its closure lives until then; what it does to others, at once.
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/calloop.hpp>

#include "tests/calloop/on_drop.hpp"
#include "tests/calloop/pipe.hpp"

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using testing::ElementsAre;
using tests::OnDrop;
using tests::Pipe;

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

// What a source does to itself in its callback, in order, and what it returns; what comes of it.
enum class Call { Enable, Disable, Update, Remove };
enum class Fate { Lives, Sleeps, Gone };

struct Oneself {
  std::string name;
  std::vector<Call> calls;
  PostAction returned;
  Fate fate;
};
// Or GoogleTest prints its bytes, also those that nobody has written.
void PrintTo(const Oneself& oneself, std::ostream* out) {
  *out << oneself.name;
}

class OnOneself : public testing::TestWithParam<Oneself> {
 protected:
  bool call(Call which) const {
    switch (which) {
      case Call::Enable:
        return handle.enable(token);
      case Call::Disable:
        return handle.disable(token);
      case Call::Update:
        return handle.update(token);
      case Call::Remove:
        return handle.remove(token);
    }
    return false;
  }

  EventLoop<> loop;
  LoopHandle<> handle = loop.handle();
  Pipe pipe = Pipe::filled();
  int calls = 0;
  RegistrationToken token;
};

TEST_P(OnOneself, LastCallAndStrongerActionCount) {
  token = handle.insert_source(Generic{pipe.fd(), interest().read()}, [this](Readiness) {
    if (++calls != 1)
      return PostAction::Continue;
    bool is_known = true;
    for (const Call which : GetParam().calls) {
      EXPECT_EQ(call(which), is_known);
      is_known = is_known && which != Call::Remove;
    }
    return GetParam().returned;
  });
  loop.dispatch(0ns);
  ASSERT_EQ(calls, 1);
  for (int i = 0; i < 3; ++i)
    loop.dispatch(0ns);
  EXPECT_EQ(calls, GetParam().fate == Fate::Lives ? 4 : 1);
  EXPECT_EQ(handle.source_count(), GetParam().fate == Fate::Gone ? 0u : 1u);
  // Who sleeps can be woken.
  EXPECT_EQ(handle.enable(token), GetParam().fate != Fate::Gone);
  loop.dispatch(0ns);
  EXPECT_EQ(calls, GetParam().fate == Fate::Lives ? 5 : GetParam().fate == Fate::Sleeps ? 2 : 1);
}

using enum Call;
INSTANTIATE_TEST_SUITE_P(
    Rule2, OnOneself,
    testing::Values(
        Oneself{"DisableEnable", {Disable, Enable}, PostAction::Continue, Fate::Lives},
        Oneself{"EnableDisable", {Enable, Disable}, PostAction::Continue, Fate::Sleeps},
        Oneself{"UpdateDisable", {Update, Disable}, PostAction::Continue, Fate::Sleeps},
        Oneself{"UpdateDoesNotEnable", {Disable, Update}, PostAction::Continue, Fate::Sleeps},
        Oneself{"EnableAfterUpdate", {Disable, Update, Enable}, PostAction::Continue, Fate::Lives},
        Oneself{"Disable", {Disable}, PostAction::Continue, Fate::Sleeps},
        Oneself{"RemoveIsFinal", {Remove, Enable, Update}, PostAction::Reregister, Fate::Gone},
        Oneself{"RemoveAfterAll", {Disable, Enable, Remove}, PostAction::Continue, Fate::Gone},
        Oneself{"UpdateReturnsDisable", {Update}, PostAction::Disable, Fate::Sleeps},
        Oneself{"EnableReturnsDisable", {Enable}, PostAction::Disable, Fate::Sleeps},
        Oneself{"DisableReturnsReregister", {Disable}, PostAction::Reregister, Fate::Sleeps},
        Oneself{"ReturnsRemove", {Disable, Enable}, PostAction::Remove, Fate::Gone},
        Oneself{"ReturnsDisable", {}, PostAction::Disable, Fate::Sleeps},
        Oneself{"ReturnsReregister", {}, PostAction::Reregister, Fate::Lives}),
    [](const auto& one) { return one.param.name; });

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

}  // namespace
