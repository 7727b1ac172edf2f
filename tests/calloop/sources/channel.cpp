// The unbounded channel on the loop's own thread; for many threads see threads.cpp.
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/event_loop.hpp>
#include <calloop/sources/channel.hpp>
#include <calloop/sources/timer.hpp>
#include <calloop/testing.hpp>

#include "tests/calloop/descriptor_count.hpp"
#include "tests/calloop/on_drop.hpp"

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

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

TEST(Channel, MessagesSentByItsOwnCallbackAreDelivered) {
  EventLoop<> loop;
  auto [sender, channel] = make_channel<int>();
  std::vector<int> seen;
  loop.handle().insert_source(std::move(channel), [&, again = sender](std::optional<int> message) {
    seen.push_back(*message);
    if (*message < 5)
      again.send(*message + 1);
  });
  sender.send(1);
  for (int i = 0; i < 6; ++i)
    loop.dispatch(0ns);
  EXPECT_THAT(seen, ElementsAre(1, 2, 3, 4, 5));
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

}  // namespace
