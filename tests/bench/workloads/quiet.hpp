// A turn in which nothing happens: a silent descriptor and a timer far away. With wait=1000 the
// loop is given that many nanoseconds, where it can wait for so little.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tests/bench/harness/harness.hpp"

namespace bench {

template <class P>
Result quiet(Arguments& arguments) {
  const std::size_t count = arguments.size("count", 1000);
  const std::int64_t wait = arguments.number("wait", 0);
  arguments.expect_no_more();

  const calloop::OwnedFd silent = event_fd(0);
  P peer{Setup{}};
  Counter counter;
  peer.template add_fd<&Counter::count>(silent.get(), counter);
  if constexpr (requires { typename P::Timer; })
    peer.template add_timer<&Counter::count>(nanoseconds() + 3'600'000'000'000, counter);
  Stopwatch stopwatch;
  stopwatch.start();
  if (wait == 0) {
    for (std::size_t i = 0; i < count; ++i)
      peer.turn_at_once();
  } else if constexpr (requires { peer.turn_within(wait); }) {
    for (std::size_t i = 0; i < count; ++i)
      peer.turn_within(wait);
  } else {
    verify(false, "this loop waits for milliseconds");
  }
  stopwatch.stop();
  verify(counter.calls == 0, "nothing happens");
  return stopwatch.result(count);
}

}  // namespace bench
