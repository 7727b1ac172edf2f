// What crosses threads: pings, channels, stops and wake-ups, from many at once. Made for the thread
// sanitizer; without it, lost wake-ups show as tests that never end.
#include <array>
#include <atomic>
#include <optional>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <calloop/event_loop.hpp>
#include <calloop/sources/channel.hpp>
#include <calloop/sources/ping.hpp>
#include <calloop/sources/timer.hpp>

namespace {

using namespace calloop;
using namespace std::chrono_literals;

constexpr int thread_count = 4;

TEST(Threads, EveryMessageArrivesOnceAndInItsSendersOrder) {
  constexpr int messages = 5000;
  struct Message {
    int sender;
    int number;
  };
  EventLoop<> loop;
  std::array<int, thread_count> next{};
  bool closed = false;
  std::vector<std::jthread> threads;
  {
    auto [sender, channel] = make_channel<Message>();
    loop.handle().insert_source(std::move(channel), [&](std::optional<Message> message) {
      if (!message) {
        closed = true;
        return;
      }
      EXPECT_EQ(message->number, next[static_cast<std::size_t>(message->sender)]++);
    });
    for (int i = 0; i < thread_count; ++i) {
      threads.emplace_back([i, own = sender] {
        for (int number = 0; number < messages; ++number)
          EXPECT_TRUE(own.send(Message{i, number}));
      });
    }
  }
  while (!closed)
    loop.dispatch(std::nullopt);
  for (const int count : next)
    EXPECT_EQ(count, messages);
}

TEST(Threads, WhatWasWrittenBeforeAPingIsSeenByItsCallback) {
  EventLoop<> loop;
  std::array<int, thread_count> plain{};  // not atomic: the ping orders it
  std::vector<std::jthread> threads;
  std::array<int, thread_count> seen{};
  for (std::size_t i = 0; i < thread_count; ++i) {
    auto [ping, source] = make_ping();
    loop.handle().insert_source(std::move(source), [&, i] { seen[i] = plain[i]; });
    threads.emplace_back([&, i, own = std::move(ping)] {
      plain[i] = static_cast<int>(i) + 1;
      own.ping();
    });
  }
  while (loop.handle().source_count() > 0)
    loop.dispatch(std::nullopt);
  for (std::size_t i = 0; i < thread_count; ++i)
    EXPECT_EQ(seen[i], static_cast<int>(i) + 1);
}

TEST(Threads, NoPingIsLost) {
  // Each round waits for the answer to its own ping: a lost one would hang.
  EventLoop<> loop;
  auto [ping, source] = make_ping();
  std::atomic<int> asked{0};
  std::atomic<int> answered{0};
  loop.handle().insert_source(std::move(source), [&] { answered.store(asked.load()); });
  std::jthread thread{[&, own = std::move(ping)] {
    for (int round = 1; round <= 2000; ++round) {
      asked.store(round);
      own.ping();
      while (answered.load() != round)
        std::this_thread::yield();
    }
  }};
  while (loop.handle().source_count() > 0)
    loop.dispatch(std::nullopt);
  EXPECT_EQ(answered.load(), 2000);
}

TEST(Threads, NoWakeupIsLost) {
  EventLoop<> loop;
  std::atomic<int> asked{0};
  std::atomic<int> answered{0};
  std::jthread thread{[&, signal = loop.signal()] {
    for (int round = 1; round <= 2000; ++round) {
      asked.store(round);
      signal.wakeup();
      while (answered.load() != round)
        std::this_thread::yield();
    }
  }};
  while (answered.load() != 2000) {
    loop.dispatch(std::nullopt);
    answered.store(asked.load());
  }
}

TEST(Threads, ManyWakersAtOnce) {
  EventLoop<> loop;
  std::atomic<bool> done{false};
  std::vector<std::jthread> threads;
  for (int i = 0; i < thread_count; ++i) {
    threads.emplace_back([&, signal = loop.signal()] {
      while (!done)
        signal.wakeup();
    });
  }
  for (int i = 0; i < 2000; ++i)
    loop.dispatch(std::nullopt);
  done = true;
}

TEST(Threads, EachStopEndsARun) {
  EventLoop<> loop;
  for (int round = 0; round < 200; ++round) {
    std::atomic<int> work{0};
    std::vector<std::jthread> threads;
    for (int i = 0; i < 2; ++i) {
      threads.emplace_back([&, signal = loop.signal()] {
        ++work;
        signal.stop();
      });
    }
    loop.run();
    EXPECT_GE(work.load(), 1);
    threads.clear();
    loop.signal().stop();  // whether the second came in time or not
    loop.run();
  }
}

TEST(Threads, SendersOutliveTheLoop) {
  std::atomic<bool> done{false};
  std::vector<std::jthread> threads;
  {
    EventLoop<> loop;
    auto [ping, ping_source] = make_ping();
    auto [sender, channel] = make_channel<int>();
    loop.handle().insert_source(std::move(ping_source), [] {});
    loop.handle().insert_source(std::move(channel), [](std::optional<int>) {});
    for (int i = 0; i < thread_count; ++i) {
      threads.emplace_back([&done, own_ping = ping, own_sender = sender, signal = loop.signal()] {
        while (!done) {
          own_ping.ping();
          own_sender.send(1);
          signal.wakeup();
        }
      });
    }
    for (int i = 0; i < 200; ++i)
      loop.dispatch(0ns);
  }
  std::this_thread::sleep_for(2ms);
  done = true;
}

TEST(Threads, ALoopPerThread) {
  std::vector<std::jthread> threads;
  std::atomic<int> fired{0};
  for (int i = 0; i < thread_count; ++i) {
    threads.emplace_back([&] {
      EventLoop<> loop;
      loop.handle().insert_source(Timer::after(100us), [&, signal = loop.signal()] {
        ++fired;
        signal.stop();
      });
      loop.run();
    });
  }
  threads.clear();
  EXPECT_EQ(fired.load(), thread_count);
}

}  // namespace
