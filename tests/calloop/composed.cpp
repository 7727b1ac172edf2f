// Sources made of others: registered, failed, changed and ended together.
#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <tuple>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/composed.hpp>
#include <calloop/dispatcher.hpp>
#include <calloop/event_loop.hpp>
#include <calloop/sources/channel.hpp>
#include <calloop/sources/generic.hpp>
#include <calloop/sources/ping.hpp>
#include <calloop/sources/timer.hpp>
#include <calloop/sources/transient.hpp>
#include <calloop/testing.hpp>

#include "tests/calloop/pipe.hpp"

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using tests::Pipe;

// One of each kind, as a tie.
class Mailbox : public Composed<Mailbox> {
 public:
  using Event = std::string;
  using Metadata = void;
  using Ret = void;
  Mailbox(int fd, PingSource ping, Channel<int> channel)
      : fd_{fd, interest().read().edge_triggered()},
        ping_{std::move(ping)},
        channel_{std::move(channel)},
        timeout_{Timer::after(1h)} {}
  auto children() { return std::tie(fd_, ping_, channel_, timeout_); }
  template <class Emit>
  PostAction process_events(Readiness readiness, Token token, Emit&& emit) {
    PostAction action = fd_.process_events(readiness, token, [&](Readiness, int&) {
      emit("fd");
      return PostAction::Continue;
    });
    action |= ping_.process_events(readiness, token, [&](Pinged) { emit("ping"); });
    action |= channel_.process_events(readiness, token, [&](std::optional<int> message) {
      emit(message ? std::to_string(*message) : "closed");
    });
    action |= timeout_.process_events(readiness, token, [&](TimePoint) {
      emit("timeout");
      return TimeoutAction::after(1h);
    });
    return action;
  }

 private:
  Generic<int> fd_;
  PingSource ping_;
  Channel<int> channel_;
  Timer timeout_;
};

TEST(Composed, EachChildGetsItsOwnEvents) {
  auto owned = std::make_unique<TestBackend>();
  TestBackend& test = *owned;
  EventLoop<> loop{std::move(owned)};
  const Pipe pipe;
  auto [ping, ping_source] = make_ping();
  auto [sender, channel] = make_channel<int>();
  std::vector<std::string> seen;
  const RegistrationToken token =
      loop.handle().insert_source(Mailbox{pipe.fd(), std::move(ping_source), std::move(channel)},
                                  [&](const std::string& event) { seen.push_back(event); });
  const auto seen_in_one = [&] {
    seen.clear();
    loop.dispatch(0ns);
    return seen;
  };
  EXPECT_THAT(seen_in_one(), IsEmpty());
  ping.ping();
  EXPECT_THAT(seen_in_one(), ElementsAre("ping"));
  pipe.fill();
  EXPECT_THAT(seen_in_one(), ElementsAre("fd"));
  sender.send(7);
  EXPECT_THAT(seen_in_one(), ElementsAre("7"));
  test.advance(1h);
  EXPECT_THAT(seen_in_one(), ElementsAre("timeout"));
  for (const bool disable : {false, true}) {  // and after it has been registered anew
    if (disable) {
      loop.handle().disable(token);
      ping.ping();
      EXPECT_THAT(seen_in_one(), IsEmpty());
      loop.handle().enable(token);
    } else {
      loop.handle().update(token);
      ping.ping();
    }
    sender.send(8);
    pipe.fill();
    EXPECT_THAT(seen_in_one(), testing::UnorderedElementsAre("ping", "8", "fd"));
    test.advance(1h);
    EXPECT_THAT(seen_in_one(), ElementsAre("timeout"));
  }
  loop.handle().remove(token);
  ping.ping();
  pipe.fill();
  EXPECT_THAT(seen_in_one(), IsEmpty());
}

// A source whose registration functions can be told to fail.
struct Brittle {
  using Event = Readiness;
  using Metadata = void;
  using Ret = void;
  Generic<int> inner;
  const std::string* fails;
  PostAction process_events(Readiness readiness, Token token, auto&& emit) {
    return inner.process_events(readiness, token, [&](Readiness r, int&) {
      emit(r);
      return PostAction::Continue;
    });
  }
  void check(const char* what) const {
    if (*fails == what)
      throw std::runtime_error{what};
  }
  void register_with(Poll& poll, TokenFactory& tokens) {
    check("register");
    inner.register_with(poll, tokens);
  }
  void reregister_with(Poll& poll, TokenFactory& tokens) {
    check("reregister");
    inner.reregister_with(poll, tokens);
  }
  void unregister_from(Poll& poll) {
    inner.unregister_from(poll);
    check("unregister");
  }
};

// Two good descriptors around a brittle one.
class Sandwich : public Composed<Sandwich> {
 public:
  using Event = int;
  using Metadata = void;
  using Ret = void;
  Sandwich(int top, int middle, int bottom, const std::string& fails)
      : top_{top, interest().read()},
        middle_{{middle, interest().read()}, &fails},
        bottom_{bottom, interest().read()} {}
  auto children() { return std::tie(top_, middle_, bottom_); }
  PostAction process_events(Readiness readiness, Token token, auto&& emit) {
    const auto emit_fd = [&](Readiness, int& fd) {
      emit(fd);
      return PostAction::Continue;
    };
    return top_.process_events(readiness, token, emit_fd) |
           middle_.process_events(readiness, token, [&](Readiness) { emit(0); }) |
           bottom_.process_events(readiness, token, emit_fd);
  }

 private:
  Generic<int> top_;
  Brittle middle_;
  Generic<int> bottom_;
};

class SandwichTest : public testing::Test {
 protected:
  // Whether the kernel knows none of the three any more.
  void expect_all_free() {
    for (const Pipe& pipe : pipes_) {
      RegistrationToken token;
      EXPECT_NO_THROW(
          token = handle_.insert_source(Generic{pipe.fd(), interest().read()}, [](Readiness) {}));
      EXPECT_TRUE(handle_.remove(token));
    }
  }
  Sandwich sandwich() { return Sandwich{pipes_[0].fd(), pipes_[1].fd(), pipes_[2].fd(), fails_}; }
  int calls_in_one() {
    calls_ = 0;
    loop_.dispatch(0ns);
    return calls_;
  }
  EventLoop<> loop_;
  LoopHandle<> handle_ = loop_.handle();
  const Pipe pipes_[3] = {Pipe::filled(), Pipe::filled(), Pipe::filled()};
  std::string fails_;
  int calls_ = 0;
  const std::function<void(int)> count_ = [this](int) { ++calls_; };
};

TEST_F(SandwichTest, AChildThatCannotBeRegisteredTakesItsSiblingsBack) {
  fails_ = "register";
  EXPECT_THROW(handle_.insert_source(sandwich(), count_), std::runtime_error);
  EXPECT_EQ(calls_in_one(), 0);
  expect_all_free();
}

TEST_F(SandwichTest, AChildThatFailsToReregisterDisablesAll) {
  const RegistrationToken token = handle_.insert_source(sandwich(), count_);
  EXPECT_EQ(calls_in_one(), 3);
  fails_ = "reregister";
  EXPECT_THROW(handle_.update(token), std::runtime_error);
  EXPECT_EQ(calls_in_one(), 0);
  fails_.clear();
  expect_all_free();
  EXPECT_TRUE(handle_.enable(token));
  EXPECT_EQ(calls_in_one(), 3);
}

TEST_F(SandwichTest, AChildThatThrowsWhileUnregisteringDoesNotKeepItsSiblings) {
  const RegistrationToken token = handle_.insert_source(sandwich(), count_);
  fails_ = "unregister";
  EXPECT_THROW(handle_.disable(token), std::runtime_error);
  EXPECT_EQ(calls_in_one(), 0);
  expect_all_free();
  fails_.clear();
  EXPECT_TRUE(handle_.enable(token));
  EXPECT_EQ(calls_in_one(), 3);
  fails_ = "unregister";
  EXPECT_NO_THROW(EXPECT_TRUE(handle_.remove(token)));
  expect_all_free();
}

TEST_F(SandwichTest, AnUnregisteringThatThrowsDoesNotDisturbTheEndOfTheLoop) {
  {
    EventLoop<> other;
    other.handle().insert_source(sandwich(), count_);
    fails_ = "unregister";
  }
  expect_all_free();
}

// Children that come and go.
class Crowd : public Composed<Crowd> {
 public:
  using Event = int;
  using Metadata = void;
  using Ret = PostAction;
  std::vector<Generic<int>> members;

  Crowd() = default;
  auto& children() { return members; }
  PostAction process_events(Readiness readiness, Token token, auto&& emit) {
    if (token.child() >= members.size())
      return PostAction::Continue;
    return members[token.child()].process_events(readiness, token,
                                                 [&](Readiness, int& fd) { return emit(fd); });
  }
};

TEST(Composed, ARangeMayGrowAndShrink) {
  EventLoop<> loop;
  const LoopHandle<> handle = loop.handle();
  std::deque<Pipe> pipes;
  std::vector<int> seen;
  const auto crowd = handle.make_dispatcher(Crowd{}, [&](int fd) {
    seen.push_back(fd);
    return PostAction::Continue;
  });
  const RegistrationToken token = handle.register_dispatcher(crowd);
  const auto join = [&] {
    pipes.push_back(Pipe::filled());
    crowd->members.emplace_back(pipes.back().fd(), interest().read());
    EXPECT_TRUE(handle.update(token));
  };
  const auto served = [&] {
    seen.clear();
    loop.dispatch(0ns);
    return seen.size();
  };
  for (std::size_t i = 1; i <= 5; ++i) {
    join();
    EXPECT_EQ(served(), i);
  }
  crowd->members.erase(crowd->members.begin() + 1);  // unregisters it, moves the others
  EXPECT_TRUE(handle.update(token));
  EXPECT_EQ(served(), 4u);
  EXPECT_THAT(seen, testing::Not(testing::Contains(pipes[1].fd())));
  EXPECT_NO_THROW(
      handle.insert_source(Generic{pipes[1].fd(), interest().read()}, [](Readiness) {}));
  join();
  EXPECT_EQ(served(), 5u);
  crowd->members.clear();
  EXPECT_TRUE(handle.update(token));
  EXPECT_EQ(served(), 0u);
}

TEST(Composed, AChildMayJoinInTheCallbackOfAnother) {
  EventLoop<> loop;
  const LoopHandle<> handle = loop.handle();
  const Pipe first = Pipe::filled();
  const Pipe second = Pipe::filled();
  std::vector<int> seen;
  Dispatcher<Crowd>* self = nullptr;
  auto crowd = handle.make_dispatcher(Crowd{}, [&](int fd) {
    seen.push_back(fd);
    if (seen.size() > 1)
      return PostAction::Continue;
    // There is room: the one that is on the stack stays where it is.
    (*self)->members.emplace_back(second.fd(), interest().read().one_shot());
    return PostAction::Reregister;
  });
  self = &crowd;
  crowd->members.reserve(8);
  crowd->members.emplace_back(first.fd(), interest().read().one_shot());
  handle.register_dispatcher(crowd);
  for (int i = 0; i < 3; ++i)
    loop.dispatch(0ns);
  // The Reregister has armed the first again and registered the second.
  EXPECT_THAT(seen, testing::UnorderedElementsAre(first.fd(), first.fd(), second.fd()));
}

class Clocks : public Composed<Clocks> {
 public:
  using Event = std::size_t;
  using Metadata = void;
  using Ret = TimeoutAction;
  std::vector<Timer> clocks;

  Clocks() = default;
  auto& children() { return clocks; }
  PostAction process_events(Readiness readiness, Token token, auto&& emit) {
    const std::size_t child = token.child();
    return clocks[child].process_events(readiness, token, [&](TimePoint) { return emit(child); });
  }
};

TEST(Composed, TimersMayJoinToo) {
  auto owned = std::make_unique<TestBackend>();
  EventLoop<> loop{std::move(owned)};
  std::vector<std::size_t> rung;
  const auto clocks = loop.handle().make_dispatcher(Clocks{}, [&](std::size_t clock) {
    rung.push_back(clock);
    return TimeoutAction::after(1h);
  });
  const RegistrationToken token = loop.handle().register_dispatcher(clocks);
  clocks->clocks.push_back(Timer::after(3ms));
  clocks->clocks.push_back(Timer::after(1ms));
  loop.handle().update(token);
  clocks->clocks.push_back(Timer::after(2ms));
  loop.handle().update(token);
  loop.dispatch(1ms);
  loop.dispatch(1ms);
  loop.dispatch(1ms);
  EXPECT_THAT(rung, ElementsAre(1u, 2u, 0u));
}

class Pair : public Composed<Pair> {
 public:
  using Event = int;
  using Metadata = void;
  using Ret = void;
  Pair(int a, int b) : a_{a, interest().read()}, b_{b, interest().read()} {}
  auto children() { return std::tie(a_, b_); }
  PostAction process_events(Readiness readiness, Token token,
                            const std::function<void(int)>& emit) {
    const auto emit_fd = [&](Readiness, int& fd) {
      emit(fd);
      return PostAction::Continue;
    };
    return a_.process_events(readiness, token, emit_fd) |
           b_.process_events(readiness, token, emit_fd);
  }

 private:
  Generic<int> a_;
  Generic<int> b_;
};

class Pairs : public Composed<Pairs> {
 public:
  using Event = int;
  using Metadata = void;
  using Ret = void;
  Pairs(Pair a, Pair b) : a_{std::move(a)}, b_{std::move(b)} {}
  auto children() { return std::tie(a_, b_); }
  PostAction process_events(Readiness readiness, Token token,
                            const std::function<void(int)>& emit) {
    return a_.process_events(readiness, token, emit) | b_.process_events(readiness, token, emit);
  }

 private:
  Pair a_;
  Pair b_;
};

TEST(Composed, MayBeNested) {
  EventLoop<> loop;
  const Pipe pipes[4];
  std::vector<int> seen;
  loop.handle().insert_source(
      Pairs{Pair{pipes[0].fd(), pipes[1].fd()}, Pair{pipes[2].fd(), pipes[3].fd()}},
      [&](int fd) { seen.push_back(fd); });
  for (const Pipe& pipe : pipes) {
    pipe.fill();
    loop.dispatch(0ns);
    EXPECT_THAT(seen, ElementsAre(pipe.fd()));
    seen.clear();
    pipe.drain();
  }
}

// What the header's example is made of: a descriptor that stays and a queue that may go.
class Postbox : public Composed<Postbox> {
 public:
  using Event = std::string;
  using Metadata = void;
  using Ret = void;
  Postbox(int fd, Channel<std::string> outbox)
      : fd_{fd, interest().read()}, outbox_{std::move(outbox)} {}
  auto children() { return std::tie(fd_, outbox_); }
  PostAction process_events(Readiness readiness, Token token, auto&& emit) {
    return fd_.process_events(readiness, token, [&](Readiness, int&) {
      emit("received");
      return PostAction::Continue;
    }) | outbox_.process_events(readiness, token, [&](const std::optional<std::string>& message) {
      emit(message.value_or("the last sender is gone"));
    });
  }
  [[nodiscard]] bool has_outbox() const { return !outbox_.is_none(); }

 private:
  Generic<int> fd_;
  TransientSource<Channel<std::string>> outbox_;
};

TEST(Composed, AnOutboxThatGoesLeavesTheRestAndDoesNotKeepTheLoopBusy) {
  auto owned = std::make_unique<TestBackend>();
  TestBackend& test = *owned;
  EventLoop<> loop{std::move(owned)};
  const Pipe pipe;
  std::vector<std::string> seen;
  auto [made, channel] = make_channel<std::string>();
  std::optional sender{std::move(made)};
  const auto postbox =
      loop.handle().make_dispatcher(Postbox{pipe.fd(), std::move(channel)},
                                    [&](const std::string& text) { seen.push_back(text); });
  loop.handle().register_dispatcher(postbox);
  sender->send("sent");
  loop.dispatch(1h);
  EXPECT_THAT(seen, ElementsAre("sent"));
  EXPECT_TRUE(postbox->has_outbox());
  sender.reset();
  loop.dispatch(1h);
  EXPECT_THAT(seen, ElementsAre("sent", "the last sender is gone"));
  EXPECT_FALSE(postbox->has_outbox());
  EXPECT_EQ(test.now(), TimePoint{});
  loop.dispatch(1h);
  EXPECT_EQ(test.now(), TimePoint{1h});  // it slept
  pipe.fill();
  loop.dispatch(1h);
  EXPECT_THAT(seen, ElementsAre("sent", "the last sender is gone", "received"));
}

TEST(Composed, HasAtMost65535Children) {
  struct Endless {
    using Event = int;
    using Metadata = void;
    using Ret = void;
    PostAction process_events(Readiness, Token, const std::function<void(int)>&) {
      return PostAction::Continue;
    }
    void register_with(Poll&, TokenFactory& tokens) {
      for (;;)
        static_cast<void>(tokens.token());
    }
    void reregister_with(Poll&, TokenFactory&) {}
    void unregister_from(Poll&) {}
  };
  EventLoop<> loop;
  EXPECT_THROW(loop.handle().insert_source(Endless{}, [] {}), std::length_error);
  EXPECT_EQ(loop.handle().source_count(), 0u);
}

}  // namespace
