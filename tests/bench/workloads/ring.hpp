// W1: n eventfds in a ring, `a` tokens on them. Each callback reads its own and writes to the next.
// Two of the three system calls are the workload's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tests/bench/harness/harness.hpp"

namespace bench {

/// Whom a token passes, `count` times in all.
struct Ring {
  struct Place {
    Ring* ring;
    int own;
    int next;
  };
  std::size_t to_pass;  // the last callback of each token does not pass it on
  std::size_t calls = 0;
  bool failed = false;

  static void pass(Place& place) {
    Ring& ring = *place.ring;
    ring.calls += 1;
    // Each read takes one token, also where two have met.
    ring.failed |= !take(place.own);
    if (ring.to_pass > 0) {
      ring.to_pass -= 1;
      ring.failed |= !give(place.next);
    }
  }
};

template <class P>
Result ring(Arguments& arguments) {
  const std::size_t n = arguments.size("n", 1);
  const std::size_t active = arguments.size("a", 1);
  const std::size_t count = arguments.size("count", 1000);
  arguments.expect_no_more();
  verify(active <= n && active <= count, "more tokens than places or calls");

  const auto fds = event_fds(n, 0, EFD_NONBLOCK | EFD_SEMAPHORE);
  P peer{Setup{}};
  Ring ring{.to_pass = count - active};
  std::vector<Ring::Place> places(n);
  for (std::size_t i = 0; i < n; ++i) {
    places[i] = {&ring, fds[i].get(), fds[(i + 1) % n].get()};
    peer.template add_fd<&Ring::pass>(places[i].own, places[i]);
  }
  // Some loops tell the kernel of a descriptor in the turn after it was added.
  peer.turn_at_once();
  for (std::size_t i = 0; i < active; ++i)
    give(fds[i * n / active].get());

  Stopwatch stopwatch;
  stopwatch.start();
  while (ring.calls < count)
    peer.turn();
  stopwatch.stop();
  verify(ring.calls == count && !ring.failed, "each token passes each place");
  return stopwatch.result(count);
}

}  // namespace bench
