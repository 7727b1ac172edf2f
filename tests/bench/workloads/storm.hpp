// W2: n descriptors that are always readable and callbacks that do nothing: dispatch alone.
#pragma once

#include <cstddef>

#include "tests/bench/harness/harness.hpp"

namespace bench {

template <class P>
Result storm(Arguments& arguments) {
  const std::size_t n = arguments.size("n", 1);
  const std::size_t count = arguments.size("count", 1000);
  arguments.expect_no_more();

  const auto fds = event_fds(n, 0);
  P peer{Setup{}};
  Counter counter;
  for (const auto& fd : fds)
    peer.template add_fd<&Counter::count>(fd.get(), counter);
  // Some loops tell the kernel of a descriptor in the turn after it was added.
  peer.turn_at_once();
  for (const auto& fd : fds)
    give(fd.get());

  Stopwatch stopwatch;
  stopwatch.start();
  while (counter.calls < count)
    peer.turn();
  stopwatch.stop();
  verify(counter.calls < count + n, "one call per descriptor and turn");
  return stopwatch.result(counter.calls);
}

}  // namespace bench
