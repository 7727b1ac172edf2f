// W3: of n timers at random deadlines, `count` are cancelled, in the order of their insertion; more
// than n in several rounds.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <vector>

#include "tests/bench/harness/harness.hpp"

namespace bench {

template <class P>
Result cancel(Arguments& arguments) {
  const std::size_t n = arguments.size("n", 1000);
  const std::size_t count = arguments.size("count", n);
  arguments.expect_no_more();

  // Never destroyed: in the difference of two runs there is nothing but what one cancels more.
  P& peer = *std::make_unique<P>(Setup{}).release();
  Counter counter;
  std::vector<typename P::Timer> pending(n);
  std::minstd_rand random;
  Stopwatch stopwatch;
  for (std::size_t left = count; left > 0;) {
    const std::int64_t begin = nanoseconds() + 3'600'000'000'000;
    for (auto& timer : pending)
      timer = peer.template add_timer<&Counter::count>(
          begin + static_cast<std::int64_t>(random()) * 1000, counter);
    const std::size_t now = std::min(left, n);
    stopwatch.start();
    for (std::size_t i = 0; i < now; ++i)
      peer.cancel(pending[i]);
    // Where a loop puts off the work, or says that a wait has ended.
    peer.turn_at_once();
    stopwatch.stop();
    left -= now;
  }
  verify(counter.calls == 0, "nothing fires");
  return stopwatch.result(count);
}

}  // namespace bench
