// W3: n one-shot timers at random deadlines within `span` nanoseconds, from the first insertion
// until all have fired; with late=1 also how late they fired.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "tests/bench/harness/harness.hpp"

namespace bench {

template <class P>
struct TimerRun {
  struct Due {
    TimerRun* run;
    std::int64_t deadline;
    typename P::Timer timer;
  };
  P peer;
  bool measures_lateness;
  std::size_t fired = 0;
  std::vector<std::int64_t> lateness = {};

  static void fire(Due& due) {
    TimerRun& run = *due.run;
    run.fired += 1;
    // Reading the clock costs about 25 ns: only where it is the question.
    if (run.measures_lateness)
      run.lateness.push_back(nanoseconds() - due.deadline);
    run.peer.finish(due.timer);
  }
  [[nodiscard]] double lateness_at(std::size_t percent) {
    const auto at = lateness.begin() + static_cast<std::ptrdiff_t>(lateness.size() * percent / 100);
    std::nth_element(lateness.begin(), at, lateness.end());
    return static_cast<double>(*at);
  }
};

template <class P>
Result timers(Arguments& arguments) {
  const std::size_t n = arguments.size("n", 1000);
  const std::int64_t span = arguments.number("span", 10'000'000);
  const std::size_t count = arguments.size("count", n);
  const bool late = arguments.number("late", 0) != 0;
  const std::int64_t slack = arguments.number("slack", -1);
  arguments.expect_no_more();

  TimerRun<P> run{P{Setup{.slack_ns = slack}}, late};
  run.lateness.reserve(late ? count + n : 0);
  std::vector<typename TimerRun<P>::Due> due(n);
  std::minstd_rand random;
  Stopwatch stopwatch;
  for (std::size_t done = 0; done < count; done += n) {
    for (auto& one : due)
      one.deadline = static_cast<std::int64_t>(random()) % span;
    const std::size_t all = run.fired + n;
    stopwatch.start();
    const std::int64_t begin = nanoseconds();
    for (auto& one : due) {
      one.run = &run;
      one.deadline += begin;
      one.timer = run.peer.template add_timer<&TimerRun<P>::fire>(one.deadline, one);
    }
    while (run.fired < all)
      run.peer.turn();
    stopwatch.stop();
    verify(run.fired == all, "each timer fires once");
  }
  Result result = stopwatch.result(run.fired);
  if (late) {
    result.add("late_p50_ns", run.lateness_at(50));
    result.add("late_p99_ns", run.lateness_at(99));
    result.add("early", static_cast<double>(
                            std::count_if(run.lateness.begin(), run.lateness.end(),
                                          [](std::int64_t lateness) { return lateness < 0; })));
  }
  return result;
}

}  // namespace bench
