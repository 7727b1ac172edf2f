#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <calloop/sources/bounded_queue.hpp>

namespace {

using namespace calloop;

constexpr auto nobody = [] {};

TEST(BoundedQueue, HasRoomForSoMany) {
  BoundedQueue<int> queue{2};
  EXPECT_EQ(queue.try_push(1), TrySend::Sent);
  EXPECT_EQ(queue.try_push(2), TrySend::Sent);
  EXPECT_EQ(queue.try_push(3), TrySend::Full);
  EXPECT_EQ(queue.size(), 2u);
  ASSERT_NE(queue.front(), nullptr);
  EXPECT_EQ(*queue.front(), 1);
  EXPECT_EQ(queue.try_push(3), TrySend::Sent) << "the one at the front has left";
  queue.pop();
  EXPECT_EQ(*queue.front(), 2);
  queue.pop();
  EXPECT_EQ(*queue.front(), 3);
  queue.pop();
  EXPECT_EQ(queue.front(), nullptr);
}

TEST(BoundedQueue, WhoWaitsGoesOnWhenThereIsRoom) {
  BoundedQueue<int> queue{1};
  std::atomic<int> sent{0};
  std::jthread sender{[&] {
    for (int i = 0; i < 100; ++i) {
      int message = i;
      if (queue.push(message, nobody))
        ++sent;
    }
  }};
  for (int expected = 0; expected < 100;) {
    const int* const message = queue.front();
    if (message == nullptr) {
      std::this_thread::yield();
      continue;
    }
    ASSERT_EQ(*message, expected++);
    queue.pop();
  }
  sender.join();
  EXPECT_EQ(sent, 100);
}

TEST(BoundedQueue, FromHandToHandWithoutRoom) {
  BoundedQueue<std::unique_ptr<int>> queue{0};
  EXPECT_EQ(queue.try_push(std::make_unique<int>(1)), TrySend::Full);
  std::atomic<bool> offered{false};
  std::atomic<bool> returned{false};
  std::jthread sender{[&] {
    auto message = std::make_unique<int>(2);
    EXPECT_TRUE(queue.push(message, [&] { offered = true; }));
    EXPECT_EQ(message, nullptr);
    returned = true;
  }};
  while (!offered)
    std::this_thread::yield();
  EXPECT_EQ(queue.size(), 1u);
  EXPECT_FALSE(returned);
  ASSERT_NE(queue.front(), nullptr);
  EXPECT_EQ(**queue.front(), 2);
  queue.pop();
  sender.join();
  EXPECT_TRUE(returned);
}

TEST(BoundedQueue, ClosingTellsWhoWaitsAndTouchesNothing) {
  for (const std::size_t bound : {0u, 1u}) {
    BoundedQueue<std::unique_ptr<int>> queue{bound};
    if (bound == 1) {
      EXPECT_EQ(queue.try_push(std::make_unique<int>(1)), TrySend::Sent);
    }
    std::vector<std::jthread> senders;
    std::atomic<int> told{0};
    for (int i = 0; i < 3; ++i)
      senders.emplace_back([&] {
        auto message = std::make_unique<int>(2);
        EXPECT_FALSE(queue.push(message, nobody));
        EXPECT_NE(message, nullptr);
        ++told;
      });
    queue.close();
    senders.clear();
    EXPECT_EQ(told, 3);
    EXPECT_EQ(queue.try_push(std::make_unique<int>(3)), TrySend::Closed);
    EXPECT_EQ(queue.front(), nullptr);
  }
}

}  // namespace
