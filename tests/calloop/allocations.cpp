// In steady state an event allocates nothing: no closure, no node, no reference count's block. A
// program of its own, because it counts every operator new.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <new>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include <calloop/calloop.hpp>

#include "tests/calloop/hooked_source.hpp"
#include "tests/calloop/pipe.hpp"

namespace {

std::size_t allocation_count = 0;
bool memory_is_out = false;

// NOLINTBEGIN(cppcoreguidelines-no-malloc): this is where memory is managed
void* allocate(std::size_t size) {
  ++allocation_count;
  if (memory_is_out)
    throw std::bad_alloc{};
  if (void* const memory = std::malloc(size == 0 ? 1 : size))
    return memory;
  throw std::bad_alloc{};
}

}  // namespace

void* operator new(std::size_t size) {
  return allocate(size);
}
void* operator new[](std::size_t size) {
  return allocate(size);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  try {
    return allocate(size);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}
// NOLINTEND(cppcoreguidelines-no-malloc)

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using tests::Pipe;

// How much `turn` allocates in a hundred runs, after some to warm up.
template <class Turn>
std::size_t allocations_of(Turn turn) {
  for (int i = 0; i < 10; ++i)
    turn();
  const std::size_t before = allocation_count;
  for (int i = 0; i < 100; ++i)
    turn();
  return allocation_count - before;
}

TEST(Allocations, AreCounted) {
  // Called by name: a compiler may leave out a new-expression and its delete.
  EXPECT_EQ(allocations_of([] { ::operator delete(::operator new(1)); }), 100u);
}

TEST(Allocations, NoneForDescriptors) {
  EventLoop<long> loop;
  long calls = 0;
  const std::vector<Pipe> pipes(64);
  const LoopHandle<long> handle = loop.handle();
  for (const Pipe& pipe : pipes) {
    pipe.fill();
    handle.insert_source(Generic{pipe.fd(), interest().read()},
                         [](const LoopHandle<>&, long& data, const LoopHandle<long>&) { ++data; });
  }
  EXPECT_EQ(allocations_of([&] { loop.dispatch(0ns, calls); }), 0u);
  EXPECT_EQ(calls, 110 * 64);
}

TEST(Allocations, NoneForDescriptorsWithOptions) {
  EventLoop<> loop;
  loop.set_on_error([](std::exception_ptr) { return ErrorAction::Keep; });
  const Pipe pipe = Pipe::filled();
  int calls = 0;
  loop.handle().insert_source(Generic{pipe.fd(), interest().read()}, [&](Readiness) { ++calls; },
                              {.name = "a name that is too long to be kept inside of a string",
                               .on_error = [](std::exception_ptr) { return ErrorAction::Keep; }});
  EXPECT_EQ(allocations_of([&] { loop.dispatch(0ns); }), 0u);
  EXPECT_EQ(calls, 110);
}

TEST(Allocations, NoneForPingsAndWakeUps) {
  EventLoop<> loop;
  auto [ping, source] = make_ping();
  int calls = 0;
  loop.handle().insert_source(std::move(source), [&] { ++calls; });
  const LoopSignal signal = loop.signal();
  EXPECT_EQ(allocations_of([&] {
              ping.ping();
              signal.wakeup();
              loop.dispatch(std::nullopt);
            }),
            0u);
  EXPECT_EQ(calls, 110);
}

TEST(Allocations, NoneForTimersThatGoOn) {
  EventLoop<> loop;
  int calls = 0;
  for (int i = 0; i < 20; ++i) {
    loop.handle().insert_source(Timer::immediate(), [&, i](TimePoint deadline) {
      ++calls;
      return i % 2 == 0 ? TimeoutAction::at(deadline + 1ns) : TimeoutAction::after(0ns);
    });
  }
  EXPECT_EQ(allocations_of([&] { loop.dispatch(0ns); }), 0u);
  EXPECT_GT(calls, 1000);
}

TEST(Allocations, ThatFailLoseNoTimerOfABurst) {
  EventLoop<> loop;
  const TimePoint now = loop.handle().now();
  std::vector<int> fired;
  fired.reserve(1000);
  for (int i = 0; i < 1000; ++i)
    loop.handle().insert_source(Timer::at(now + Duration{i * 7919 % 1000}),
                                [&fired, i] { fired.push_back(i * 7919 % 1000); });
  memory_is_out = true;
  while (fired.size() < 1000)
    loop.dispatch(1s);
  memory_is_out = false;
  EXPECT_TRUE(std::is_sorted(fired.begin(), fired.end()));
}

TEST(Allocations, NoneForUpdatesOfTimersAndDescriptors) {
  EventLoop<> loop;
  const Pipe pipe = Pipe::filled();
  int calls = 0;
  RegistrationToken shot;
  const LoopHandle<> handle = loop.handle();
  shot = handle.insert_source(Generic{pipe.fd(), interest().read().one_shot()}, [&](Readiness) {
    ++calls;
    handle.update(shot);
  });
  const auto timer = handle.make_dispatcher(Timer::after(1h), [] {});
  const RegistrationToken timer_token = handle.register_dispatcher(timer);
  EXPECT_EQ(allocations_of([&] {
              timer->set_delay(2h);
              handle.update(timer_token);
              handle.disable(timer_token);
              handle.enable(timer_token);
              loop.dispatch(0ns);
            }),
            0u);
  EXPECT_EQ(calls, 110);
}

TEST(Allocations, NoneForAChannelThatIsWarm) {
  EventLoop<long> loop;
  long sum = 0;
  auto [sender, channel] = make_channel<int>();
  loop.handle().insert_source(std::move(channel),
                              [](std::optional<int> message, long& s) { s += *message; });
  EXPECT_EQ(allocations_of([&] {
              for (int i = 0; i < 50; ++i)
                sender.send(1);
              loop.dispatch(0ns, sum);
            }),
            0u);
  EXPECT_EQ(sum, 110 * 50);
}

TEST(Allocations, NoneForPostedClosures) {
  EventLoop<long> loop;
  long sum = 0;
  const RemoteHandle<long> remote = remote_endpoint(loop.handle());
  EXPECT_EQ(allocations_of([&] {
              for (int i = 0; i < 50; ++i)
                remote.post([i](long& s) { s += i; });
              loop.dispatch(0ns, sum);
            }),
            0u);
  EXPECT_EQ(sum, 110L * 49 * 50 / 2);
}

TEST(Allocations, NoneForIdles) {
  EventLoop<long> loop;
  const LoopHandle<long> handle = loop.handle();
  long sum = 0;
  EXPECT_EQ(allocations_of([&] {
              for (int i = 0; i < 200; ++i) {
                const Idle idle = handle.insert_idle([i](long& s) { s += i; });
                if (i % 2 == 0)
                  idle.cancel();
              }
              loop.dispatch(0ns, sum);
            }),
            0u);
  EXPECT_EQ(sum, 110L * 100 * 100);
}

TEST(Allocations, NoneForSourcesThatComeAndGo) {
  EventLoop<> loop;
  const Pipe pipe;
  EXPECT_EQ(allocations_of([&] {
              const LoopHandle<> handle = loop.handle();
              const auto token = handle.insert_source(Generic{pipe.fd(), interest().read()}, [] {});
              const auto timer = handle.insert_source(Timer::after(1h), [] {});
              loop.dispatch(0ns);
              handle.remove(token);
              handle.remove(timer);
            }),
            0u);
}

TEST(Allocations, NoneForHooksAndSyntheticEvents) {
  EventLoop<> loop;
  int calls = 0;
  loop.handle().insert_source(tests::HookedSource{[] { return true; }}, [&] { ++calls; });
  EXPECT_EQ(allocations_of([&] { loop.dispatch(std::nullopt); }), 0u);
  EXPECT_EQ(calls, 110);
}

TEST(Allocations, NoneForParts) {
  struct App {
    int other = 0;
    std::array<int, 4> seat{};
  };
  EventLoop<App> loop;
  App one;
  App two;
  const Pipe pipe = Pipe::filled();
  loop.handle().part<&App::seat>().insert_source(
      Generic{pipe.fd(), interest().read()},
      [](Readiness, std::array<int, 4>& seat) { ++seat[2]; });
  EXPECT_EQ(allocations_of([&] {
              loop.dispatch(0ns, one);
              loop.dispatch(0ns, two);
            }),
            0u);
  EXPECT_EQ(one.seat[2], 110);
  EXPECT_EQ(two.seat[2], 110);
}

}  // namespace
