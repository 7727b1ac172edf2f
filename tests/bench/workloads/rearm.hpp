// W3: one timer gets a later absolute deadline, again and again, without a turn of the loop. The
// other n - 1 are spread over the way it goes, so that it passes one of a thousand each time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <thread>

#include "tests/bench/harness/harness.hpp"

namespace bench {

/// Adds a timer that can be moved, which with most loops any can.
template <auto F, class P, class T>
auto add_movable_timer(P& peer, std::int64_t deadline, T& argument) {
  if constexpr (requires { typename P::MovableTimer; }) {
    return peer.template add_movable_timer<F>(deadline, argument);
  } else {
    return peer.template add_timer<F>(deadline, argument);
  }
}

template <class P>
Result rearm(Arguments& arguments) {
  const std::size_t n = arguments.size("n", 1);
  const std::size_t count = arguments.size("count", 1000);
  arguments.expect_no_more();
  constexpr std::int64_t millisecond = 1'000'000;

  P peer{Setup{}};
  Counter counter;
  const std::int64_t first = nanoseconds() + 3'600'000 * millisecond;
  for (std::size_t i = 1; i < n; ++i)
    peer.template add_timer<&Counter::count>(first + static_cast<std::int64_t>(i) * millisecond,
                                             counter);
  auto timer = add_movable_timer<&Counter::count>(peer, first, counter);

  std::int64_t deadline = first;
  Stopwatch stopwatch;
  stopwatch.start();
  for (std::size_t i = 0; i < count; ++i) {
    deadline += millisecond;
    peer.move(timer, deadline);
  }
  stopwatch.stop();
  peer.turn_at_once();
  verify(counter.calls == 0, "nothing is due");
  // It still fires, and earlier than any other.
  peer.move(timer, nanoseconds() + millisecond);
  for (int i = 0; i < 100 && counter.calls == 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds{3});
    peer.turn_at_once();
  }
  verify(counter.calls == 1, "the timer that was moved fires, alone");
  return stopwatch.result(count);
}

}  // namespace bench
