// eventp's remote endpoint: closures from other threads. EP-035 to EP-041, EP-050.
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/calloop.hpp>

#include "tests/calloop/asleep.hpp"

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using testing::ElementsAre;

struct App {
  std::thread::id thread = std::this_thread::get_id();
  std::vector<int> log;
};

// Runs `work` in a thread of its own, and the loop until it has ended.
template <class F>
void run_with(EventLoop<App>& loop, App& app, F work) {
  const std::jthread worker{[&work, signal = loop.signal()] {
    work();
    signal.stop();
  }};
  loop.run(app);
}

TEST(Conformance, EP_035_ACallRunsOnTheLoopsThreadAndAnswersWithValueOrException) {
  EventLoop<App> loop;
  App app;
  const RemoteHandle<App> remote = remote_endpoint(loop.handle());
  run_with(loop, app, [&] {
    EXPECT_EQ(remote.call([](App& a) { return a.thread == std::this_thread::get_id() ? 42 : 0; }),
              42);
    remote.call([](App& a) { a.log.push_back(1); });
    try {
      remote.call([]() -> int { throw std::out_of_range{"far away"}; });
      ADD_FAILURE() << "no exception";
    } catch (const std::out_of_range& error) {
      EXPECT_STREQ(error.what(), "far away");
    }
  });
  EXPECT_THAT(app.log, ElementsAre(1));
}

TEST(Conformance, EP_036_ACallWithATimeOutIsGivenUpWhenNobodyRunsTheLoop) {
  EventLoop<App> loop;
  App app;
  const RemoteHandle<App> remote = remote_endpoint(loop.handle());
  std::jthread{[&] {
    EXPECT_EQ(remote.call_for(10ms,
                              [](App& a) {
                                a.log.push_back(1);
                                return 1;
                              }),
              std::nullopt);
    EXPECT_FALSE(remote.call_for(10ms, [](App& a) { a.log.push_back(2); }));
  }}.join();
  loop.dispatch(0ns, app);
  EXPECT_THAT(app.log, ElementsAre());  // what was given up never runs
  run_with(loop, app, [&] {
    EXPECT_EQ(remote.call_for(1min, [] { return 3; }), 3);
    EXPECT_TRUE(remote.call_for(1min, [](App& a) { a.log.push_back(3); }));
  });
  EXPECT_THAT(app.log, ElementsAre(3));
}

TEST(Conformance, EP_037_PostedClosuresRunInOrderAndACallIsAFence) {
  EventLoop<App> loop;
  App app;
  const RemoteHandle<App> remote = remote_endpoint(loop.handle());
  run_with(loop, app, [&] {
    for (int i = 0; i < 16; ++i)
      EXPECT_TRUE(remote.post([i](App& a) { a.log.push_back(i); }));
    const std::vector<int> so_far = remote.call([](const App& a) { return a.log; });
    EXPECT_THAT(so_far, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
  });
}

// Once `end` has ended the endpoint of `remote`.
void expect_all_are_errors(const RemoteHandle<App>& remote, const std::function<void()>& end) {
  auto never_served = remote.async([] { return 1; });
  const auto guard = std::make_shared<int>();
  EXPECT_TRUE(remote.post([guard] { ADD_FAILURE(); }));
  std::atomic<pid_t> caller{0};
  std::jthread waiting{[&] {
    caller = ::gettid();
    caller.notify_one();
    EXPECT_THROW(remote.call([] { return 1; }), LoopGone);
  }};
  caller.wait(0);
  tests::wait_until_blocked(caller);
  end();
  waiting.join();
  EXPECT_THROW(never_served.get(), LoopGone);
  EXPECT_EQ(guard.use_count(), 1);

  std::jthread{[&] {
    EXPECT_FALSE(remote.post([] { ADD_FAILURE(); }));
    EXPECT_THROW(remote.call([] { return 1; }), LoopGone);
    EXPECT_THROW(remote.call([] {}), LoopGone);
    EXPECT_THROW(remote.call_for(1min, [] { return 1; }), LoopGone);
    EXPECT_THROW(remote.call_for(1min, [] {}), LoopGone);
    EXPECT_THROW(remote.async([] { return 1; }).get(), LoopGone);
  }}.join();
}

TEST(Conformance, EP_038_WithoutItsEndpointEveryCallIsAnErrorAndNoneHangs) {
  std::optional<EventLoop<App>> loop{std::in_place};
  const RemoteHandle<App> first = remote_endpoint(loop->handle());
  const RemoteHandle<App> second = remote_endpoint(loop->handle());
  expect_all_are_errors(first, [&] { EXPECT_TRUE(loop->handle().remove(first.token())); });
  EXPECT_EQ(loop->handle().source_count(), 1u);
  expect_all_are_errors(second, [&] { loop.reset(); });
}

TEST(Conformance, EP_039_CopiesInManyThreadsAreEachServedOnce) {
  constexpr int threads = 8;
  constexpr int calls = 50;
  EventLoop<App> loop;
  App app;
  const RemoteHandle<App> remote = remote_endpoint(loop.handle());
  run_with(loop, app, [&] {
    std::vector<std::jthread> workers;
    workers.reserve(threads);
    for (int i = 0; i < threads; ++i)
      workers.emplace_back([copy = remote, i] {
        for (int call = 0; call < calls; ++call) {
          EXPECT_EQ(copy.call([i](App& a) {
            a.log.push_back(i);
            return i;
          }),
                    i);
        }
      });
  });
  for (int i = 0; i < threads; ++i)
    EXPECT_EQ(std::count(app.log.begin(), app.log.end(), i), calls);
}

TEST(Conformance, EP_040_AClosureMayRemoveSources) {
  EventLoop<App> loop;
  App app;
  const RegistrationToken token = loop.handle().insert_source(Timer::after(1h), [] {});
  const RemoteHandle<App> remote = remote_endpoint(loop.handle());
  run_with(loop, app, [&] {
    const auto remove = [token](const LoopHandle<App>& handle) { return handle.remove(token); };
    EXPECT_TRUE(remote.call(remove));
    EXPECT_FALSE(remote.call(remove));
    EXPECT_EQ(remote.call([](const LoopHandle<>& handle) { return handle.source_count(); }), 1u);
  });
}

TEST(Conformance, EP_041_EveryThreadMayHaveItsCopyAndUseItUntilTheEnd) {
  using Remote = RemoteHandle<App>;
  static_assert(std::is_copy_constructible_v<Remote> && std::is_nothrow_destructible_v<Remote>);
  static_assert(std::is_invocable_v<decltype([](const Remote& remote) { remote.post([] {}); }),
                                    const Remote&>);  // sharing a const one is enough
  // Copied, used and destroyed in other threads, also after the loop is gone: for the thread
  // sanitizer.
  std::atomic<int> posted{0};
  std::atomic<bool> loop_is_gone{false};
  std::vector<std::jthread> threads;
  {
    EventLoop<App> loop;
    App app;
    const Remote remote = remote_endpoint(loop.handle());
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&, mine = Remote{remote}]() mutable {
        const Remote copy = std::exchange(mine, Remote{mine});
        EXPECT_TRUE(copy.post([](App& a) { a.log.push_back(1); }));
        posted += 1;
        posted.notify_one();
        loop_is_gone.wait(false);
        EXPECT_FALSE(mine.post([] {}));
      });
    for (int seen = posted; seen < 4; seen = posted)
      posted.wait(seen);
    loop.dispatch(0ns, app);
    EXPECT_EQ(app.log.size(), 4u);
  }
  loop_is_gone = true;
  loop_is_gone.notify_all();
}

// calloop/remote.hpp begins with this.
struct Progress {
  int percent = 0;
  void progress(int p) { percent = p; }
  [[nodiscard]] int left() const { return 100 - percent; }
};

TEST(Conformance, EP_050_TheExampleOfTheHeaderWorks) {
  EventLoop<Progress> loop;
  Progress app;
  const RemoteHandle<Progress> remote = remote_endpoint(loop.handle());
  int seen = 0;
  {
    const std::jthread worker{[remote, &seen, signal = loop.signal()] {
      remote.post([](Progress& p) { p.progress(50); });
      seen = remote.call([](Progress& p) { return p.left(); });
      signal.stop();
    }};
    loop.run(app);
  }
  EXPECT_EQ(seen, 50);
}

}  // namespace
