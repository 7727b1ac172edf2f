// Bugs that calloop has had and fixed, by its changelog: sources that come, change and go while
// the loop is at work. CR-011 to CR-035.
#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/calloop.hpp>

#include "tests/calloop/conformance/virtual_loop.hpp"
#include "tests/calloop/descriptor_count.hpp"
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
using tests::VirtualLoop;

Generic<int> reading(const Pipe& pipe) {
  return {pipe.fd(), interest().read()};
}

TEST(Conformance, CR_011_WhatACallbackReturnsDoesNotHitTheNextOwnerOfItsSlot) {
  for (const PostAction answer :
       {PostAction::Reregister, PostAction::Disable, PostAction::Remove}) {
    VirtualLoop<> v;
    const Pipe old_pipe = Pipe::filled();
    const Pipe new_pipe = Pipe::filled();
    int calls = 0;
    RegistrationToken old_token;
    RegistrationToken new_token;
    old_token = v.handle.insert_source(reading(old_pipe), [&](Readiness) {
      EXPECT_TRUE(v.handle.remove(old_token));
      new_token = v.handle.insert_source(reading(new_pipe), [&](Readiness) { ++calls; });
      return answer;
    });
    v.loop.dispatch(0ns);
    ASSERT_EQ(new_token.slot(), old_token.slot());
    v.loop.dispatch(0ns);
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(v.handle.source_count(), 1u);
  }
}

TEST(Conformance, CR_012_TokensNameNothingAfterTheRemoval) {
  VirtualLoop<> v;
  const RegistrationToken token = v.handle.insert_source(Timer::after(1h), [] {});
  EXPECT_TRUE(v.handle.remove(token));
  const RegistrationToken next = v.handle.insert_source(Timer::after(2h), [] {});
  ASSERT_EQ(next.slot(), token.slot());
  EXPECT_NE(next, token);
  EXPECT_FALSE(v.handle.enable(token));
  EXPECT_FALSE(v.handle.disable(token));
  EXPECT_FALSE(v.handle.update(token));
  EXPECT_FALSE(v.handle.remove(token));
  v.loop.dispatch(std::nullopt);
  EXPECT_EQ(v.clock.now(), TimePoint{} + 2h);  // nobody has disabled it
}

TEST(Conformance, CR_013_AGenericThatCouldNotBeRegisteredDoesNotUnregisterTheOther) {
  VirtualLoop<> v;
  const Pipe pipe = Pipe::filled();
  int first = 0;
  v.handle.insert_source(reading(pipe), [&](Readiness) { ++first; });
  {
    auto second = v.handle.make_dispatcher(reading(pipe), [](Readiness) { FAIL(); });
    EXPECT_THROW(v.handle.register_dispatcher(second), std::system_error);
    const Generic<int> dropped = std::move(second).into_source();
  }
  v.loop.dispatch(0ns);
  EXPECT_EQ(first, 1);
}

// Two pipes; says which one.
class PairOfPipes : public Composed<PairOfPipes> {
 public:
  using Event = int;
  using Metadata = void;
  using Ret = PostAction;

  PairOfPipes(const Pipe& first, const Pipe& second)
      : first_{reading(first)}, second_{reading(second)} {}
  auto children() { return std::tie(first_, second_); }
  PostAction process_events(Readiness readiness, Token token, auto&& emit) {
    return std::max(
        first_.process_events(readiness, token, [&](Readiness, int) { return emit(1); }),
        second_.process_events(readiness, token, [&](Readiness, int) { return emit(2); }));
  }

 private:
  Generic<int> first_;
  Generic<int> second_;
};

TEST(Conformance, CR_014_ASourceMayLeaveAtAnEventOfItsSecondChild) {
  VirtualLoop<> v;
  const Pipe first;
  const Pipe second;
  std::vector<int> events;
  v.handle.insert_source(PairOfPipes{first, second}, [&](int event) {
    events.push_back(event);
    return PostAction::Remove;
  });
  second.fill();
  v.loop.dispatch(0ns);
  first.fill();
  v.loop.dispatch(0ns);
  EXPECT_THAT(events, ElementsAre(2));
  EXPECT_EQ(v.handle.source_count(), 0u);
  // Both descriptors are free again.
  v.handle.insert_source(PairOfPipes{first, second}, [](int) { return PostAction::Continue; });
}

// A pipe, and an event that it reports about itself.
class PipeWithSynthetic {
 public:
  using Event = Token;
  using Metadata = void;
  using Ret = void;

  PipeWithSynthetic(const Pipe& pipe, std::vector<Token>* announced)
      : fd_{pipe.fd()}, announced_{announced} {}
  [[nodiscard]] Token real() const noexcept { return real_; }

  std::optional<SyntheticEvent> before_sleep() {
    return SyntheticEvent{Readiness{EPOLLIN}, synthetic_};
  }
  void before_handle_events(Events events) {
    for (const Events::Event event : events)
      announced_->push_back(event.token);
  }
  PostAction process_events(Readiness, Token token, auto&& emit) {
    emit(token);
    return PostAction::Continue;
  }
  void register_with(Poll& poll, TokenFactory& tokens) {
    real_ = tokens.token();
    synthetic_ = tokens.token();
    poll.add(fd_, interest().read(), real_);
  }
  void reregister_with(Poll&, TokenFactory&) {}
  void unregister_from(Poll& poll) { poll.remove(fd_); }

 private:
  int fd_;
  std::vector<Token>* announced_;
  Token real_;
  Token synthetic_;
};

TEST(Conformance, CR_015_BeforeHandleEventsAnnouncesRealEventsAndNoSyntheticOnes) {
  VirtualLoop<> v;
  const Pipe pipe = Pipe::filled();
  std::vector<Token> announced;
  std::vector<std::uint32_t> delivered;
  const auto source =
      v.handle.make_dispatcher(PipeWithSynthetic{pipe, &announced},
                               [&](Token token) { delivered.push_back(token.child()); });
  v.handle.register_dispatcher(source);
  v.loop.dispatch(0ns);
  EXPECT_THAT(announced, ElementsAre(source->real()));
  EXPECT_THAT(delivered, ElementsAre(1, 0));  // the synthetic one first
}

TEST(Conformance, CR_016_HooksAndIdlesMayInsertAndRemoveSources) {
  VirtualLoop<> v;
  std::vector<std::string> log;
  std::array<RegistrationToken, 3> hooked;
  const auto insert_timer = [&](const char* name) {
    v.handle.insert_source(Timer::immediate(), [&log, name] { log.emplace_back(name); });
  };
  const auto never = [&](const char* name) {
    return HookedSource{[&log, name] {
                          log.emplace_back(name);
                          return false;
                        },
                        [&log, name](Events) { log.emplace_back(name); }};
  };
  // The first takes the second out of the list that is being walked, the third itself.
  hooked[0] = v.handle.insert_source(HookedSource{[&] {
                                                    v.handle.remove(hooked[1]);
                                                    insert_timer("timer of before_sleep");
                                                    return false;
                                                  },
                                                  [&](Events) {
                                                    v.handle.remove(hooked[0]);
                                                    insert_timer("timer of before_handle_events");
                                                  }},
                                     [] {});
  hooked[1] = v.handle.insert_source(never("removed hook"), [] {});
  hooked[2] = v.handle.insert_source(HookedSource{[&] {
                                       v.handle.remove(hooked[2]);
                                       return true;
                                     }},
                                     [] { FAIL(); });
  v.handle.insert_idle([&] {
    const RegistrationToken short_lived = v.handle.insert_source(never("short-lived"), [] {});
    insert_timer("timer of an idle");
    v.handle.remove(short_lived);
  });
  v.loop.dispatch(0ns);
  EXPECT_THAT(log, ElementsAre("timer of before_sleep", "timer of before_handle_events"));
  v.loop.dispatch(0ns);
  EXPECT_EQ(log.back(), "timer of an idle");
  EXPECT_EQ(log.size(), 3u);
  EXPECT_EQ(v.handle.source_count(), 0u);
}

class Exchangeable : public Composed<Exchangeable> {
 public:
  using Event = int;
  using Metadata = void;
  using Ret = void;

  explicit Exchangeable(Pipe pipe) : current_{make(std::move(pipe))} {}
  auto children() { return std::tie(current_); }
  void exchange_for(Pipe pipe) { current_.replace(make(std::move(pipe))); }
  PostAction process_events(Readiness readiness, Token token, auto&& emit) {
    return current_.process_events(readiness, token, [&](Readiness, const Pipe& pipe) {
      emit(static_cast<int>(pipe.drain()));
      return PostAction::Continue;
    });
  }

 private:
  static Generic<Pipe> make(Pipe pipe) { return {std::move(pipe), interest().read()}; }
  TransientSource<Generic<Pipe>> current_;
};

TEST(Conformance, CR_018_ReplacingATransientSourceLeaksNoDescriptorAndNoRegistration) {
  VirtualLoop<> v;
  int bytes = 0;
  const auto source = v.handle.make_dispatcher(Exchangeable{Pipe::filled()},
                                               [&](int drained) { bytes += drained; });
  const RegistrationToken token = v.handle.register_dispatcher(source);
  v.loop.dispatch(0ns);
  const auto before = tests::descriptor_count();
  for (int i = 0; i < 100; ++i) {
    source->exchange_for(Pipe{});  // twice before anybody looks: the first was never registered
    source->exchange_for(Pipe::filled());
    EXPECT_TRUE(v.handle.update(token));
    v.loop.dispatch(0ns);
  }
  EXPECT_EQ(bytes, 101);
  EXPECT_EQ(tests::descriptor_count(), before);
}

TEST(Conformance, CR_019_AnIdleDoesNotDependOnTheHandleItWasInsertedThrough) {
  VirtualLoop<> v;
  std::vector<std::string> log;
  Idle cancelled;
  {
    const LoopHandle<> handle = v.loop.handle();
    handle.insert_idle([&] { log.emplace_back("runs"); });
    cancelled = handle.insert_idle([&] { log.emplace_back("cancelled"); });
  }
  EXPECT_TRUE(cancelled.cancel());
  v.loop.dispatch(0ns);
  EXPECT_THAT(log, ElementsAre("runs"));
}

// Two pairs: four children, two levels.
class PairOfPairs : public Composed<PairOfPairs> {
 public:
  using Event = int;
  using Metadata = void;
  using Ret = void;

  explicit PairOfPairs(const std::array<Pipe, 4>& pipes)
      : left_{pipes[0], pipes[1]}, right_{pipes[2], pipes[3]} {}
  auto children() { return std::tie(left_, right_); }
  PostAction process_events(Readiness readiness, Token token, auto&& emit) {
    const auto forward = [&](int offset) {
      return [&emit, offset](int event) {
        emit(offset + event);
        return PostAction::Continue;
      };
    };
    return left_.process_events(readiness, token, forward(0)) |
           right_.process_events(readiness, token, forward(2));
  }

 private:
  PairOfPipes left_;
  PairOfPipes right_;
};

TEST(Conformance, CR_022_ChildrenAreToldApartThroughSeveralLevels) {
  VirtualLoop<> v;
  const std::array<Pipe, 4> pipes;
  std::vector<int> events;
  const RegistrationToken token =
      v.handle.insert_source(PairOfPairs{pipes}, [&](int event) { events.push_back(event); });
  for (int round = 0; round < 2; ++round) {
    events.clear();
    for (const Pipe& pipe : pipes) {
      pipe.fill();
      v.loop.dispatch(0ns);
      static_cast<void>(pipe.drain());
    }
    EXPECT_THAT(events, ElementsAre(1, 2, 3, 4));
    EXPECT_TRUE(v.handle.update(token));  // the second round has new tokens
  }
}

TEST(Conformance, CR_025_SourcesMayBeRemovedDuringADispatch) {
  const std::array<Pipe, 3> pipes{Pipe::filled(), Pipe::filled(), Pipe::filled()};
  std::array<RegistrationToken, 3> tokens;
  int calls = 0;
  int destroyed = 0;
  VirtualLoop<> v;
  for (std::size_t i = 0; i < pipes.size(); ++i) {
    tokens[i] = v.handle.insert_source(
        reading(pipes[i]), [&, guard = OnDrop{[&] { ++destroyed; }}](Readiness) {
          ++calls;
          for (const RegistrationToken token : tokens)  // also the one that runs
            EXPECT_TRUE(v.handle.remove(token));
        });
  }
  v.loop.dispatch(0ns);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(destroyed, 3);
  EXPECT_EQ(v.handle.source_count(), 0u);
}

TEST(Conformance, CR_027_ARemovalMayRemoveOthers) {
  std::array<RegistrationToken, 4> chain;
  int destroyed = 0;
  VirtualLoop<> v;
  for (std::size_t i = 0; i < chain.size(); ++i) {
    chain[i] = v.handle.insert_source(Timer::after(1h), [&, guard = OnDrop{[&, i] {
                                                              ++destroyed;
                                                              if (i + 1 < chain.size())
                                                                v.handle.remove(chain[i + 1]);
                                                            }}] {});
  }
  EXPECT_TRUE(v.handle.remove(chain[0]));
  EXPECT_EQ(destroyed, 4);
  EXPECT_EQ(v.handle.source_count(), 0u);
}

TEST(Conformance, CR_028_ACallbackMayInsertASource) {
  VirtualLoop<> v;
  const Pipe outer = Pipe::filled();
  const Pipe inner = Pipe::filled();
  int calls = 0;
  v.handle.insert_source(reading(outer), [&](Readiness, int, const LoopHandle<>& loop) {
    loop.insert_source(reading(inner), [&](Readiness) { ++calls; });
    return PostAction::Remove;
  });
  v.loop.dispatch(0ns);
  EXPECT_EQ(calls, 0);
  v.loop.dispatch(0ns);
  EXPECT_EQ(calls, 1);
}

TEST(Conformance, CR_031_ADescriptorThatCannotBePolledIsAnErrorAndNothingElse) {
  VirtualLoop<> v;
  for (const char* path : {"/dev/null", "/proc/self/exe"}) {
    OwnedFd file{::open(path, O_RDONLY | O_CLOEXEC)};
    ASSERT_TRUE(file);
    try {
      v.handle.insert_source(Generic{std::move(file), interest().read()}, [](Readiness) {});
      ADD_FAILURE() << path;
    } catch (const std::system_error& error) {
      EXPECT_EQ(error.code().value(), EPERM) << path;
    }
  }
  EXPECT_EQ(v.handle.source_count(), 0u);
  v.loop.dispatch(0ns);
}

TEST(Conformance, CR_035_TheNextOwnerOfADescriptorSeesNoEventOfTheLastOne) {
  VirtualLoop<> v;
  std::array<std::optional<Pipe>, 2> pipes{Pipe::filled(), Pipe::filled()};
  std::array<RegistrationToken, 2> tokens;
  std::optional<Pipe> next;
  int old_calls = 0;
  int new_calls = 0;
  for (std::size_t i = 0; i < 2; ++i) {
    tokens[i] = v.handle.insert_source(reading(*pipes[i]), [&, i](Readiness) {
      ++old_calls;
      // The event of the other one is in the same batch.
      const std::size_t other = 1 - i;
      const int number = pipes[other]->fd();
      EXPECT_TRUE(v.handle.remove(tokens[other]));
      pipes[other].reset();
      next.emplace();
      EXPECT_EQ(next->fd(), number);
      tokens[other] = v.handle.insert_source(reading(*next), [&](Readiness) { ++new_calls; });
      return PostAction::Remove;
    });
  }
  v.loop.dispatch(0ns);
  v.loop.dispatch(0ns);
  EXPECT_EQ(old_calls, 1);
  EXPECT_EQ(new_calls, 0);
  next->fill();
  v.loop.dispatch(0ns);
  EXPECT_EQ(new_calls, 1);
}

}  // namespace
