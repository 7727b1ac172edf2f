// W5: a descriptor is added and removed; with turn=1 the loop makes a turn in between, in which
// nothing is ready.
#pragma once

#include <cstddef>

#include "tests/bench/harness/harness.hpp"

namespace bench {

template <class P>
Result churn(Arguments& arguments) {
  const bool with_turn = arguments.number("turn", 0) != 0;
  const std::size_t count = arguments.size("count", 1000);
  arguments.expect_no_more();

  const calloop::OwnedFd fd = event_fd(0);
  P peer{Setup{}};
  Counter counter;
  Stopwatch stopwatch;
  stopwatch.start();
  for (std::size_t i = 0; i < count; ++i) {
    const auto watch = peer.template add_fd<&Counter::count>(fd.get(), counter);
    if (with_turn)
      peer.turn_at_once();
    peer.remove_fd(watch);
    // What some loops put off until a turn must not heap up.
    if (i % 1024 == 1023)
      peer.turn_at_once();
  }
  stopwatch.stop();
  give(fd.get());
  peer.turn_at_once();
  verify(counter.calls == 0, "a removed descriptor is silent");
  peer.template add_fd<&Counter::count>(fd.get(), counter);
  peer.turn();
  verify(counter.calls == 1, "an added one is not");
  return stopwatch.result(count);
}

}  // namespace bench
