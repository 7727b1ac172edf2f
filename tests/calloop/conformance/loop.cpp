// calloop's tests of its loop: idles, wake-ups, hooks, interests, handles. CL-001 to CL-026.
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/calloop.hpp>
#include <calloop/testing.hpp>

#include "tests/calloop/conformance/virtual_loop.hpp"
#include "tests/calloop/descriptor_count.hpp"
#include "tests/calloop/on_drop.hpp"
#include "tests/calloop/pipe.hpp"

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using tests::OnDrop;
using tests::Pipe;
using tests::VirtualLoop;

using Log = std::vector<std::string>;

// ------------------------------------------------------------------------------------- idles

TEST(Conformance, CL_001_AnIdleRunsInADispatchThatDoesNotWaitAndWritesTheData) {
  EventLoop<int> loop;
  loop.handle().insert_idle([](int& data) { data = 42; });
  int data = 0;
  loop.dispatch(0ns, data);
  EXPECT_EQ(data, 42);
  data = 0;
  loop.dispatch(0ns, data);
  EXPECT_EQ(data, 0);
}

TEST(Conformance, CL_002_ACancelledIdleNeverRuns) {
  EventLoop<> loop;
  int runs = 0;
  const Idle idle = loop.handle().insert_idle([&] { ++runs; });
  loop.handle().insert_idle([&] { runs += 10; });
  EXPECT_TRUE(idle.cancel());
  loop.dispatch(0ns);
  loop.dispatch(0ns);
  EXPECT_EQ(runs, 10);
}

// ---------------------------------------------------------------------------------- wake-ups

TEST(Conformance, CL_003_AWakeupFromAnotherThreadEndsAWaitWithoutEnd) {
  EventLoop<> loop;
  std::jthread thread{[signal = loop.signal()] {
    std::this_thread::sleep_for(20ms);
    signal.wakeup();
  }};
  loop.dispatch(std::nullopt);
  thread.join();
  // It was this wake-up's doing: nothing is left of it.
  const TimePoint again = Clock::now();
  loop.dispatch(10ms);
  EXPECT_GE(Clock::now() - again, 10ms);
}

TEST(Conformance, CL_004_StopAndWakeupFromAnotherThreadEndARunWithoutEnd) {
  EventLoop<int> loop;
  int iterations = 0;
  std::jthread thread{[signal = loop.signal()] {
    std::this_thread::sleep_for(20ms);
    signal.stop();
    signal.wakeup();
  }};
  loop.run(iterations, [](int& count) { ++count; });
  EXPECT_GE(iterations, 1);
}

// ------------------------------------------------------------------------------------- hooks

// Writes down when the loop waits.
class WitnessBackend final : public Backend {
 public:
  explicit WitnessBackend(Log& log) : log_{log} {}
  int control(int operation, int fd, std::uint32_t bits, Token token) noexcept override {
    return real_->control(operation, fd, bits, token);
  }
  std::span<const epoll_event> poll() override {
    log_.emplace_back("poll");
    return real_->poll();
  }
  std::span<const epoll_event> wait() override {
    log_.emplace_back("poll");
    return real_->wait();
  }
  std::span<const epoll_event> wait_until(TimePoint until, TimePoint now,
                                          std::optional<Duration> slack) override {
    log_.emplace_back("poll");
    return real_->wait_until(until, now, slack);
  }
  [[nodiscard]] TimePoint now() const noexcept override { return real_->now(); }
  void wake() noexcept override { real_->wake(); }
  void acknowledge_wake() noexcept override { real_->acknowledge_wake(); }
  void reopen() override { real_->reopen(); }
  [[nodiscard]] int fd() const noexcept override { return real_->fd(); }

 private:
  std::unique_ptr<Backend> real_ = make_epoll_backend();
  Log& log_;
};

// A descriptor behind a lock, as libwayland's clients have it: taken before the loop sleeps,
// released before events are handled.
class LockingSource {
 public:
  using Event = Readiness;
  using Metadata = void;
  using Ret = void;

  LockingSource(int fd, Log& log) : fd_{fd, interest().read()}, log_{&log} {}
  std::optional<SyntheticEvent> before_sleep() {
    log_->emplace_back("lock");
    return std::nullopt;
  }
  void before_handle_events(Events events) {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto event : events)
      ++count;
    log_->push_back("unlock for " + std::to_string(count));
  }
  PostAction process_events(Readiness readiness, Token token, auto&& emit) {
    return fd_.process_events(readiness, token, [&](Readiness ready, int&) {
      emit(ready);
      return PostAction::Continue;
    });
  }
  void register_with(Poll& poll, TokenFactory& tokens) { fd_.register_with(poll, tokens); }
  void reregister_with(Poll& poll, TokenFactory& tokens) { fd_.reregister_with(poll, tokens); }
  void unregister_from(Poll& poll) { fd_.unregister_from(poll); }

 private:
  Generic<int> fd_;
  Log* log_;
};

TEST(Conformance, CL_005_TheHooksRunOncePerDispatchAndBracketThePoll) {
  Log log;
  EventLoop<> loop{std::make_unique<WitnessBackend>(log)};
  const Pipe pipe;
  loop.handle().insert_source(LockingSource{pipe.fd(), log}, [&](Readiness) {
    pipe.drain();
    log.emplace_back("event");
  });
  loop.dispatch(0ns);
  pipe.fill();
  loop.dispatch(0ns);
  EXPECT_THAT(log, ElementsAre("lock", "poll", "unlock for 0",  //
                               "lock", "poll", "unlock for 1", "event"));
}

TEST(Conformance, CL_006_BeforeHandleEventsSeesTheOneEventOfItsOwnSource) {
  EventLoop<> loop;
  Log log;
  const Pipe own = Pipe::filled();
  const Pipe before = Pipe::filled();
  const Pipe after = Pipe::filled();
  loop.handle().insert_source(Generic{before.fd(), interest().read()}, [](Readiness) {});
  loop.handle().insert_source(LockingSource{own.fd(), log}, [](Readiness) {});
  loop.handle().insert_source(Generic{after.fd(), interest().read()}, [](Readiness) {});
  loop.dispatch(0ns);
  EXPECT_THAT(log, ElementsAre("lock", "unlock for 1"));
}

TEST(Conformance, CL_007_ADisabledOrRemovedSourceHasNoHooks) {
  EventLoop<> loop;
  Log log;
  const Pipe pipe;
  const RegistrationToken token =
      loop.handle().insert_source(LockingSource{pipe.fd(), log}, [](Readiness) {});
  const auto dispatched = [&] {
    log.clear();
    loop.dispatch(0ns);
    return log;
  };
  EXPECT_THAT(dispatched(), ElementsAre("lock", "unlock for 0"));
  loop.handle().disable(token);
  EXPECT_THAT(dispatched(), ElementsAre());
  loop.handle().enable(token);
  EXPECT_THAT(dispatched(), ElementsAre("lock", "unlock for 0"));
  loop.handle().remove(token);
  EXPECT_THAT(dispatched(), ElementsAre());
}

// Has only one of the two hooks: the other one need not be written.
class HalfHooked {
 public:
  using Event = Pinged;
  using Metadata = void;
  using Ret = void;

  HalfHooked(PingSource ping, int& wakes) : ping_{std::move(ping)}, wakes_{&wakes} {}
  void before_handle_events(Events) { ++*wakes_; }
  PostAction process_events(Readiness readiness, Token token, auto&& emit) {
    return ping_.process_events(readiness, token, emit);
  }
  void register_with(Poll& poll, TokenFactory& tokens) { ping_.register_with(poll, tokens); }
  void reregister_with(Poll& poll, TokenFactory& tokens) { ping_.reregister_with(poll, tokens); }
  void unregister_from(Poll& poll) { ping_.unregister_from(poll); }

 private:
  PingSource ping_;
  int* wakes_;
};

TEST(Conformance, CL_008_AHookThatIsNotWrittenDoesNothing) {
  EventLoop<> loop;
  auto [ping, source] = make_ping();
  int wakes = 0;
  int calls = 0;
  loop.handle().insert_source(HalfHooked{std::move(source), wakes}, [&] { ++calls; });
  ping.ping();
  loop.dispatch(0ns);
  loop.dispatch(0ns);
  EXPECT_EQ(wakes, 2);
  EXPECT_EQ(calls, 1);
}

// Reports an event of its own for each dispatch, under the second of its tokens.
struct SyntheticSource {
  using Event = Token;
  using Metadata = void;
  using Ret = PostAction;

  Log* log;
  Token first = {};
  Token second = {};
  Token* given;

  std::optional<SyntheticEvent> before_sleep() {
    log->emplace_back("before_sleep");
    *given = second;
    return SyntheticEvent{Readiness{EPOLLIN}, second};
  }
  void before_handle_events(Events events) {
    log->emplace_back(events.empty() ? "before_handle_events" : "events");
  }
  PostAction process_events(Readiness readiness, Token token, auto&& emit) {
    EXPECT_TRUE(readiness.readable());
    EXPECT_FALSE(readiness.writable());
    return emit(token);
  }
  void register_with(Poll&, TokenFactory& tokens) {
    first = tokens.token();
    second = tokens.token();
  }
  void reregister_with(Poll& poll, TokenFactory& tokens) { register_with(poll, tokens); }
  void unregister_from(Poll&) { first = second = Token{}; }
};

TEST(Conformance, CL_009_ASyntheticEventEndsAWaitWithoutEndAndKeepsItsToken) {
  VirtualLoop<> virtual_loop;  // throws where it would sleep for ever
  Log log;
  Token given;
  std::vector<Token> seen;
  virtual_loop.handle.insert_source(SyntheticSource{.log = &log, .given = &given},
                                    [&](Token token) { seen.push_back(token); });
  virtual_loop.loop.dispatch(std::nullopt);
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_TRUE(given);
  EXPECT_EQ(seen[0], given);
}

TEST(Conformance, CL_010_BeforeHandleEventsComesBeforeASyntheticEvent) {
  VirtualLoop<> virtual_loop;
  Log log;
  Token given;
  virtual_loop.handle.insert_source(SyntheticSource{.log = &log, .given = &given},
                                    [&](Token) { log.emplace_back("synthetic"); });
  virtual_loop.loop.dispatch(std::nullopt);
  EXPECT_THAT(log, ElementsAre("before_sleep", "before_handle_events", "synthetic"));
}

// -------------------------------------------------------------------------- inserting, tokens

TEST(Conformance, CL_011_ABadDescriptorIsRefusedAndNothingIsClosed) {
  EventLoop<> loop;
  constexpr int bad = 420;
  ASSERT_EQ(::fcntl(bad, F_GETFD), -1);
  const auto before = tests::descriptor_count();
  try {
    loop.handle().insert_source(Generic{bad, interest().read()}, [](Readiness) {},
                                {.name = "nowhere"});
    FAIL() << "no exception";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::bad_file_descriptor);
    EXPECT_THAT(error.what(), HasSubstr("nowhere"));
    EXPECT_THAT(error.what(), HasSubstr("420"));
  }
  EXPECT_EQ(tests::descriptor_count(), before);
  EXPECT_EQ(loop.handle().source_count(), 0u);
  loop.dispatch(0ns);
}

TEST(Conformance, CL_012_EnableSaysThatARemovedSourceIsGone) {
  EventLoop<> loop;
  auto [ping, source] = make_ping();
  const RegistrationToken token = loop.handle().insert_source(std::move(source), [] {});
  EXPECT_TRUE(loop.handle().enable(token));
  EXPECT_TRUE(loop.handle().remove(token));
  EXPECT_FALSE(loop.handle().enable(token));
}

TEST(Conformance, CL_013_ADescriptorCanBeRegisteredForNothing) {
  EventLoop<> loop;
  const Pipe pipe = Pipe::filled();
  int calls = 0;
  const auto insert = [&](Interest wanted) {
    return loop.handle().insert_source(Generic{pipe.fd(), wanted}, [&](Readiness) { ++calls; });
  };
  const RegistrationToken token = insert(interest());
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 0);
  EXPECT_TRUE(loop.handle().remove(token));
  insert(interest().read());  // nothing of the other one is left in the kernel
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 1);
}

TEST(Conformance, CL_014_APingOfADisabledSourceIsDeliveredWhenItIsEnabled) {
  EventLoop<> loop;
  auto [ping, source] = make_ping();
  int calls = 0;
  const RegistrationToken token = loop.handle().insert_source(std::move(source), [&] { ++calls; });
  ping.ping();
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 1);

  EXPECT_TRUE(loop.handle().disable(token));
  ping.ping();
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 1);

  EXPECT_TRUE(loop.handle().enable(token));
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 2);
}

// Two descriptors of which each emits its own number, whenever it believes to be meant: nothing but
// the token tells it.
class TwoDescriptors : public Composed<TwoDescriptors> {
 public:
  using Event = int;
  using Metadata = void;
  using Ret = void;

  TwoDescriptors(int one, int two)
      : one_{one, interest().read().edge_triggered()},
        two_{two, interest().read().edge_triggered()} {}
  auto children() { return std::tie(one_, two_); }
  PostAction process_events(Readiness readiness, Token token, auto&& emit) {
    const auto emitting = [&](int number) {
      return [&emit, number](Readiness, int&) {
        emit(number);
        return PostAction::Continue;
      };
    };
    return one_.process_events(readiness, token, emitting(1)) |
           two_.process_events(readiness, token, emitting(2));
  }

 private:
  Generic<int> one_;
  Generic<int> two_;
};

TEST(Conformance, CL_015_EachOfTwoChildrenHasItsOwnToken) {
  EventLoop<> loop;
  const Pipe one;
  const Pipe two;
  std::vector<int> asked;
  loop.handle().insert_source(TwoDescriptors{one.fd(), two.fd()},
                              [&](int number) { asked.push_back(number); });
  const auto dispatched = [&] {
    asked.clear();
    loop.dispatch(0ns);
    return asked;
  };
  one.fill();
  EXPECT_THAT(dispatched(), ElementsAre(1));
  two.fill();
  EXPECT_THAT(dispatched(), ElementsAre(2));
  one.fill();
  two.fill();
  EXPECT_THAT(dispatched(), testing::UnorderedElementsAre(1, 2));
  EXPECT_THAT(dispatched(), ElementsAre());
}

// ---------------------------------------------------------------------------------- interests

// One end of a connection, in a loop, and its peer.
struct Connected {
  EventLoop<> loop;
  OwnedFd here;
  OwnedFd peer;
  std::vector<Readiness> events;
  Dispatcher<Generic<int>> source = make_source();
  RegistrationToken token = loop.handle().register_dispatcher(source);

  Dispatcher<Generic<int>> make_source() {
    int fds[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
      throw std::system_error{errno, std::generic_category(), "socketpair"};
    here.reset(fds[0]);
    peer.reset(fds[1]);
    return loop.handle().make_dispatcher(Generic{here.get(), interest().read()},
                                         [this](Readiness ready) { events.push_back(ready); });
  }
  // What one dispatch reports.
  std::vector<Readiness> dispatched() {
    events.clear();
    loop.dispatch(0ns);
    return events;
  }
};

TEST(Conformance, CL_016_ADescriptorIsReportedForAsLongAsItIsReadable) {
  Connected connected;
  EXPECT_THAT(connected.dispatched(), ElementsAre());
  ASSERT_EQ(::write(connected.peer.get(), "abc", 3), 3);
  EXPECT_THAT(connected.dispatched(), ElementsAre(Readiness{EPOLLIN}));
  EXPECT_THAT(connected.dispatched(), ElementsAre(Readiness{EPOLLIN}));
  char buffer[8];
  ASSERT_EQ(::read(connected.here.get(), buffer, sizeof buffer), 3);
  EXPECT_THAT(connected.dispatched(), ElementsAre());
}

TEST(Conformance, CL_017_AChangedInterestTakesEffectWithUpdate) {
  Connected connected;
  connected.source->set_interest(interest().write());
  EXPECT_THAT(connected.dispatched(), ElementsAre());
  EXPECT_TRUE(connected.loop.handle().update(connected.token));
  EXPECT_THAT(connected.dispatched(), ElementsAre(Readiness{EPOLLOUT}));
  connected.source->set_interest(interest().read());
  EXPECT_TRUE(connected.loop.handle().update(connected.token));
  EXPECT_THAT(connected.dispatched(), ElementsAre());
}

// --------------------------------------------------------------------------- removing oneself

TEST(Conformance, CL_018_ASourceMayRemoveItselfInItsCallback) {
  EventLoop<> loop;
  auto [ping, source] = make_ping();
  int calls = 0;
  bool destroyed = false;
  RegistrationToken token;
  token = loop.handle().insert_source(
      std::move(source),
      [&, guard = OnDrop{[&] { destroyed = true; }}](const LoopHandle<>& handle) {
        ++calls;
        EXPECT_TRUE(handle.remove(token));
        EXPECT_FALSE(destroyed);
      });
  ping.ping();
  loop.dispatch(0ns);
  EXPECT_TRUE(destroyed);
  ping.ping();
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(loop.handle().source_count(), 0u);
}

TEST(Conformance, CL_019_TheDataMayReferToWhatTheLoopDoesNotOutlive) {
  struct Borrower {
    std::string& text;
  };
  std::string text = "borrowed";
  {
    Borrower data{text};
    EventLoop<Borrower> loop;
    auto [ping, source] = make_ping();
    loop.handle().insert_source(std::move(source), [](Borrower& d) { d.text += ", written"; });
    ping.ping();
    loop.dispatch(0ns, data);
  }
  EXPECT_EQ(text, "borrowed, written");
}

TEST(Conformance, CL_022_ASourceThatReplacesItselfDoesNotTakeItsSuccessorAlong) {
  VirtualLoop<> virtual_loop;
  const LoopHandle<> handle = virtual_loop.handle;
  int first_calls = 0;
  int second_calls = 0;
  RegistrationToken first;
  RegistrationToken second;
  first = handle.insert_source(Timer::after(1s), [&](TimePoint) {
    ++first_calls;
    handle.remove(first);
    second = handle.insert_source(Timer::after(1s), [&](TimePoint) {
      ++second_calls;
      return TimeoutAction::after(1s);
    });
    return TimeoutAction::drop();
  });
  virtual_loop.loop.dispatch(std::nullopt);
  EXPECT_EQ(first_calls, 1);
  EXPECT_EQ(second.slot(), first.slot());  // else this is not about reuse
  virtual_loop.loop.dispatch(std::nullopt);
  virtual_loop.loop.dispatch(std::nullopt);
  EXPECT_EQ(first_calls, 1);
  EXPECT_EQ(second_calls, 2);
  EXPECT_EQ(virtual_loop.clock.now(), TimePoint{3s});
}

TEST(Conformance, CL_023_TheEventOfAChildMayEndTheSource) {
  EventLoop<> loop;
  Log log;
  Token given;
  int calls = 0;
  loop.handle().insert_source(SyntheticSource{.log = &log, .given = &given}, [&](Token token) {
    ++calls;
    EXPECT_EQ(token.child(), 1u);
    return PostAction::Remove;
  });
  loop.dispatch(0ns);
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(loop.handle().source_count(), 0u);
}

// ------------------------------------------------------------------ handles keep nothing alive

TEST(Conformance, CL_024_AHandleThatASourceHoldsReachesTheLoopFromItsCallback) {
  EventLoop<> loop;
  auto [ping, source] = make_ping();
  bool reached = false;
  loop.handle().insert_source(std::move(source), [&, handle = loop.handle()] {
    reached = handle.same_loop(loop.handle()) && handle.source_count() == 1;
  });
  ping.ping();
  loop.dispatch(0ns);
  EXPECT_TRUE(reached);
}

TEST(Conformance, CL_025_AHandleThatAnIdleHoldsReachesTheLoop) {
  EventLoop<> loop;
  int late = 0;
  loop.handle().insert_idle([&, handle = loop.handle()] { handle.insert_idle([&] { ++late; }); });
  loop.dispatch(0ns);
  EXPECT_EQ(late, 0);
  loop.dispatch(0ns);
  EXPECT_EQ(late, 1);
}

TEST(Conformance, CL_026_CallbacksThatHoldHandlesDieWithTheLoopAndTheHandlesSaySo) {
  int destroyed = 0;
  std::optional<EventLoop<>> loop{std::in_place};
  const LoopHandle<> handle = loop->handle();
  const RegistrationToken token =
      handle.insert_source(Timer::after(1h), [handle, guard = OnDrop{[&] { ++destroyed; }}] {});
  handle.insert_idle([handle, guard = OnDrop{[&] { ++destroyed; }}] {});
  loop.reset();
  EXPECT_EQ(destroyed, 2);
  EXPECT_FALSE(handle.update(token));
  EXPECT_THROW(handle.insert_idle([] {}), std::logic_error);
}

}  // namespace
