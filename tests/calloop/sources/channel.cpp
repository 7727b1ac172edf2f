// Channels, unbounded and bounded; for many threads at once see threads.cpp.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/composed.hpp>
#include <calloop/event_loop.hpp>
#include <calloop/sources/channel.hpp>
#include <calloop/sources/timer.hpp>
#include <calloop/sources/transient.hpp>
#include <calloop/testing.hpp>

#include "tests/calloop/asleep.hpp"
#include "tests/calloop/boom.hpp"
#include "tests/calloop/descriptor_count.hpp"
#include "tests/calloop/on_drop.hpp"

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using tests::Boom;

TEST(Channel, DeliversInOrderAndThenItsEnd) {
  EventLoop<std::vector<std::string>> loop;
  std::vector<std::string> log;
  auto [first, channel] = make_channel<std::string>();
  std::optional<Sender<std::string>> sender{std::move(first)};
  loop.handle().insert_source(std::move(channel),
                              [](std::optional<std::string> message, std::vector<std::string>& l) {
                                l.push_back(message.value_or("closed"));
                              });
  loop.dispatch(0ns, log);
  EXPECT_THAT(log, IsEmpty());
  EXPECT_TRUE(sender->send("a"));
  EXPECT_TRUE(sender->send(std::string{"b"}));
  loop.dispatch(0ns, log);
  EXPECT_THAT(log, ElementsAre("a", "b"));
  sender->send("c");
  sender.reset();
  loop.dispatch(0ns, log);
  EXPECT_THAT(log, ElementsAre("a", "b", "c", "closed"));
  EXPECT_EQ(loop.handle().source_count(), 0u);
  loop.dispatch(0ns, log);
  EXPECT_EQ(log.size(), 4u);
}

TEST(Channel, ACopyOfTheSenderKeepsItOpen) {
  EventLoop<> loop;
  auto [sender, channel] = make_channel<int>();
  std::vector<int> seen;
  loop.handle().insert_source(std::move(channel), [&](std::optional<int> message) {
    seen.push_back(message.value_or(-1));
  });
  std::optional<Sender<int>> one{std::move(sender)};
  std::optional<Sender<int>> two{one};
  one.reset();
  loop.dispatch(0ns);
  two->send(1);
  loop.dispatch(0ns);
  two.reset();
  loop.dispatch(0ns);
  EXPECT_THAT(seen, ElementsAre(1, -1));
}

TEST(Channel, AFloodDoesNotStarveOthers) {
  EventLoop<> loop;
  auto [sender, channel] = make_channel<int>();
  std::vector<int> seen;
  loop.handle().insert_source(std::move(channel),
                              [&](std::optional<int> message) { seen.push_back(message.value()); });
  for (int i = 0; i < 2500; ++i)
    sender.send(i);
  std::vector<std::size_t> served;
  loop.handle().insert_source(Timer::immediate(), [&] {
    served.push_back(seen.size());
    return TimeoutAction::after(0ns);
  });
  for (int i = 0; i < 4; ++i)
    loop.dispatch(std::nullopt);
  EXPECT_THAT(served, ElementsAre(1024u, 2048u, 2500u, 2500u));
  for (int i = 0; i < 2500; ++i)
    ASSERT_EQ(seen[static_cast<std::size_t>(i)], i);
}

TEST(Channel, EndsAfterAFloodAlso) {
  EventLoop<> loop;
  std::vector<int> seen;
  {
    auto [sender, channel] = make_channel<int>();
    loop.handle().insert_source(std::move(channel), [&](std::optional<int> message) {
      seen.push_back(message.value_or(-1));
    });
    for (int i = 0; i < 1024; ++i)
      sender.send(i);
  }
  for (int i = 0; i < 3; ++i)
    loop.dispatch(0ns);
  ASSERT_EQ(seen.size(), 1025u);
  EXPECT_EQ(seen.back(), -1);
  EXPECT_EQ(loop.handle().source_count(), 0u);
}

TEST(Channel, WhatIsSentWhileItDeliversIsDeliveredInTheSameDispatch) {
  EventLoop<> loop;
  auto [sender, channel] = make_channel<int>();
  std::vector<int> seen;
  loop.handle().insert_source(std::move(channel), [&, again = sender](std::optional<int> message) {
    seen.push_back(*message);
    if (*message < 5)
      again.send(*message + 1);
    else if (*message == 5)
      std::jthread{[again] { again.send(6); }}.join();
  });
  sender.send(1);
  loop.dispatch(0ns);
  EXPECT_THAT(seen, ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST(Channel, WhoAnswersHimselfLetsTheOthersHaveTheirTurn) {
  EventLoop<> loop;
  auto [sender, channel] = make_channel<int>();
  int answers = 0;
  loop.handle().insert_source(std::move(channel), [&, again = sender](std::optional<int> message) {
    ++answers;
    again.send(*message);
  });
  std::vector<int> served;
  loop.handle().insert_source(Timer::immediate(), [&] {
    served.push_back(answers);
    return TimeoutAction::after(0ns);
  });
  sender.send(1);
  for (int i = 0; i < 3; ++i)
    loop.dispatch(std::nullopt);
  EXPECT_THAT(served, ElementsAre(16, 32, 48));
}

TEST(Channel, WhatIsSentWhileDisabledIsDeliveredWhenEnabled) {
  EventLoop<> loop;
  auto [sender, channel] = make_channel<int>();
  std::vector<int> seen;
  const RegistrationToken token = loop.handle().insert_source(
      std::move(channel), [&](std::optional<int> message) { seen.push_back(*message); });
  loop.handle().disable(token);
  sender.send(1);
  loop.dispatch(0ns);
  EXPECT_THAT(seen, IsEmpty());
  loop.handle().enable(token);
  loop.dispatch(0ns);
  EXPECT_THAT(seen, ElementsAre(1));
}

TEST(Channel, SendersAreToldWhenTheReceiverIsGone) {
  EventLoop<> loop;
  auto [sender, channel] = make_channel<std::unique_ptr<int>>();
  const RegistrationToken token = loop.handle().insert_source(
      std::move(channel), [](std::optional<std::unique_ptr<int>>) { FAIL(); });
  EXPECT_TRUE(sender.send(std::make_unique<int>(1)));
  loop.handle().remove(token);
  auto message = std::make_unique<int>(2);
  EXPECT_FALSE(sender.send(std::move(message)));
  ASSERT_NE(message, nullptr);  // untouched
  EXPECT_EQ(*message, 2);
}

TEST(Channel, WhatWasNotDeliveredIsDestroyedAndMayUseTheChannelThen) {
  struct Message {
    std::shared_ptr<Sender<Message>> sender;
    int* destroyed;
    Message(std::shared_ptr<Sender<Message>> s, int* d) : sender{std::move(s)}, destroyed{d} {}
    Message(Message&& other) noexcept
        : sender{std::move(other.sender)}, destroyed{std::exchange(other.destroyed, nullptr)} {}
    Message& operator=(Message&&) = delete;
    ~Message() {
      if (destroyed != nullptr) {
        ++*destroyed;
        EXPECT_FALSE(sender->send(Message{nullptr, nullptr}));
      }
    }
  };
  int destroyed = 0;
  {
    EventLoop<> loop;
    auto [first, channel] = make_channel<Message>();
    const auto sender = std::make_shared<Sender<Message>>(std::move(first));
    loop.handle().insert_source(std::move(channel), [](std::optional<Message>) {});
    for (int i = 0; i < 3; ++i)
      sender->send(Message{sender, &destroyed});
  }
  EXPECT_EQ(destroyed, 3);
}

TEST(Channel, AClosedOneDoesNotKeepTheLoopBusy) {
  auto owned = std::make_unique<TestBackend>();
  TestBackend& test = *owned;
  EventLoop<> loop{std::move(owned)};
  int closed = 0;
  {
    auto [sender, channel] = make_channel<int>();
    loop.handle().insert_source(std::move(channel), [&](std::optional<int>) { ++closed; });
  }
  loop.dispatch(1ms);
  loop.dispatch(1ms);
  EXPECT_EQ(closed, 1);
  EXPECT_EQ(test.now(), TimePoint{1ms});
}

TEST(Channel, OwnsOneDescriptor) {
  const auto before = tests::descriptor_count();
  {
    auto [sender, channel] = make_channel<int>();
    EXPECT_EQ(tests::descriptor_count(), before + 1);
  }
  EXPECT_EQ(tests::descriptor_count(), before);
}

// ------------------------------------------------------------------- inside another source

// What a parent answers.
enum class Answer { TheChilds, Combined, Nothing };

// The parent of a channel, or of one that may go. It may throw for the message 13 and for the end.
template <class Child>
class Parent : public Composed<Parent<Child>> {
 public:
  using Event = int;
  using Metadata = void;
  using Ret = void;

  Parent(Channel<int> channel, Answer answer, bool throws = false)
      : channel_{std::move(channel)}, answer_{answer}, throws_{throws} {}
  auto children() { return std::tie(channel_); }
  PostAction process_events(Readiness readiness, Token token, auto&& emit) {
    const PostAction action = channel_.process_events(readiness, token, [&](std::optional<int> m) {
      emit(m.value_or(-1));
      if (throws_ && (!m || *m == 13))
        throw Boom{"the parent's own"};
    });
    switch (answer_) {
      case Answer::TheChilds:
        return action;
      case Answer::Combined:
        return action | PostAction::Continue;
      case Answer::Nothing:
        break;
    }
    return PostAction::Continue;
  }

 private:
  Child channel_;
  Answer answer_;
  bool throws_;
};

template <class Child>
class ChannelInAParent : public testing::Test {
 protected:
  using Source = Parent<Child>;

  ChannelInAParent() : ChannelInAParent{std::make_unique<TestBackend>()} {}
  // Everything is sent, and the sender gone, before the loop looks.
  void insert(std::vector<int> messages, Answer answer, bool throws = false) {
    auto [sender, channel] = make_channel<int>();
    token_ = loop_.handle().insert_source(Source{std::move(channel), answer, throws},
                                          [this](int message) { seen_.push_back(message); });
    for (const int message : messages)
      sender.send(message);
  }
  // Dispatches until the loop sleeps, and says how often something was thrown.
  int run() {
    int thrown = 0;
    const TimePoint end = clock_.now() + 1h;
    for (int iteration = 0; iteration < 20; ++iteration) {
      try {
        loop_.dispatch(1h);
      } catch (const Boom&) {
        ++thrown;
      }
      if (clock_.now() >= end)
        return thrown;
    }
    ADD_FAILURE() << "the loop spins";
    return thrown;
  }

  TestBackend& clock_;
  EventLoop<> loop_;
  RegistrationToken token_;
  std::vector<int> seen_;

 private:
  explicit ChannelInAParent(std::unique_ptr<TestBackend> backend)
      : clock_{*backend}, loop_{std::move(backend)} {}
};
using Children = testing::Types<Channel<int>, TransientSource<Channel<int>>>;
TYPED_TEST_SUITE(ChannelInAParent, Children, );

TYPED_TEST(ChannelInAParent, TellsItsEndOnceWhateverTheParentAnswers) {
  for (const auto answer : {Answer::Combined, Answer::Nothing}) {
    this->seen_.clear();
    this->insert({1, 2}, answer);
    EXPECT_EQ(this->run(), 0);
    EXPECT_THAT(this->seen_, ElementsAre(1, 2, -1));
    // Nor does it say it again when the parent is registered anew.
    const LoopHandle<> handle = this->loop_.handle();
    EXPECT_TRUE(handle.update(this->token_));
    this->run();
    EXPECT_TRUE(handle.disable(this->token_));
    EXPECT_TRUE(handle.enable(this->token_));
    this->run();
    EXPECT_THAT(this->seen_, ElementsAre(1, 2, -1));
  }
}

TYPED_TEST(ChannelInAParent, TellsItsEndOnceAlsoAfterAFlood) {
  this->insert(std::vector<int>(1024 + 500), Answer::Combined);
  EXPECT_EQ(this->run(), 0);
  EXPECT_EQ(this->seen_.size(), 1024u + 500u + 1u);
  EXPECT_EQ(this->seen_.back(), -1);
}

TYPED_TEST(ChannelInAParent, LosesNothingWhenTheParentThrows) {
  this->insert({1, 13, 2, 13, 13, 3}, Answer::TheChilds, true);
  EXPECT_EQ(this->run(), 4);
  EXPECT_THAT(this->seen_, ElementsAre(1, 13, 2, 13, 13, 3, -1));
}

TEST(ChannelInItsParent, EndsItAlsoIfTheParentThrewAtTheEnd) {
  using Source = Parent<Channel<int>>;
  EventLoop<> loop;
  int ends = 0;
  {
    auto [sender, channel] = make_channel<int>();
    loop.handle().insert_source(Source{std::move(channel), Answer::TheChilds, true},
                                [&](int) { ++ends; });
  }
  EXPECT_THROW(loop.dispatch(0ns), Boom);
  loop.dispatch(0ns);
  EXPECT_EQ(ends, 1);
  EXPECT_EQ(loop.handle().source_count(), 0u);
}

// ------------------------------------------------------------------------------------- bounded

// A thread that sends, and is waited for; its channel is in a loop.
template <class T>
class BoundedChannel : public testing::Test {
 protected:
  void insert(std::size_t bound) {
    auto [sender, channel] = make_sync_channel<T>(bound);
    sender_ = std::move(sender);
    token_ = loop_.handle().insert_source(std::move(channel), [this](std::optional<T> message) {
      if (message)
        received_.push_back(std::move(*message));
    });
  }
  // Runs `work` in a thread, and returns when that waits in a send().
  template <class F>
  void start(F work) {
    std::atomic<pid_t> id{0};
    thread_ = std::jthread{[&id, work] {
      id = ::gettid();
      id.notify_one();
      work();
    }};
    id.wait(0);
    tests::wait_until_blocked(id);
  }

  EventLoop<> loop_;
  RegistrationToken token_;
  std::optional<SyncSender<T>> sender_;
  std::vector<T> received_;
  std::jthread thread_;
};

using BoundedChannelOfInts = BoundedChannel<int>;
TEST_F(BoundedChannelOfInts, AFullOneMakesItsSenderWait) {
  for (const std::size_t bound : {1u, 3u, 0u}) {
    insert(bound);
    received_.clear();
    std::atomic<int> sent{0};
    start([&] {
      for (int i = 1; i <= 10; ++i) {
        EXPECT_TRUE(sender_->send(i));
        sent = i;
      }
    });
    EXPECT_EQ(sent, static_cast<int>(bound));
    while (received_.size() < 10)
      loop_.dispatch(1s);
    thread_.join();
    EXPECT_THAT(received_, ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
    EXPECT_TRUE(loop_.handle().remove(token_));
  }
}

TEST_F(BoundedChannelOfInts, SendersTakeTurns) {
  insert(0);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([i, sender = *sender_] {
      for (int n = 0; n < 100; ++n)
        EXPECT_TRUE(sender.send(i));
    });
  while (received_.size() < 400)
    loop_.dispatch(1s);
  threads.clear();
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(std::count(received_.begin(), received_.end(), i), 100);
}

using BoundedChannelOfBoxes = BoundedChannel<std::unique_ptr<int>>;
TEST_F(BoundedChannelOfBoxes, AWaitingSenderKeepsItsMessageWhenTheReceiverGoes) {
  for (const std::size_t bound : {1u, 0u}) {
    insert(bound);
    if (bound > 0) {
      EXPECT_EQ(sender_->try_send(std::make_unique<int>(1)), TrySend::Sent);
    }
    auto message = std::make_unique<int>(7);
    start([&] { EXPECT_FALSE(sender_->send(std::move(message))); });
    EXPECT_TRUE(loop_.handle().remove(token_));
    thread_.join();
    ASSERT_NE(message, nullptr);
    EXPECT_EQ(*message, 7);
    // And one that comes later too.
    std::jthread{[&] { EXPECT_FALSE(sender_->send(std::move(message))); }}.join();
    EXPECT_EQ(sender_->try_send(std::move(message)), TrySend::Closed);
    EXPECT_NE(message, nullptr);
  }
}

TEST_F(BoundedChannelOfBoxes, ABlockingSendOnTheLoopsOwnThreadIsRefused) {
  insert(1);
  auto message = std::make_unique<int>(1);
  EXPECT_THROW(sender_->send(std::move(message)), std::logic_error);
  ASSERT_NE(message, nullptr);
  EXPECT_EQ(sender_->try_send(std::move(message)), TrySend::Sent);
  loop_.dispatch(0ns);
  EXPECT_EQ(received_.size(), 1u);
}

// May be moved, and nothing else.
struct Fixed {
  explicit Fixed(int v) : value{v} {}
  Fixed(Fixed&&) noexcept = default;
  Fixed& operator=(Fixed&&) = delete;
  const int value;
};
using BoundedChannelOfFixed = BoundedChannel<Fixed>;
TEST_F(BoundedChannelOfFixed, AMessageNeedNotBeAssignable) {
  for (const std::size_t bound : {2u, 0u}) {
    insert(bound);
    const std::size_t before = received_.size();
    start([&] {
      for (int i = 0; i < 10; ++i)
        EXPECT_TRUE(sender_->send(Fixed{i}));
    });
    while (received_.size() < before + 10)
      loop_.dispatch(1s);
    thread_.join();
    for (std::size_t i = 0; i < 10; ++i)
      EXPECT_EQ(received_[before + i].value, static_cast<int>(i));
    EXPECT_TRUE(loop_.handle().remove(token_));
  }
}

TEST(SyncSender, SendsACopyOfWhatIsNotGivenAway) {
  EventLoop<> loop;
  auto [sender, channel] = make_sync_channel<std::string>(4);
  std::vector<std::string> received;
  loop.handle().insert_source(std::move(channel), [&](std::optional<std::string> message) {
    received.push_back(message.value_or("closed"));
  });
  const std::string message = "kept";
  std::jthread{[&] { EXPECT_TRUE(sender.send(message)); }}.join();
  loop.dispatch(0ns);
  EXPECT_THAT(received, ElementsAre("kept"));
  EXPECT_EQ(message, "kept");
}

}  // namespace
