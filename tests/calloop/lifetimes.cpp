// How long sources, closures and tokens live: stale tokens, dead loops, loops being destroyed.
#include <array>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/calloop.hpp>

#include "tests/calloop/on_drop.hpp"

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using tests::OnDrop;

// --------------------------------------------------------------------------------- misuse

TEST(Misuse, DispatchInsideDispatchIsRefused) {
  EventLoop<> loop;
  std::string message;
  loop.handle().insert_source(Timer::immediate(), [&] {
    try {
      loop.dispatch(0ns);
    } catch (const std::logic_error& error) {
      message = error.what();
    }
    EXPECT_THROW(static_cast<void>(loop.prepare()), std::logic_error);
  });
  loop.dispatch(0ns);
  EXPECT_THAT(message, HasSubstr("dispatch inside dispatch"));
}

TEST(Misuse, ADispatcherIsInsertedOnlyOnce) {
  EventLoop<> loop;
  const auto timer = loop.handle().make_dispatcher(Timer::after(1h), [] {});
  const RegistrationToken token = loop.handle().register_dispatcher(timer);
  EXPECT_THROW(loop.handle().register_dispatcher(timer), std::logic_error);
  EXPECT_TRUE(loop.handle().remove(token));
  EXPECT_NO_THROW(loop.handle().register_dispatcher(timer));
}

// -------------------------------------------------------------------- stale tokens, dead loops

TEST(Lifetime, StaleTokensReturnFalse) {
  EventLoop<> loop;
  const LoopHandle<> handle = loop.handle();
  const RegistrationToken token = handle.insert_source(Timer::after(1h), [] {});
  EXPECT_TRUE(handle.remove(token));
  for (const RegistrationToken stale : {token, RegistrationToken{}}) {
    EXPECT_FALSE(handle.remove(stale));
    EXPECT_FALSE(handle.disable(stale));
    EXPECT_FALSE(handle.enable(stale));
    EXPECT_FALSE(handle.update(stale));
  }
  // The slot has a new owner: the old token does not reach it.
  const RegistrationToken next = handle.insert_source(Timer::after(1h), [] {});
  ASSERT_EQ(next.slot(), token.slot());
  EXPECT_FALSE(handle.remove(token));
  EXPECT_EQ(handle.source_count(), 1u);
}

TEST(Lifetime, ADeadLoopRefusesOnlyWhatWouldNeedIt) {
  std::optional<EventLoop<>> loop{std::in_place};
  const LoopHandle<> handle = loop->handle();
  const RegistrationToken token = handle.insert_source(Timer::after(1h), [] {});
  const Idle idle = handle.insert_idle([] {});
  ScopedRegistration scoped{handle, token};
  loop.reset();
  EXPECT_FALSE(handle.remove(token));
  EXPECT_FALSE(handle.disable(token));
  EXPECT_FALSE(handle.enable(token));
  EXPECT_FALSE(handle.update(token));
  EXPECT_FALSE(idle.cancel());
  EXPECT_NO_THROW(scoped.reset());
  bool destroyed = false;
  EXPECT_THROW(
      handle.insert_source(Timer::after(1h), [guard = OnDrop{[&] { destroyed = true; }}] {}),
      std::logic_error);
  EXPECT_TRUE(destroyed);
  EXPECT_THROW(handle.insert_idle([] {}), std::logic_error);
}

TEST(Lifetime, InsertsWhileTheLoopIsDestroyedReturnAnEmptyToken) {
  std::vector<std::string> order;
  {
    EventLoop<> loop;
    const LoopHandle<> handle = loop.handle();
    handle.insert_source(
        Timer::after(1h),
        [guard = OnDrop{[&order, handle] {
           const RegistrationToken token = handle.insert_source(
               Timer::immediate(),
               [late = OnDrop{[&order] { order.emplace_back("late source"); }}] { FAIL(); });
           EXPECT_FALSE(token);
           EXPECT_FALSE(handle.remove(token));
           handle.insert_idle(
               [late = OnDrop{[&order] { order.emplace_back("late idle"); }}] { FAIL(); });
           order.emplace_back("first");
         }}] {});
  }
  // What was given is destroyed after the destructor that gave it.
  ASSERT_EQ(order.size(), 3u);
  EXPECT_EQ(order[0], "first");
}

TEST(Lifetime, ALoopThatIsBeingDestroyedDispatchesNothing) {
  auto loop = std::make_unique<EventLoop<>>();
  EventLoop<>& dying = *loop;
  int calls = 0;
  bool done = false;
  loop->handle().insert_source(Timer::after(1h), [guard = OnDrop{[&] {
                                                    dying.dispatch(std::nullopt);
                                                    dying.run();
                                                    dying.run();
                                                    EXPECT_EQ(dying.prepare(), std::nullopt);
                                                    done = true;
                                                  }}] {});
  loop->handle().insert_source(Timer::immediate(), [&] { ++calls; });
  loop.reset();
  EXPECT_TRUE(done);
  EXPECT_EQ(calls, 0);
}

// Each destructor inserts a source and an idle, whose destructors do the same.
struct Heir {
  LoopHandle<> loop;
  int* destroyed;

  void inherit(int generations) const {
    ++*destroyed;
    if (generations == 0)
      return;
    const auto next = [heir = *this, generations] { heir.inherit(generations - 1); };
    EXPECT_FALSE(loop.insert_source(Timer::immediate(), [guard = OnDrop{next}] {}));
    loop.insert_idle([guard = OnDrop{next}] {});
  }
};

enum class Owner { Source, Idle, LoopsErrorHandler, SourcesErrorHandler };

class DyingLoop : public testing::TestWithParam<Owner> {};

TEST_P(DyingLoop, DestroysWhatDestructorsInsertAndWhatTheirDestructorsInsert) {
  int destroyed = 0;
  {
    EventLoop<> loop;
    const Heir heir{loop.handle(), &destroyed};
    auto last_words = [heir] { heir.inherit(4); };
    const auto shared = [&] { return std::make_shared<OnDrop<decltype(last_words)>>(last_words); };
    switch (GetParam()) {
      case Owner::Source:
        heir.loop.insert_source(Timer::after(1h), [guard = OnDrop{last_words}] {});
        break;
      case Owner::Idle:
        heir.loop.insert_idle([guard = OnDrop{last_words}] {});
        break;
      case Owner::LoopsErrorHandler:
        loop.set_on_error([guard = shared()](std::exception_ptr) { return ErrorAction::Keep; });
        break;
      case Owner::SourcesErrorHandler:
        heir.loop.insert_source(
            Timer::after(1h), [] {},
            {.on_error = [guard = shared()](std::exception_ptr) { return ErrorAction::Keep; }});
        break;
    }
  }
  EXPECT_EQ(destroyed, 31);
}

INSTANTIATE_TEST_SUITE_P(Lifetime, DyingLoop,
                         testing::Values(Owner::Source, Owner::Idle, Owner::LoopsErrorHandler,
                                         Owner::SourcesErrorHandler));

TEST(Lifetime, OtherSourcesCanBeRemovedWhileTheLoopIsDestroyed) {
  int destroyed = 0;
  {
    EventLoop<> loop;
    const LoopHandle<> handle = loop.handle();
    std::array<RegistrationToken, 3> tokens;
    auto shared = std::make_shared<std::array<RegistrationToken, 3>>();
    for (std::size_t i = 0; i < 3; ++i) {
      tokens[i] =
          handle.insert_source(Timer::after(1h), [guard = OnDrop{[&destroyed, shared, handle] {
                                                    ++destroyed;
                                                    for (const RegistrationToken token : *shared)
                                                      handle.remove(token);
                                                  }}] {});
    }
    *shared = tokens;
  }
  EXPECT_EQ(destroyed, 3);
}

TEST(Lifetime, ACallbackThatHoldsAHandleIsNoLeak) {
  bool destroyed = false;
  {
    EventLoop<> loop;
    loop.handle().insert_source(
        Timer::after(1h), [handle = loop.handle(), guard = OnDrop{[&] { destroyed = true; }}] {});
  }
  EXPECT_TRUE(destroyed);
}

struct Application {
  explicit Application(LoopHandle<Application> loop, std::vector<std::string>& log)
      : log_{log},
        timer_{loop, loop.insert_source(Timer::after(1h), [this] { log_.emplace_back("fired"); })},
        loop_{loop} {}
  ~Application() {
    log_.emplace_back("application");
    loop_.insert_source(Timer::after(1h), [] {});
    loop_.insert_idle([] {});
  }
  std::vector<std::string>& log_;
  ScopedRegistration timer_;
  LoopHandle<Application> loop_;
};

TEST(Lifetime, TheDataMayBeDestroyedBeforeTheLoop) {
  std::vector<std::string> log;
  {
    EventLoop<Application> loop;
    Application application{loop.handle(), log};
    loop.dispatch(0ns, application);
    EXPECT_EQ(loop.handle().source_count(), 1u);
  }
  EXPECT_THAT(log, ElementsAre("application"));
}

}  // namespace
