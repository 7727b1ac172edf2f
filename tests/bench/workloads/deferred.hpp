// W6: n calls are deferred, then the loop runs them, `count` in all.
#pragma once

#include <cstddef>

#include "tests/bench/harness/harness.hpp"

namespace bench {

template <class P>
Result deferred(Arguments& arguments) {
  const std::size_t n = arguments.size("n", 100);
  const std::size_t count = arguments.size("count", 1000);
  arguments.expect_no_more();
  verify(count % n == 0, "count is a multiple of n");

  P peer{Setup{}};
  Counter counter;
  Stopwatch stopwatch;
  stopwatch.start();
  for (std::size_t called = 0; called < count;) {
    for (std::size_t i = 0; i < n; ++i)
      peer.template defer<&Counter::count>(counter);
    called += n;
    while (counter.calls < called)
      peer.turn_at_once();
  }
  stopwatch.stop();
  verify(counter.calls == count, "each deferred call happens once");
  return stopwatch.result(count);
}

}  // namespace bench
