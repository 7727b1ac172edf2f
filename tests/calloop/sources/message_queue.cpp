#include <atomic>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/sources/message_queue.hpp>

namespace {

using namespace calloop;
using testing::ElementsAre;

template <class T>
std::vector<T> take_all(MessageQueue<T>& queue) {
  std::vector<T> taken;
  while (T* const message = queue.front()) {
    taken.push_back(std::move(*message));
    queue.pop();
  }
  return taken;
}

TEST(MessageQueue, FirstInFirstOut) {
  MessageQueue<std::string> queue;
  EXPECT_EQ(queue.front(), nullptr);
  EXPECT_TRUE(queue.push("one"));
  EXPECT_TRUE(queue.push(std::string{"two"}));
  EXPECT_EQ(queue.size(), 2u);
  EXPECT_THAT(take_all(queue), ElementsAre("one", "two"));
  EXPECT_EQ(queue.size(), 0u);
  EXPECT_EQ(queue.front(), nullptr);
}

TEST(MessageQueue, CountsAndKeepsTheOrderOverManyBlocks) {
  MessageQueue<int> queue;
  int sent = 0;
  int taken = 0;
  // Lengths that are no divisor of a block's: every position sees a beginning and an end.
  for (int round = 0; round < 700; ++round) {
    for (int i = 0; i < 13; ++i)
      queue.push(sent++);
    ASSERT_EQ(queue.size(), static_cast<std::size_t>(sent - taken));
    for (int i = 0; i < (round % 2 == 0 ? 11 : 15); ++i) {
      ASSERT_NE(queue.front(), nullptr);
      ASSERT_EQ(*queue.front(), taken++);
      queue.pop();
    }
  }
  EXPECT_EQ(queue.front(), nullptr);
}

TEST(MessageQueue, WhatCouldNotBeMadeIsNotThere) {
  struct Fragile {
    int number;
    explicit Fragile(int n) : number{n} {
      if (n % 3 == 0)
        throw std::runtime_error{"three"};
    }
  };
  MessageQueue<Fragile> queue;
  for (int i = 1; i <= 600; ++i) {
    if (i % 3 == 0)
      EXPECT_THROW(queue.push(i), std::runtime_error);
    else
      EXPECT_TRUE(queue.push(i));
  }
  int expected = 1;
  int count = 0;
  while (Fragile* const message = queue.front()) {
    ASSERT_EQ(message->number, expected);
    queue.pop();
    expected += expected % 3 == 2 ? 2 : 1;
    ++count;
  }
  EXPECT_EQ(count, 400);
  EXPECT_EQ(queue.size(), 0u);
}

TEST(MessageQueue, MessagesMayBeMovableAndNothingElse) {
  MessageQueue<std::unique_ptr<int>> queue;
  queue.push(std::make_unique<int>(5));
  const auto taken = take_all(queue);
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_EQ(*taken.front(), 5);
}

TEST(MessageQueue, ClosedItTakesNothingAndHasDestroyedWhatThereWas) {
  const auto witness = std::make_shared<int>();
  MessageQueue<std::shared_ptr<int>> queue;
  for (int i = 0; i < 1000; ++i)
    queue.push(witness);
  queue.close();
  EXPECT_EQ(witness.use_count(), 1);
  auto message = witness;
  EXPECT_FALSE(queue.push(std::move(message)));
  EXPECT_EQ(message, witness) << "it was not touched";
}

TEST(MessageQueue, ClosedAtEveryPositionOfABlock) {
  for (int count = 0; count < 600; ++count) {
    MessageQueue<int> queue;
    for (int i = 0; i < count; ++i)
      queue.push(i);
    queue.close();
    ASSERT_EQ(queue.size(), 0u);
    ASSERT_FALSE(queue.push(1));
  }
}

TEST(MessageQueue, DestroysWhatWasNotTaken) {
  const auto witness = std::make_shared<int>();
  {
    MessageQueue<std::shared_ptr<int>> queue;
    for (int i = 0; i < 100; ++i)
      queue.push(witness);
    for (int i = 0; i < 40; ++i) {
      ASSERT_NE(queue.front(), nullptr);
      queue.pop();
    }
    EXPECT_EQ(witness.use_count(), 61);
  }
  EXPECT_EQ(witness.use_count(), 1);
}

TEST(MessageQueue, ManyThreadsEachInItsOrder) {
  constexpr int senders = 4;
  constexpr int each = 20'000;
  struct Message {
    int sender;
    int number;
  };
  MessageQueue<Message> queue;
  std::vector<std::jthread> threads;
  for (int sender = 0; sender < senders; ++sender)
    threads.emplace_back([&queue, sender] {
      for (int i = 0; i < each; ++i)
        queue.push(Message{sender, i});
    });
  std::vector<int> next(senders);
  for (int taken = 0; taken < senders * each;) {
    const Message* const message = queue.front();
    if (message == nullptr) {
      std::this_thread::yield();
      continue;
    }
    ASSERT_EQ(message->number, next[static_cast<std::size_t>(message->sender)]++);
    queue.pop();
    ++taken;
  }
  EXPECT_EQ(queue.front(), nullptr);
}

TEST(MessageQueue, ClosingMeetsSendersInTheMiddle) {
  for (int round = 0; round < 50; ++round) {
    const auto witness = std::make_shared<int>();
    MessageQueue<std::shared_ptr<int>> queue;
    std::atomic<int> refused{0};
    std::vector<std::jthread> threads;
    for (int sender = 0; sender < 3; ++sender)
      threads.emplace_back([&] {
        while (queue.push(witness)) {
        }
        ++refused;
      });
    for (int taken = 0; taken < 500;) {
      if (queue.front() != nullptr) {
        queue.pop();
        ++taken;
      }
    }
    queue.close();
    threads.clear();
    EXPECT_EQ(refused, 3);
    EXPECT_EQ(witness.use_count(), 1) << "none was left behind";
  }
}

}  // namespace
