#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <string>
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
  EXPECT_EQ(queue.next_expiry(), TimePoint::max());
  static_cast<void>(queue.add(at(3), named(3)));
  static_cast<void>(queue.add(at(1), named(1)));
  static_cast<void>(queue.add(at(2), named(2)));
  EXPECT_EQ(queue.next_expiry(), at(1));
  EXPECT_THAT(expired(queue, at(0)), IsEmpty());
  EXPECT_THAT(expired(queue, at(2)), ElementsAre(1u, 2u));
  EXPECT_EQ(queue.next_expiry(), at(3));
  EXPECT_THAT(expired(queue, at(3)), ElementsAre(3u));
  EXPECT_EQ(queue.next_expiry(), TimePoint::max());
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
  EXPECT_EQ(queue.next_expiry(), at(5));
  queue.rearm(second, at(4));  // one that has fired
  EXPECT_THAT(expired(queue, at(9)), ElementsAre(2u, 7u));
}

TEST(TimerQueue, ACancelledOneIsGoneInEveryState) {
  TimerQueue queue;
  const TimerId armed = queue.add(at(1), named(1));
  queue.cancel(armed);
  EXPECT_EQ(queue.next_expiry(), TimePoint::max());
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

TEST(TimerQueue, CancellingTwiceOrNothingHasNoEffect) {
  TimerQueue queue;
  queue.cancel(TimerId::None);
  const TimerId gone = queue.add(at(1), named(1));
  queue.cancel(gone);
  queue.cancel(gone);
  static_cast<void>(queue.add(at(1), named(2)));
  static_cast<void>(queue.add(at(1), named(3)));
  EXPECT_THAT(expired(queue, at(1)), ElementsAre(2u, 3u));
}

TEST(TimerQueue, NothingIsDueWhenAllThatWasIsCancelled) {
  TimerQueue queue;
  const TimerId due = queue.add(at(1), named(1));
  queue.expire(at(1));
  queue.cancel(due);
  EXPECT_FALSE(queue.has_due());
  EXPECT_TRUE(queue.is_idle());
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

TEST(TimerQueue, EqualDeadlinesKeepTheirOrderHoweverFarTheyWere) {
  TimerQueue queue;
  const TimePoint deadline = TimePoint{} + 1h;
  std::vector<std::uint32_t> order;
  // Armed from ever nearer: each waits in another level than the one before.
  for (std::uint32_t i = 0; i < 40; ++i) {
    static_cast<void>(queue.add(deadline, named(i)));
    order.push_back(i);
    queue.expire(deadline - Duration{1h} / (std::int64_t{1} << i));
  }
  EXPECT_THAT(expired(queue, deadline - 1ns), IsEmpty());
  EXPECT_EQ(expired(queue, deadline), order);
}

TEST(TimerQueue, SortsWhatIsDueInTheSameMicrosecond) {
  TimerQueue queue;
  std::mt19937 random{5};
  std::vector<std::pair<TimePoint, std::uint32_t>> expected;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    const TimePoint deadline{1ms + Duration{random() % 700}};
    static_cast<void>(queue.add(deadline, named(i)));
    expected.emplace_back(deadline, i);
  }
  std::ranges::sort(expected);  // equal deadlines by number, which is the order of arming
  std::vector<std::uint32_t> order;
  for (const auto& [deadline, number] : expected)
    order.push_back(number);
  EXPECT_EQ(expired(queue, at(2)), order);
}

TEST(TimerQueue, TellsTheEarliestDeadlineToTheNanosecond) {
  TimerQueue queue;
  static_cast<void>(queue.add(TimePoint{1h + 1ns}, named(1)));
  EXPECT_EQ(queue.next_expiry(), TimePoint{1h + 1ns});
  const TimerId earlier = queue.add(TimePoint{1h}, named(2));
  EXPECT_EQ(queue.next_expiry(), TimePoint{1h});
  queue.cancel(earlier);
  EXPECT_EQ(queue.next_expiry(), TimePoint{1h + 1ns});
}

TEST(TimerQueue, AmongVeryManyItTellsWhenToSpreadThem) {
  TimerQueue queue;
  for (std::uint32_t i = 0; i < 1000; ++i)
    static_cast<void>(queue.add(TimePoint{10s + std::chrono::milliseconds{i}}, named(i)));
  TimePoint now{};
  int looks = 0;
  while (!queue.has_due()) {
    ASSERT_GT(queue.next_expiry(), now);
    now = queue.next_expiry();
    ASSERT_LE(now, TimePoint{10s});
    queue.expire(now);
    ++looks;
  }
  EXPECT_EQ(now, TimePoint{10s});
  EXPECT_LE(looks, 6);  // at most one a level
}

TEST(TimerQueue, TheEndOfTimeIsNeverDue) {
  TimerQueue queue;
  const TimerId never = queue.add(TimePoint::max(), named(1));
  static_cast<void>(queue.add(TimePoint::min(), named(2)));
  EXPECT_EQ(queue.next_expiry(), TimePoint::min());
  EXPECT_THAT(expired(queue, TimePoint{100'000h}), ElementsAre(2u));
  EXPECT_EQ(queue.next_expiry(), TimePoint::max());
  queue.rearm(never, TimePoint{100'001h});
  EXPECT_THAT(expired(queue, TimePoint{100'002h}), ElementsAre(1u));
}

// By deadline, equal ones in the order of arming, however many they are and whatever they are like.
class Burst : public testing::TestWithParam<std::uint32_t> {};

TEST_P(Burst, IsSorted) {
  std::mt19937_64 random{3};
  TimerQueue queue;
  queue.expire(at(1000));
  std::vector<std::pair<TimePoint, std::uint32_t>> all;
  const auto add = [&](TimePoint deadline) {
    const auto number = static_cast<std::uint32_t>(all.size() + 1);
    static_cast<void>(queue.add(deadline, named(number)));
    all.emplace_back(deadline, number);
  };
  for (std::uint32_t i = 0; i < GetParam(); ++i) {
    add(at(1000) + Duration{random() % 100'000'000});
    add(at(1001) + Duration{random() % 4});
    if (i % 8 == 0)
      add(at(999) - Duration{random() % 1'000'000});  // past
  }
  std::sort(all.begin(), all.end());
  std::vector<std::uint32_t> in_order;
  for (const auto& [deadline, number] : all)
    in_order.push_back(number);
  EXPECT_EQ(expired(queue, at(2000)), in_order);
}

INSTANTIATE_TEST_SUITE_P(TimerQueue, Burst, testing::Values(1, 5, 12, 60, 200, 20'000));

// Against std::map ordered by (deadline, order of arming), with deadlines from the past to
// `farthest` from now.
class Model : public testing::TestWithParam<Duration> {};

TEST_P(Model, IsASortedMap) {
  const auto farthest = static_cast<std::uint64_t>(GetParam().count());
  std::mt19937_64 random{11};
  TimerQueue queue;
  using Key = std::pair<TimePoint, std::uint64_t>;
  struct Known {
    TimerId id;
    std::optional<Key> key;  // while it is armed
  };
  std::map<Key, std::uint32_t> model;
  std::map<std::uint32_t, Known> known;
  std::vector<std::uint32_t> due;  // in order
  std::uint64_t order = 0;
  std::uint32_t next = 1;
  TimePoint now{1s};
  const auto any_known = [&] {
    auto found = known.begin();
    std::advance(found, static_cast<long>(random() % known.size()));
    return found;
  };
  const auto any_deadline = [&] {
    if (!model.empty() && random() % 4 == 0)
      return model.begin()->first.first;
    return now + Duration{random() % farthest} - Duration{random() % 16 == 0 ? farthest / 16 : 0};
  };
  for (int step = 0; step < 20'000; ++step) {
    const TimePoint deadline = any_deadline();
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
        std::erase(due, number);
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
        std::erase(due, found->first);
        queue.cancel(found->second.id);
        known.erase(found);
        break;
      }
      case 4: {
        now += Duration{random() % (farthest / 8)};
        queue.expire(now);
        while (!model.empty() && model.begin()->first.first <= now) {
          const std::uint32_t number = model.begin()->second;
          model.erase(model.begin());
          known.at(number).key.reset();
          due.push_back(number);
        }
        // Not always all of them: what is due can be cancelled and re-armed as well.
        for (std::size_t left = random() % 3 == 0 ? random() % 8 : due.size();
             left > 0 && !due.empty(); --left) {
          const auto token = queue.next_due();
          ASSERT_TRUE(token);
          ASSERT_EQ(token->slot(), due.front());
          due.erase(due.begin());
        }
        ASSERT_EQ(queue.has_due(), !due.empty());
        break;
      }
    }
    const TimePoint earliest = model.empty() ? TimePoint::max() : model.begin()->first.first;
    if (model.size() <= 16) {
      ASSERT_EQ(queue.next_expiry(), earliest);
    } else {
      ASSERT_LE(queue.next_expiry(), earliest);
      // Not so early that looking then would be for nothing, and again.
      ASSERT_GT(queue.next_expiry(), std::min(now, earliest - 1ns));
    }
    ASSERT_EQ(queue.is_idle(), model.empty() && due.empty());
  }
}

INSTANTIATE_TEST_SUITE_P(TimerQueue, Model, testing::Values(Duration{50}, 5us, 2ms, 500ms, 100h),
                         [](const auto& one) { return std::to_string(one.param.count()) + "ns"; });

}  // namespace
