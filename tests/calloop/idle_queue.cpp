#include <functional>
#include <memory>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/idle_queue.hpp>

namespace {

using namespace calloop;
using testing::ElementsAre;

class Note final : public IdleBase {
 public:
  Note(int number, std::vector<int>& ran, std::function<void()> last = {})
      : number_{number}, ran_{ran}, last_{std::move(last)} {}
  ~Note() override {
    if (last_)
      last_();
  }
  void run() override { ran_.push_back(number_); }

 private:
  int number_;
  std::vector<int>& ran_;
  std::function<void()> last_;
};

class IdleQueueTest : public testing::Test {
 protected:
  std::uint64_t push(int number, std::function<void()> last = {}) {
    return queue_.push(std::make_unique<Note>(number, ran_, std::move(last)));
  }
  void run() {
    const std::uint64_t end = queue_.end_id();
    while (const auto idle = queue_.pop_before(end))
      idle->run();
  }
  IdleQueue queue_;
  std::vector<int> ran_;
};

TEST_F(IdleQueueTest, FirstInFirstOutEachOnce) {
  for (int i = 0; i < 3; ++i)
    push(i);
  EXPECT_FALSE(queue_.empty());
  run();
  EXPECT_TRUE(queue_.empty());
  run();
  EXPECT_THAT(ran_, ElementsAre(0, 1, 2));
}

TEST_F(IdleQueueTest, IdsAreNeverUsedAgain) {
  std::uint64_t last = 0;
  for (int i = 0; i < 500; ++i) {
    const std::uint64_t id = push(i);
    EXPECT_GT(id, last);
    last = id;
    if (i % 3 == 0)
      run();
    if (i % 5 == 0)
      queue_.cancel(id);
  }
  EXPECT_FALSE(queue_.cancel(0));
  EXPECT_FALSE(queue_.cancel(last + 1));
}

TEST_F(IdleQueueTest, CancelledOnesAreDestroyedAndSkipped) {
  int destroyed = 0;
  const std::uint64_t first = push(1, [&] { ++destroyed; });
  const std::uint64_t second = push(2);
  const std::uint64_t third = push(3, [&] { ++destroyed; });
  EXPECT_TRUE(queue_.cancel(first));
  EXPECT_TRUE(queue_.cancel(third));
  EXPECT_EQ(destroyed, 2);
  EXPECT_FALSE(queue_.cancel(first));
  run();
  EXPECT_THAT(ran_, ElementsAre(2));
  EXPECT_FALSE(queue_.cancel(second));
  EXPECT_TRUE(queue_.empty());
  EXPECT_TRUE(queue_.cancel(push(4)));
  EXPECT_TRUE(queue_.empty());
}

TEST_F(IdleQueueTest, DestructorsMayPushAndCancel) {
  std::uint64_t victim = 0;
  const std::uint64_t first = push(1, [&] {
    EXPECT_TRUE(queue_.cancel(victim));
    push(5);
  });
  victim = push(2);
  EXPECT_TRUE(queue_.cancel(first));
  run();
  EXPECT_THAT(ran_, ElementsAre(5));
}

TEST_F(IdleQueueTest, ClearDestroysAllAlsoWhatDestructorsPush) {
  int destroyed = 0;
  push(1, [&] {
    ++destroyed;
    push(2, [&] {
      ++destroyed;
      push(3, [&] { ++destroyed; });
    });
  });
  queue_.clear();
  EXPECT_EQ(destroyed, 3);
  EXPECT_TRUE(queue_.empty());
  EXPECT_TRUE(ran_.empty());
}

TEST_F(IdleQueueTest, OnesThatAlwaysPushAnotherDoNotMakeItGrow) {
  for (int i = 0; i < 10; ++i)
    push(i);
  for (int i = 0; i < 10'000; ++i) {
    const auto idle = queue_.pop_before(queue_.end_id());
    ASSERT_NE(idle, nullptr);
    push(i);
  }
  run();
  EXPECT_EQ(ran_.size(), 10u);
}

}  // namespace
