// Bugs that calloop has had and fixed, by its changelog: pings and channels. CR-003 to CR-032.
#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/calloop.hpp>

#include "tests/calloop/conformance/virtual_loop.hpp"

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using testing::ElementsAre;
using tests::VirtualLoop;

TEST(Conformance, CR_003_DroppingTheLastOfSeveralSyncSendersClosesTheChannel) {
  VirtualLoop<> v;
  auto [made, channel] = make_sync_channel<int>(2);
  std::optional first{std::move(made)};
  std::optional second = first;
  int closed = 0;
  v.handle.insert_source(std::move(channel), [&](std::optional<int> message) {
    EXPECT_FALSE(message);
    ++closed;
  });
  first.reset();
  v.loop.dispatch(0ns);
  EXPECT_EQ(closed, 0);
  second.reset();
  v.loop.dispatch(std::nullopt);
  EXPECT_EQ(closed, 1);
  EXPECT_EQ(v.handle.source_count(), 0u);
}

TEST(Conformance, CR_006_AFloodInAChannelDoesNotStarveTheOtherSources) {
  VirtualLoop<> v;
  auto [sender, channel] = make_channel<int>();
  int messages = 0;
  v.handle.insert_source(std::move(channel), [&](std::optional<int>) {
    ++messages;
    EXPECT_TRUE(sender.send(messages));  // never ends
  });
  auto [ping, source] = make_ping();
  int pings = 0;
  v.handle.insert_source(std::move(source), [&] { ++pings; });
  for (int i = 0; i < 5000; ++i)
    EXPECT_TRUE(sender.send(0));
  for (int i = 1; i <= 10; ++i) {
    ping.ping();
    v.loop.dispatch(0ns);
    EXPECT_EQ(pings, i);
    EXPECT_EQ(messages, i * 1024);
  }
}

// How many iterations it takes until the loop sleeps until its timer.
int iterations_until_asleep(VirtualLoop<>& v) {
  const TimePoint deadline = v.clock.now() + 1h;
  v.handle.insert_source(Timer::at(deadline), [] {});
  for (int iterations = 0; iterations < 100; ++iterations) {
    v.loop.dispatch(std::nullopt);
    if (v.clock.now() == deadline)
      return iterations;
  }
  return 100;
}

// A ping and a channel inside another source, which says what the channel answered, and goes on
// with the one when the other has ended.
class Mailbox : public Composed<Mailbox> {
 public:
  using Event = std::optional<int>;
  using Metadata = void;
  using Ret = void;

  Mailbox(PingSource ping, Channel<int> channel, std::vector<PostAction>* answers = nullptr)
      : ping_{std::move(ping)}, channel_{std::move(channel)}, answers_{answers} {}
  auto children() { return std::tie(ping_, channel_); }
  PostAction process_events(Readiness readiness, Token token, auto&& emit) {
    const PostAction ping =
        ping_.process_events(readiness, token, [&](Pinged) { emit(std::optional{0}); });
    const PostAction channel = channel_.process_events(readiness, token, emit);
    if (answers_ != nullptr)
      answers_->push_back(channel);
    return ping | channel;
  }

 private:
  PingSource ping_;
  Channel<int> channel_;
  std::vector<PostAction>* answers_;
};

TEST(Conformance, CR_007_AClosedChannelAnswersRemoveToItsParent) {
  VirtualLoop<> v;
  auto [made, channel] = make_channel<int>();
  auto [ping, ping_source] = make_ping();
  std::optional sender{std::move(made)};
  std::vector<PostAction> answers;
  std::vector<std::optional<int>> events;
  v.handle.insert_source(Mailbox{std::move(ping_source), std::move(channel), &answers},
                         [&](std::optional<int> event) { events.push_back(event); });
  EXPECT_TRUE(sender->send(7));
  v.loop.dispatch(0ns);
  sender.reset();
  EXPECT_LE(iterations_until_asleep(v), 3);
  EXPECT_THAT(answers, ElementsAre(PostAction::Continue, PostAction::Remove));
  EXPECT_THAT(events, ElementsAre(std::optional{7}, std::nullopt));
  ping.ping();  // the other one is still there
  v.loop.dispatch(0ns);
  EXPECT_THAT(events, ElementsAre(std::optional{7}, std::nullopt, std::optional{0}));
}

TEST(Conformance, CR_008_AChannelThatStoppedAtItsBudgetWakesTheLoopAgain) {
  VirtualLoop<> v;
  auto [sender, channel] = make_channel<int>();
  int messages = 0;
  v.handle.insert_source(std::move(channel), [&] { ++messages; });
  for (int i = 0; i < 1025; ++i)
    EXPECT_TRUE(sender.send(i));
  v.loop.dispatch(std::nullopt);
  EXPECT_EQ(messages, 1024);
  v.loop.dispatch(std::nullopt);  // would throw if it had to sleep
  EXPECT_EQ(messages, 1025);
}

TEST(Conformance, CR_023_NothingSpinsWhenTheSendersAreGone) {
  VirtualLoop<> v;
  {
    auto [ping, source] = make_ping();
    v.handle.insert_source(std::move(source), [] { FAIL(); });
    auto [sender, channel] = make_channel<int>();
    v.handle.insert_source(std::move(channel),
                           [](std::optional<int> message) { EXPECT_FALSE(message); });
    auto [sync_sender, sync_channel] = make_sync_channel<int>(1);
    v.handle.insert_source(std::move(sync_channel),
                           [](std::optional<int> message) { EXPECT_FALSE(message); });
  }
  EXPECT_LE(iterations_until_asleep(v), 3);
  EXPECT_EQ(v.handle.source_count(), 0u);

  // Nor together in one source, which is none the less registered anew now and then.
  int ends = 0;
  RegistrationToken token;
  {
    auto [ping, source] = make_ping();
    auto [sender, channel] = make_channel<int>();
    token = v.handle.insert_source(Mailbox{std::move(source), std::move(channel)},
                                   [&](std::optional<int> message) {
                                     EXPECT_FALSE(message);
                                     ++ends;
                                   });
  }
  EXPECT_LE(iterations_until_asleep(v), 3);
  EXPECT_TRUE(v.handle.update(token));
  EXPECT_LE(iterations_until_asleep(v), 1);
  EXPECT_EQ(ends, 1);
}

TEST(Conformance, CR_024_AMessageIsThereWhenItsWakeUpArrives) {
  constexpr int messages = 2000;
  EventLoop<> loop;
  auto [made, channel] = make_channel<int>();
  std::atomic<int> received{0};
  bool closed = false;
  loop.handle().insert_source(std::move(channel), [&](std::optional<int> message) {
    closed = !message;
    if (message) {
      EXPECT_EQ(*message, received);
      received = *message + 1;
      received.notify_one();
    }
  });
  std::jthread thread{[&received, sender = std::move(made)] {
    for (int i = 0; i < messages; ++i) {
      EXPECT_TRUE(sender.send(i));
      received.wait(i);  // the loop is about to sleep, or does
    }
  }};
  // A wake-up ahead of its message would leave the loop asleep, and the sender waiting for it.
  const Duration patience = 20s;
  while (!closed) {
    const TimePoint before = Clock::now();
    loop.dispatch(patience);
    if (Clock::now() - before >= patience) {
      ADD_FAILURE() << "no wake-up for message " << received;
      received = messages;  // lets the thread end
      received.notify_one();
      break;
    }
  }
  EXPECT_EQ(received, messages);
}

// Ignores what its children answer.
class Ignorant : public Composed<Ignorant> {
 public:
  using Event = int;
  using Metadata = void;
  using Ret = void;

  Ignorant(PingSource ping, Channel<int> channel)
      : ping_{std::move(ping)}, channel_{std::move(channel)} {}
  auto children() { return std::tie(ping_, channel_); }
  PostAction process_events(Readiness readiness, Token token, auto&& emit) {
    static_cast<void>(ping_.process_events(readiness, token, [&](Pinged) { emit(1); }));
    static_cast<void>(
        channel_.process_events(readiness, token, [&](std::optional<int>) { emit(2); }));
    return PostAction::Continue;
  }

 private:
  PingSource ping_;
  Channel<int> channel_;
};

TEST(Conformance, CR_032_AParentThatIgnoresItsClosedChildrenDoesNotSpin) {
  VirtualLoop<> v;
  std::vector<int> events;
  RegistrationToken token;
  {
    auto [ping, source] = make_ping();
    auto [sender, channel] = make_channel<int>();
    token = v.handle.insert_source(Ignorant{std::move(source), std::move(channel)},
                                   [&](int event) { events.push_back(event); });
  }
  EXPECT_LE(iterations_until_asleep(v), 3);
  EXPECT_THAT(events, ElementsAre(2));  // Closed, once
  EXPECT_TRUE(v.handle.update(token));  // epoll tells everything anew
  EXPECT_LE(iterations_until_asleep(v), 1);
  EXPECT_THAT(events, ElementsAre(2));
}

}  // namespace
