#include <array>
#include <functional>
#include <memory>
#include <stdexcept>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/idle_queue.hpp>

namespace {

using namespace calloop;
using testing::ElementsAre;

class IdleQueueTest : public testing::Test {
 public:
  // Notes its number when it runs, and calls `last` when it is destroyed.
  class Note {
   public:
    Note(int number, std::vector<int>& ran, std::function<void()> last)
        : state_{new State{number, ran, std::move(last)}} {}
    void operator()() const { state_->ran.push_back(state_->number); }

   private:
    struct State {
      int number;
      std::vector<int>& ran;
      std::function<void()> last;
      ~State() {
        if (last)
          last();
      }
    };
    std::unique_ptr<State> state_;
  };

  IdleQueue::Place push(int number, std::function<void()> last = {}) {
    return queue_.push(Note{number, ran_, std::move(last)});
  }
  void run() {
    IdleQueue::Walk walk{queue_};
    while (walk.run_next()) {
    }
  }
  std::vector<int> ran_;
  IdleQueue queue_;
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

TEST_F(IdleQueueTest, KeepsTheOrderOfVeryMany) {
  for (int round = 0; round < 3; ++round) {
    ran_.clear();
    for (int i = 0; i < 1000; ++i)
      push(i);
    run();
    ASSERT_EQ(ran_.size(), 1000u);
    for (int i = 0; i < 1000; ++i)
      ASSERT_EQ(ran_[static_cast<std::size_t>(i)], i);
  }
}

TEST_F(IdleQueueTest, WhatIsPushedMeanwhileStays) {
  for (int i = 0; i < 200; ++i)
    queue_.push([this, i] {
      ran_.push_back(i);
      push(1000 + i);
    });
  run();
  EXPECT_EQ(ran_.size(), 200u);
  EXPECT_EQ(ran_.back(), 199);
  run();
  ASSERT_EQ(ran_.size(), 400u);
  EXPECT_EQ(ran_[200], 1000);
  EXPECT_EQ(ran_.back(), 1199);
}

TEST_F(IdleQueueTest, APlaceIsOfOneUse) {
  std::vector<IdleQueue::Place> old;
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 100; ++i)
      old.push_back(push(i));
    run();
    // Others are there by now.
    push(1);
    for (const IdleQueue::Place& place : old)
      ASSERT_FALSE(queue_.cancel(place));
    run();
  }
  EXPECT_FALSE(queue_.cancel(IdleQueue::Place{}));
}

TEST_F(IdleQueueTest, CancelledOnesAreDestroyedAndSkipped) {
  int destroyed = 0;
  const auto first = push(1, [&] { ++destroyed; });
  const auto second = push(2);
  const auto third = push(3, [&] { ++destroyed; });
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

TEST_F(IdleQueueTest, OneThatRunsCannotBeCancelledAndMayCancelOthers) {
  IdleQueue::Place itself;
  std::vector<IdleQueue::Place> others;
  int cancelled = 0;
  itself = queue_.push([&] {
    EXPECT_FALSE(queue_.cancel(itself));
    for (const IdleQueue::Place& other : others)
      cancelled += queue_.cancel(other) ? 1 : 0;
    push(7);
  });
  for (int i = 0; i < 150; ++i)
    others.push_back(push(i));
  run();
  EXPECT_EQ(cancelled, 150);
  EXPECT_TRUE(ran_.empty());
  run();
  EXPECT_THAT(ran_, ElementsAre(7));
}

TEST_F(IdleQueueTest, OneThatThrowsCountsAsRunAndTheWalkGoesOn) {
  int destroyed = 0;
  push(1);
  queue_.push([note = Note{0, ran_, [&] { ++destroyed; }}] { throw std::runtime_error{"no"}; });
  push(2);
  IdleQueue::Walk walk{queue_};
  EXPECT_TRUE(walk.run_next());
  EXPECT_THROW(walk.run_next(), std::runtime_error);
  EXPECT_EQ(destroyed, 1);
  EXPECT_TRUE(walk.run_next());
  EXPECT_FALSE(walk.run_next());
  EXPECT_THAT(ran_, ElementsAre(1, 2));
}

TEST_F(IdleQueueTest, AWalkThatEndsEarlyLeavesTheRest) {
  for (int i = 0; i < 100; ++i)
    push(i);
  {
    IdleQueue::Walk walk{queue_};
    for (int i = 0; i < 70; ++i)
      EXPECT_TRUE(walk.run_next());
  }
  EXPECT_FALSE(queue_.empty());
  run();
  EXPECT_EQ(ran_.size(), 100u);
  EXPECT_EQ(ran_.back(), 99);
}

TEST_F(IdleQueueTest, DestructorsMayPushAndCancel) {
  IdleQueue::Place victim;
  const auto first = push(1, [&] {
    EXPECT_TRUE(queue_.cancel(victim));
    push(5);
  });
  victim = push(2);
  EXPECT_TRUE(queue_.cancel(first));
  run();
  EXPECT_THAT(ran_, ElementsAre(5));
}

TEST_F(IdleQueueTest, MovingOneMayPushAnother) {
  struct PushesWhenMoved {
    IdleQueueTest& test;
    bool pushes = true;
    explicit PushesWhenMoved(IdleQueueTest& t) : test{t} {}
    // NOLINTNEXTLINE(performance-noexcept-move-constructor): what it pushes may throw
    PushesWhenMoved(PushesWhenMoved&& other) : test{other.test}, pushes{false} {
      if (other.pushes)
        test.push(1);
    }
    void operator()() const { test.ran_.push_back(2); }
  };
  queue_.push(PushesWhenMoved{*this});
  run();
  EXPECT_THAT(ran_, testing::UnorderedElementsAre(1, 2));
}

TEST_F(IdleQueueTest, LargeAndOveralignedClosuresAreKeptToo) {
  std::array<int, 100> large{};
  large.back() = 5;
  queue_.push([this, large] { ran_.push_back(large.back()); });
  struct alignas(64) Aligned {
    int number = 6;
  };
  queue_.push([this, aligned = Aligned{}] {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&aligned) % alignof(Aligned), 0u);
    ran_.push_back(aligned.number);
  });
  run();
  EXPECT_THAT(ran_, ElementsAre(5, 6));
  const auto cancelled = queue_.push([this, large] { ran_.push_back(large.back()); });
  EXPECT_TRUE(queue_.cancel(cancelled));
  EXPECT_TRUE(queue_.empty());
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

}  // namespace
