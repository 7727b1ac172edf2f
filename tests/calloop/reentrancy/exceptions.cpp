// The re-entrancy contract, line 7: an exception leaves all consistent and loses nothing.
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <calloop/calloop.hpp>
#include <calloop/testing.hpp>

#include "tests/calloop/boom.hpp"
#include "tests/calloop/hooked_source.hpp"
#include "tests/calloop/pipe.hpp"

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using tests::Boom;
using tests::HookedSource;
using tests::Pipe;

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

TEST(Rule7, NoDispatchSleepsWhileSomethingIsLeft) {
  EventLoop<> loop;
  const LoopHandle<> handle = loop.handle();
  int calls = 0;
  for (int i = 0; i < 3; ++i)
    handle.insert_source(Timer::immediate(), [&] {
      ++calls;
      throw Boom{"timer"};
    });
  for (int i = 0; i < 3; ++i)
    EXPECT_THROW(loop.dispatch(std::nullopt), Boom);
  EXPECT_EQ(calls, 3);
}

TEST(Rule7, ALeftTimerThatIsRemovedLeavesTheLoopToItsSleep) {
  auto owned = std::make_unique<TestBackend>();
  TestBackend& test = *owned;
  EventLoop<> loop{std::move(owned)};
  loop.handle().insert_source(Timer::immediate(), [] { throw Boom{"timer"}; });
  const RegistrationToken left = loop.handle().insert_source(Timer::immediate(), [] { FAIL(); });
  EXPECT_THROW(loop.dispatch(0ns), Boom);
  EXPECT_TRUE(loop.handle().remove(left));
  loop.dispatch(1ms);
  EXPECT_EQ(test.now(), TimePoint{1ms});
  EXPECT_EQ(loop.prepare(), std::nullopt);
}

TEST(Rule7, TheHooksAfterOneThatThrewRunInTheNextIteration) {
  EventLoop<> loop;
  std::vector<int> thrown;
  for (int i = 0; i < 3; ++i)
    loop.handle().insert_source(HookedSource{[i, done = false]() mutable {
                                  if (!std::exchange(done, true))
                                    throw i;
                                  return false;
                                }},
                                [] {});
  for (int i = 0; i < 4; ++i) {
    try {
      loop.dispatch(0ns);
    } catch (int number) {
      thrown.push_back(number);
    }
  }
  EXPECT_EQ(thrown, (std::vector{0, 1, 2}));
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

}  // namespace
