// Bugs that calloop has had and fixed, by its changelog: time. CR-002 to CR-034.
#include <algorithm>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include <pthread.h>
#include <sys/time.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/calloop.hpp>

#include "tests/calloop/conformance/allocations.hpp"
#include "tests/calloop/conformance/virtual_loop.hpp"
#include "tests/calloop/on_drop.hpp"
#include "tests/calloop/pipe.hpp"

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using testing::ElementsAre;
using tests::allocations;
using tests::OnDrop;
using tests::VirtualLoop;

TEST(Conformance, CR_002_ReplacingAFarTimerOverAndOverCostsTheSameAtTheEnd) {
  if (!tests::counts_allocations())
    GTEST_SKIP() << "ThreadSanitizer has an operator new of its own: nothing is counted";
  VirtualLoop<> v;
  RegistrationToken token = v.handle.insert_source(Timer::after(24h), [] { FAIL(); });
  const auto replace = [&] {
    EXPECT_TRUE(v.handle.remove(token));
    token = v.handle.insert_source(Timer::after(24h), [] { FAIL(); });
  };
  // What a thousand rounds take from the heap and leave there, and where the last timer ended up.
  const auto cost_of_a_thousand = [&] {
    const auto before = allocations();
    for (int i = 0; i < 1000; ++i)
      replace();
    v.loop.dispatch(0ns);
    const auto after = allocations();
    return std::tuple{after.calls - before.calls, after.bytes - before.bytes, token.slot()};
  };
  cost_of_a_thousand();
  const auto cost = cost_of_a_thousand();
  EXPECT_EQ(std::get<1>(cost), 0);
  for (int rounds = 2000; rounds < 1'000'000; rounds += 1000)
    ASSERT_EQ(cost_of_a_thousand(), cost) << "after " << rounds << " rounds";
  EXPECT_EQ(v.handle.source_count(), 1u);
}

TEST(Conformance, CR_004_TheWaitEndsAtTheEarlierOfTimeOutAndTimer) {
  // Neither of them: for ever, which virtual time refuses.
  EXPECT_THROW(VirtualLoop<>{}.loop.dispatch(std::nullopt), std::logic_error);

  const auto waited = [](Timeout timeout, std::optional<Duration> timer) {
    VirtualLoop<> v;
    const TimePoint before = v.clock.now();
    if (timer)
      v.handle.insert_source(Timer::at(before + *timer), [] {});
    v.loop.dispatch(timeout);
    return v.clock.now() - before;
  };
  EXPECT_EQ(waited(3s, std::nullopt), 3s);
  EXPECT_EQ(waited(std::nullopt, 2s), 2s);
  EXPECT_EQ(waited(3s, 2s), 2s);
  EXPECT_EQ(waited(2s, 3s), 2s);
  EXPECT_EQ(waited(3s, -1s), 0s);
  EXPECT_EQ(waited(std::nullopt, 0s), 0s);
  EXPECT_EQ(waited(0s, 3s), 0s);
}

TEST(Conformance, CR_005_StoppingAndRestartingATimerAllocatesNothing) {
  if (!tests::counts_allocations())
    GTEST_SKIP() << "ThreadSanitizer has an operator new of its own: nothing is counted";
  VirtualLoop<> v;
  const auto timer = v.handle.make_dispatcher(Timer::after(1h), [] { FAIL(); });
  const RegistrationToken token = v.handle.register_dispatcher(timer);
  v.handle.disable(token);
  v.handle.enable(token);

  const auto before = allocations();
  for (int i = 0; i < 1000; ++i) {
    v.handle.disable(token);
    v.handle.enable(token);
    timer->set_delay(2h);
    v.handle.update(token);
  }
  EXPECT_EQ(allocations().calls, before.calls);
  EXPECT_EQ(timer->deadline(), v.clock.now() + 2h);
}

TEST(Conformance, CR_017_AHugeDelayNeverEndsAndDisturbsNobody) {
  VirtualLoop<> v;
  v.handle.insert_source(Timer::after(Duration::max()), [] { FAIL(); });
  v.handle.insert_source(Timer::at(TimePoint::max()), [] { FAIL(); });
  int fired = 0;
  v.handle.insert_source(Timer::after(1s), [&] { ++fired; });
  v.loop.dispatch(std::nullopt);
  v.clock.advance(100 * 365 * 24h);
  v.loop.dispatch(0ns);
  EXPECT_EQ(fired, 1);
  EXPECT_EQ(v.handle.source_count(), 2u);
}

TEST(Conformance, CR_020_ATimerWithoutDelayFiresInTheNextIteration) {
  VirtualLoop<> v;
  const TimePoint before = v.clock.now();
  int fired = 0;
  v.handle.insert_source(Timer::after(0ns), [&] { ++fired; });
  v.loop.dispatch(std::nullopt);
  EXPECT_EQ(fired, 1);
  EXPECT_EQ(v.clock.now(), before);
}

TEST(Conformance, CR_021_CancellingATimerLeavesTheLaterOnes) {
  VirtualLoop<> v;
  std::vector<int> fired;
  std::vector<RegistrationToken> tokens;
  tokens.reserve(10);
  for (int i = 0; i < 10; ++i)
    tokens.push_back(
        v.handle.insert_source(Timer::after(i * 1s), [&fired, i] { fired.push_back(i); }));
  for (const std::size_t i : {0u, 3u, 9u, 5u})
    EXPECT_TRUE(v.handle.remove(tokens[i]));
  while (v.handle.source_count() > 0)
    v.loop.dispatch(std::nullopt);
  EXPECT_THAT(fired, ElementsAre(1, 2, 4, 6, 7, 8));
}

TEST(Conformance, CR_026_AnInterruptedWaitGoesOnForTheRestOfItsTime) {
  struct sigaction ignore{};
  struct sigaction old_action{};
  ignore.sa_handler = [](int) {};
  ASSERT_EQ(::sigaction(SIGALRM, &ignore, &old_action), 0);
  const itimerval every_millisecond{{0, 1000}, {0, 1000}};
  itimerval old_timer{};
  ASSERT_EQ(::setitimer(ITIMER_REAL, &every_millisecond, &old_timer), 0);

  EventLoop<> loop;
  const TimePoint before = Clock::now();
  loop.dispatch(30ms);
  const Duration waited = Clock::now() - before;

  ::setitimer(ITIMER_REAL, &old_timer, nullptr);
  ::sigaction(SIGALRM, &old_action, nullptr);
  EXPECT_GE(waited, 30ms);
  EXPECT_LT(waited, 10s);  // not begun anew each time
}

TEST(Conformance, CR_029_ATimerThatIsOverIsDestroyedAtOnce) {
  int destroyed = 0;
  VirtualLoop<> v;
  const auto guard = [&] { return OnDrop{[&] { ++destroyed; }}; };
  v.handle.insert_source(Timer::after(1s), [guarded = guard()] {});
  const RegistrationToken far = v.handle.insert_source(Timer::after(1h), [guarded = guard()] {});
  v.loop.dispatch(std::nullopt);
  EXPECT_EQ(destroyed, 1);
  EXPECT_TRUE(v.handle.remove(far));
  EXPECT_EQ(destroyed, 2);
  EXPECT_EQ(v.handle.source_count(), 0u);
}

TEST(Conformance, CR_030_TimeOutsAreNotRoundedUpToMilliseconds) {
  EventLoop<> loop;
  // On a busy machine most waits are longer; the shortest of many shows what was asked for.
  Duration shortest = Duration::max();
  for (int i = 0; i < 200 && shortest >= 1ms; ++i) {
    const TimePoint before = Clock::now();
    loop.dispatch(100us);
    const Duration waited = Clock::now() - before;
    EXPECT_GE(waited, 100us);
    shortest = std::min(shortest, waited);
  }
  EXPECT_LT(shortest, 1ms);
}

bool has_timerfd() {
  namespace fs = std::filesystem;
  return std::ranges::any_of(fs::directory_iterator{"/proc/self/fd"}, [](const auto& entry) {
    std::error_code gone;
    return fs::read_symlink(entry.path(), gone).string().find("[timerfd]") != std::string::npos;
  });
}

TEST(Conformance, CR_033_WaitsWithoutAnExactDeadlineUseNoTimerDescriptor) {
  EventLoop<> loop;
  const LoopSignal signal = loop.signal();
  signal.wakeup();
  loop.dispatch(std::nullopt);
  loop.dispatch(1ms);
  loop.handle().insert_source(Timer::after(1ms), [] {});
  loop.dispatch(std::nullopt);
  EXPECT_FALSE(has_timerfd());
  // It would be seen.
  loop.set_timer_slack(0ns);
  loop.handle().insert_source(Timer::after(1ms), [] {});
  loop.dispatch(std::nullopt);
  EXPECT_TRUE(has_timerfd());
}

TEST(Conformance, CR_034_ASignalDoesNotSwallowAWakeUp) {
  struct sigaction ignore{};
  struct sigaction old_action{};
  ignore.sa_handler = [](int) {};  // without SA_RESTART
  ASSERT_EQ(::sigaction(SIGUSR1, &ignore, &old_action), 0);

  constexpr int rounds = 200;
  EventLoop<> loop;
  std::atomic<int> begun{0};
  const Duration longest = 20s;
  bool late = false;
  {
    const std::jthread waker{[&, signal = loop.signal(), target = ::pthread_self()] {
      for (int round = 1; round <= rounds; ++round) {
        begun.wait(round - 1);
        ::pthread_kill(target, SIGUSR1);
        signal.wakeup();
        ::pthread_kill(target, SIGUSR1);
      }
    }};
    for (int round = 1; round <= rounds; ++round) {
      begun = round;
      begun.notify_one();
      const TimePoint before = Clock::now();
      loop.dispatch(longest);
      late = late || Clock::now() - before >= longest;
    }
  }
  ::sigaction(SIGUSR1, &old_action, nullptr);
  EXPECT_FALSE(late);
}

}  // namespace
