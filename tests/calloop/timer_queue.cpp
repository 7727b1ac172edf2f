#include <map>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/timer_queue.hpp>

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr TimePoint at(int milliseconds) {
  return TimePoint{std::chrono::milliseconds{milliseconds}};
}
constexpr Token named(std::uint32_t number) {
  return Token{number, 1, 0};
}

std::vector<std::uint32_t> expired(TimerQueue& queue, TimePoint now) {
  std::vector<std::uint32_t> slots;
  queue.expire(now);
  while (const auto token = queue.next_due())
    slots.push_back(token->slot());
  return slots;
}

TEST(TimerQueue, GivesWhatIsDueByDeadline) {
  TimerQueue queue;
  EXPECT_EQ(queue.earliest(), TimePoint::max());
  static_cast<void>(queue.add(at(3), named(3)));
  static_cast<void>(queue.add(at(1), named(1)));
  static_cast<void>(queue.add(at(2), named(2)));
  EXPECT_EQ(queue.earliest(), at(1));
  EXPECT_THAT(expired(queue, at(0)), IsEmpty());
  EXPECT_THAT(expired(queue, at(2)), ElementsAre(1u, 2u));
  EXPECT_EQ(queue.earliest(), at(3));
  EXPECT_THAT(expired(queue, at(3)), ElementsAre(3u));
  EXPECT_EQ(queue.earliest(), TimePoint::max());
}

TEST(TimerQueue, EqualDeadlinesComeInOrderOfArming) {
  TimerQueue queue;
  std::vector<TimerId> ids;
  for (std::uint32_t i = 0; i < 10; ++i)
    ids.push_back(queue.add(at(1), named(i)));
  queue.rearm(ids[0], at(1));  // armed last now
  EXPECT_THAT(expired(queue, at(1)), ElementsAre(1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u, 9u, 0u));
}

TEST(TimerQueue, RearmingTakesADueOneBack) {
  TimerQueue queue;
  const TimerId first = queue.add(at(1), named(1));
  const TimerId second = queue.add(at(1), named(2));
  queue.expire(at(1));
  EXPECT_TRUE(queue.has_due());
  queue.rearm(first, at(5), named(7));
  EXPECT_EQ(queue.next_due()->slot(), 2u);
  EXPECT_EQ(queue.next_due(), std::nullopt);
  EXPECT_EQ(queue.earliest(), at(5));
  queue.rearm(second, at(4));  // one that has fired
  EXPECT_THAT(expired(queue, at(9)), ElementsAre(2u, 7u));
}

TEST(TimerQueue, ACancelledOneIsGoneInEveryState) {
  TimerQueue queue;
  const TimerId armed = queue.add(at(1), named(1));
  queue.cancel(armed);
  EXPECT_EQ(queue.earliest(), TimePoint::max());
  const TimerId due = queue.add(at(1), named(2));
  queue.expire(at(1));
  queue.cancel(due);
  EXPECT_EQ(queue.next_due(), std::nullopt);
  const TimerId fired = queue.add(at(1), named(3));
  EXPECT_THAT(expired(queue, at(1)), ElementsAre(3u));
  queue.cancel(fired);
  static_cast<void>(queue.add(at(2), named(4)));
  EXPECT_THAT(expired(queue, at(2)), ElementsAre(4u));
}

TEST(TimerQueue, ExpiringTwiceAppends) {
  TimerQueue queue;
  static_cast<void>(queue.add(at(1), named(1)));
  static_cast<void>(queue.add(at(2), named(2)));
  queue.expire(at(1));
  queue.expire(at(2));
  EXPECT_EQ(queue.next_due()->slot(), 1u);
  EXPECT_EQ(queue.next_due()->slot(), 2u);
  EXPECT_FALSE(queue.has_due());
}

// Against std::map ordered by (deadline, order of arming).
TEST(TimerQueue, BehavesAsASortedMap) {
  std::mt19937 random{11};
  TimerQueue queue;
  using Key = std::pair<TimePoint, std::uint64_t>;
  struct Known {
    TimerId id;
    std::optional<Key> key;  // while it is armed
  };
  std::map<Key, std::uint32_t> model;
  std::map<std::uint32_t, Known> known;
  std::uint64_t order = 0;
  std::uint32_t next = 1;
  TimePoint now{};
  const auto any_known = [&] {
    auto found = known.begin();
    std::advance(found, static_cast<long>(random() % known.size()));
    return found;
  };
  for (int step = 0; step < 20'000; ++step) {
    const TimePoint deadline = now + std::chrono::microseconds{random() % 2000};
    switch (random() % 5) {
      case 0:
      case 1: {
        const Key key{deadline, order++};
        model.emplace(key, next);
        known.emplace(next, Known{queue.add(deadline, named(next)), key});
        ++next;
        break;
      }
      case 2: {
        if (known.empty())
          break;
        auto& [number, timer] = *any_known();
        if (timer.key)
          model.erase(*timer.key);
        timer.key = Key{deadline, order++};
        model.emplace(*timer.key, number);
        queue.rearm(timer.id, deadline);
        break;
      }
      case 3: {
        if (known.empty())
          break;
        const auto found = any_known();
        if (found->second.key)
          model.erase(*found->second.key);
        queue.cancel(found->second.id);
        known.erase(found);
        break;
      }
      case 4: {
        now += std::chrono::microseconds{random() % 300};
        queue.expire(now);
        while (const auto token = queue.next_due()) {
          ASSERT_FALSE(model.empty());
          ASSERT_EQ(token->slot(), model.begin()->second);
          ASSERT_LE(model.begin()->first.first, now);
          known.at(token->slot()).key.reset();
          model.erase(model.begin());
        }
        break;
      }
    }
    ASSERT_EQ(queue.earliest(), model.empty() ? TimePoint::max() : model.begin()->first.first);
    ASSERT_EQ(queue.is_idle(), model.empty());
  }
}

}  // namespace
