// What eventp's reactor does with handlers that add, modify and delete, themselves and others.
// EP-001 to EP-015, EP-047, EP-049.
#include <array>
#include <cerrno>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/calloop.hpp>

#include "tests/calloop/conformance/virtual_loop.hpp"
#include "tests/calloop/on_drop.hpp"
#include "tests/calloop/pipe.hpp"

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using testing::ElementsAre;
using tests::OnDrop;
using tests::Pipe;
using tests::VirtualLoop;

template <class F>
int errno_of(F&& f) {
  try {
    f();
  } catch (const std::system_error& error) {
    return error.code().value();
  }
  return 0;
}

TEST(Conformance, EP_001_ALoopWithoutSourcesTimesOut) {
  EventLoop<> real;
  real.dispatch(1ms);
  VirtualLoop<> v;
  v.loop.dispatch(1s);
  EXPECT_EQ(v.clock.now(), TimePoint{} + 1s);
}

TEST(Conformance, EP_003_ADescriptorCannotBeInsertedTwice) {
  VirtualLoop<> v;
  const Pipe pipe;
  v.clock.script(1000);
  for (const int fd : {pipe.fd(), 1000}) {
    const auto insert = [&] {
      interest().read().with_fd(fd).with_handler([] {}).insert_into(v.handle);
    };
    EXPECT_EQ(errno_of(insert), 0);
    EXPECT_EQ(errno_of(insert), EEXIST);
  }
  EXPECT_EQ(v.handle.source_count(), 2u);
}

TEST(Conformance, EP_004_ModifyingWhatIsNotThereSaysSo) {
  VirtualLoop<> v;
  EXPECT_FALSE(v.handle.update(RegistrationToken{}));
  const Pipe pipe;
  const RegistrationToken token =
      interest().read().with_fd(pipe.fd()).with_handler([] {}).insert_into(v.handle);
  EXPECT_TRUE(v.handle.remove(token));
  EXPECT_FALSE(v.handle.update(token));
}

TEST(Conformance, EP_005_DeletingWhatIsNotThereSaysSo) {
  VirtualLoop<> v;
  EXPECT_FALSE(v.handle.remove(RegistrationToken{}));
  const RegistrationToken token = v.handle.insert_source(Timer::after(1h), [] {});
  EXPECT_TRUE(v.handle.remove(token));
  EXPECT_FALSE(v.handle.remove(token));
}

TEST(Conformance, EP_006_AReadyDescriptorCallsItsHandlerOnce) {
  VirtualLoop<> v;
  const Pipe pipe;
  std::vector<Readiness> events;
  interest()
      .read()
      .with_fd(pipe.fd())
      .with_handler([&](Readiness ready, int fd) {
        EXPECT_EQ(fd, pipe.fd());
        events.push_back(ready);
      })
      .insert_into(v.handle);
  v.loop.dispatch(0ns);
  EXPECT_THAT(events, ElementsAre());
  pipe.fill();
  v.loop.dispatch(0ns);
  EXPECT_THAT(events, ElementsAre(Readiness{EPOLLIN}));
}

TEST(Conformance, EP_007_AHandlerThatDeletesItselfIsDestroyedWhenItHasReturned) {
  const Pipe pipe = Pipe::filled();
  bool destroyed = false;
  int calls = 0;
  RegistrationToken token;
  VirtualLoop<> v;
  token = interest()
              .read()
              .with_fd(pipe.fd())
              .with_handler([&, guard = OnDrop{[&] { destroyed = true; }}] {
                ++calls;
                EXPECT_TRUE(v.handle.remove(token));
                EXPECT_FALSE(v.handle.update(token));
                EXPECT_EQ(v.handle.source_count(), 0u);
                EXPECT_FALSE(destroyed);
              })
              .insert_into(v.handle);
  v.loop.dispatch(0ns);
  EXPECT_TRUE(destroyed);
  v.loop.dispatch(0ns);
  EXPECT_EQ(calls, 1);
}

TEST(Conformance, EP_008_AHandlerThatIsDeletedByAnotherIsDestroyedAndNotCalled) {
  const std::array<Pipe, 2> pipes{Pipe::filled(), Pipe::filled()};
  std::array<RegistrationToken, 2> tokens;
  int calls = 0;
  int destroyed = 0;
  VirtualLoop<> v;
  for (std::size_t i = 0; i < 2; ++i) {
    tokens[i] = interest()
                    .read()
                    .with_fd(pipes[i].fd())
                    .with_handler([&, i, guard = OnDrop{[&] { ++destroyed; }}] {
                      ++calls;
                      EXPECT_TRUE(v.handle.remove(tokens[1 - i]));
                    })
                    .insert_into(v.handle);
  }
  v.loop.dispatch(0ns);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(destroyed, 1);
  EXPECT_EQ(v.handle.source_count(), 1u);
}

TEST(Conformance, EP_009_AnotherOnesDescriptorMayBeDeletedAndAddedAgainInAHandler) {
  VirtualLoop<> v;
  const std::array<Pipe, 2> pipes{Pipe::filled(), Pipe::filled()};
  std::array<RegistrationToken, 2> tokens;
  int old_calls = 0;
  int new_calls = 0;
  for (std::size_t i = 0; i < 2; ++i) {
    tokens[i] = v.handle.insert_source(
        Generic{pipes[i].fd(), interest().read().one_shot()}, [&, i](Readiness) {
          ++old_calls;
          // Its event is in the same batch.
          EXPECT_TRUE(v.handle.remove(tokens[1 - i]));
          tokens[1 - i] = v.handle.insert_source(Generic{pipes[1 - i].fd(), interest().read()},
                                                 [&](Readiness) { ++new_calls; });
        });
  }
  v.loop.dispatch(0ns);
  EXPECT_EQ(old_calls, 1);
  EXPECT_EQ(new_calls, 0);
  v.loop.dispatch(0ns);
  EXPECT_EQ(old_calls, 1);
  EXPECT_EQ(new_calls, 1);
}

TEST(Conformance, EP_010_OnesOwnDescriptorIsTakenUntilTheHandlerReturns) {
  VirtualLoop<> v;
  const Pipe pipe = Pipe::filled();
  int refused = 0;
  int calls = 0;
  RegistrationToken token;
  const auto add_again = [&] {
    v.handle.insert_source(Generic{pipe.fd(), interest().read()}, [&](Readiness) {
      ++calls;
      return PostAction::Remove;
    });
  };
  token = v.handle.insert_source(Generic{pipe.fd(), interest().read()}, [&](Readiness) {
    EXPECT_TRUE(v.handle.remove(token));
    refused = errno_of(add_again);
    v.handle.insert_idle(add_again);  // the way to do it
  });
  v.loop.dispatch(0ns);
  EXPECT_EQ(refused, EEXIST);
  EXPECT_EQ(calls, 0);
  v.loop.dispatch(0ns);
  EXPECT_EQ(calls, 1);
}

TEST(Conformance, EP_011_WhatAHandlerAddsIsServedInTheNextIteration) {
  VirtualLoop<> v;
  const Pipe first = Pipe::filled();
  const Pipe second = Pipe::filled();
  std::vector<std::string> log;
  interest()
      .read()
      .with_fd(first.fd())
      .with_handler([&](const LoopHandle<>& loop) {
        log.emplace_back("first");
        interest()
            .read()
            .with_fd(second.fd())
            .with_handler([&] { log.emplace_back("second"); })
            .insert_into(loop);
        return PostAction::Remove;
      })
      .insert_into(v.handle);
  v.loop.dispatch(0ns);
  EXPECT_THAT(log, ElementsAre("first"));
  v.loop.dispatch(0ns);
  EXPECT_THAT(log, ElementsAre("first", "second"));
}

TEST(Conformance, EP_012_AModifiedInterestIsTheSourcesInterest) {
  VirtualLoop<> v;
  v.clock.script(1000);
  std::vector<Readiness> events;
  const auto source = v.handle.make_dispatcher(Generic{1000, interest().read()},
                                               [&](Readiness ready) { events.push_back(ready); });
  const RegistrationToken token = v.handle.register_dispatcher(source);
  source->set_interest(interest().write());
  EXPECT_TRUE(v.handle.update(token));
  EXPECT_EQ(source->interest(), interest().write());
  v.clock.make_ready(1000, Readiness{EPOLLIN | EPOLLOUT});
  v.loop.dispatch(0ns);
  EXPECT_THAT(events, ElementsAre(Readiness{EPOLLOUT}));
}

TEST(Conformance, EP_013_DispatchInAHandlerIsRefusedAndTheLoopStaysWhole) {
  const Pipe pipe = Pipe::filled();
  int destroyed = 0;
  int calls = 0;
  VirtualLoop<> v;
  v.handle.insert_source(Generic{pipe.fd(), interest().read()},
                         [&, guard = OnDrop{[&] { ++destroyed; }}](Readiness) {
                           if (++calls == 1)
                             v.loop.dispatch(0ns);
                           return PostAction::Remove;
                         });
  EXPECT_THROW(v.loop.dispatch(0ns), std::logic_error);
  EXPECT_EQ(destroyed, 0);
  v.loop.dispatch(0ns);  // eventp would say "recursive" for ever
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(destroyed, 1);
}

TEST(Conformance, EP_015_WithNothingReadyTheTimeOutIsWaitedFor) {
  EventLoop<> loop;
  const Pipe pipe;
  loop.handle().insert_source(Generic{pipe.fd(), interest().read()}, [](Readiness) { FAIL(); });
  const TimePoint before = Clock::now();
  loop.dispatch(20ms);
  EXPECT_GE(Clock::now() - before, 20ms);
}

// A user's handler that asks for write readiness once it has something to write.
class Writer {
 public:
  Writer(const LoopHandle<>& loop, int fd, std::string& written)
      : loop_{loop},
        source_{loop.make_dispatcher(Generic{fd, interest().read()},
                                     [this, &written](Readiness ready) {
                                       if (ready.readable())
                                         ask(interest().read().write());
                                       if (ready.writable()) {
                                         written += "x";
                                         ask(interest().read());
                                       }
                                     })},
        registration_{loop, loop.register_dispatcher(source_)} {}

 private:
  void ask(Interest wanted) {
    source_->set_interest(wanted);
    loop_.update(registration_.token());
  }
  LoopHandle<> loop_;
  Dispatcher<Generic<int>> source_;
  ScopedRegistration registration_;
};

TEST(Conformance, EP_047_ATestSeesThatAHandlerModifiesItsInterest) {
  VirtualLoop<> v;
  v.clock.script(1000);
  std::string written;
  const Writer writer{v.handle, 1000, written};
  v.clock.make_ready(1000, Readiness{EPOLLOUT});
  v.loop.dispatch(0ns);
  EXPECT_EQ(written, "");  // not asked for
  v.clock.make_ready(1000, Readiness{EPOLLIN});
  v.loop.dispatch(0ns);
  v.loop.dispatch(0ns);
  EXPECT_EQ(written, "x");
  v.clock.make_ready(1000, Readiness{EPOLLOUT});
  v.loop.dispatch(0ns);
  EXPECT_EQ(written, "x");  // no longer asked for
}

struct Counter {
  int calls = 0;
};

TEST(Conformance, EP_049_TheBuilderTakesEveryFlagAndHandlersInAnyOrder) {
  constexpr Interest all = interest()
                               .read()
                               .write()
                               .read_hangup()
                               .priority()
                               .edge_triggered()
                               .one_shot()
                               .wakeup()
                               .exclusive();
  static_assert(all.bits() == (EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET | EPOLLONESHOT |
                               EPOLLWAKEUP | EPOLLEXCLUSIVE));
  static_assert(all.without(interest().exclusive().write().one_shot().wakeup()) ==
                interest().read().read_hangup().priority().edge_triggered());

  VirtualLoop<Counter> v;
  Counter counter;
  int token_calls = 0;
  auto ready_fd = [&, next = 1000]() mutable {
    v.clock.script(next);
    v.clock.make_ready(next, Readiness{EPOLLIN});
    return next++;
  };
  const Interest wanted = interest().read().edge_triggered();
  using Handle = LoopHandle<Counter>;
  wanted.with_fd(ready_fd()).with_handler([](Counter& c) { ++c.calls; }).insert_into(v.handle);
  wanted.with_fd(ready_fd())
      .with_handler([](Readiness ready, int, Counter& c, const Handle&) {
        c.calls += ready.readable() ? 1 : 0;
      })
      .insert_into(v.handle, {.name = "named"});
  wanted.with_fd(ready_fd())
      .with_handler([](const Handle&, Counter& c, Readiness) { ++c.calls; })
      .insert_into(v.handle);
  wanted.with_fd(ready_fd())
      .with_handler([](int fd, Counter& c) { c.calls += fd >= 1000 ? 1 : 0; })
      .insert_into(v.handle);
  const RegistrationToken token = wanted.with_fd(ready_fd())
                                      .with_handler([&] {
                                        ++token_calls;
                                        return PostAction::Remove;
                                      })
                                      .insert_into(v.handle);
  v.loop.dispatch(0ns, counter);
  EXPECT_EQ(counter.calls, 4);
  EXPECT_EQ(token_calls, 1);
  EXPECT_FALSE(v.handle.remove(token));
}

}  // namespace
