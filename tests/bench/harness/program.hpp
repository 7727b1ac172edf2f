// The program of one peer:
//
//     bench-PEER WORKLOAD key=number...      bench-calloop ring n=100 a=1 count=100000
//
// prints what the workload found out, or says on stderr what was not done as told, and fails.
//
// A peer is a class over one event loop, with the same few functions for each of them. Its
// callbacks are what one would write for that loop by hand: they call F(argument) and nothing else.
//
//     explicit Peer(const Setup&);
//     Watch add_fd<F>(int fd, T& argument);      F(argument) whenever it is readable
//     void remove_fd(Watch);
//     void turn();                               one iteration, which waits for something
//     void turn_at_once();                       one that does not
//
// and where the loop has it:
//
//     Timer add_timer<F>(std::int64_t deadline, T& argument);       once; CLOCK_MONOTONIC, ns
//     void finish(Timer);                        to be called by F
//     void cancel(Timer);
//     MovableTimer add_movable_timer<F>(deadline, argument)         else a Timer can be moved
//     void move(MovableTimer&, std::int64_t deadline);
//     void defer<F>(T& argument);                F(argument) once, before or after other events
//     Inbox<F, T>{Peer&, T&}.post(int)           F(argument, message), from any thread
//     Waker<F, T>{Peer&, T&}.wake()              F(argument), from any thread
//     void turn_within(std::int64_t nanoseconds)
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string_view>

#include "tests/bench/harness/harness.hpp"
#include "tests/bench/workloads/bytes.hpp"
#include "tests/bench/workloads/cancel.hpp"
#include "tests/bench/workloads/churn.hpp"
#include "tests/bench/workloads/deferred.hpp"
#include "tests/bench/workloads/posting.hpp"
#include "tests/bench/workloads/quiet.hpp"
#include "tests/bench/workloads/rearm.hpp"
#include "tests/bench/workloads/ring.hpp"
#include "tests/bench/workloads/storm.hpp"
#include "tests/bench/workloads/timers.hpp"

namespace bench {

struct Workload {
  std::string_view name;
  Result (*run)(Arguments& arguments);
};

template <class P>
constexpr Workload workloads[] = {
    {"ring", ring<P>},         {"storm", storm<P>}, {"churn", churn<P>},
    {"post", post<P>},         {"flood", flood<P>}, {"pingpong", pingpong<P>},
    {"deferred", deferred<P>}, {"quiet", quiet<P>}, {"fd-bytes", fd_bytes<P>},
};
template <class P>
constexpr Workload timer_workloads[] = {
    {"timers", timers<P>},
    {"rearm", rearm<P>},
    {"cancel", cancel<P>},
    {"timer-bytes", timer_bytes<P>},
};

template <class P>
Result run_workload(std::string_view name, Arguments& arguments) {
  for (const Workload& workload : workloads<P>)
    if (workload.name == name)
      return workload.run(arguments);
  if constexpr (requires { typename P::Timer; })
    for (const Workload& workload : timer_workloads<P>)
      if (workload.name == name)
        return workload.run(arguments);
  throw std::invalid_argument{"no such workload for this loop"};
}

template <class P>
int run_program(int argc, char** argv) try {
  if (argc < 2)
    throw std::invalid_argument{"usage: WORKLOAD key=number..."};
  raise_descriptor_limit();
  Arguments arguments{argc, argv};
  run_workload<P>(argv[1], arguments).print();
  std::fflush(stdout);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
  return 1;
}

}  // namespace bench
