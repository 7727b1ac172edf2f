// W4: messages into the loop. Flood: another thread posts `count` of them as fast as it can. Post:
// the loop's own thread posts n, then takes them, so that nothing depends on the scheduler.
// Ping-pong: another thread posts one and waits for an answer, on the same processor.
#pragma once

#include <sched.h>

#include <cstddef>
#include <memory>
#include <thread>

#include "tests/bench/harness/harness.hpp"
#include "tests/bench/harness/queue_inbox.hpp"

namespace bench {

struct Messages {
  std::size_t count = 0;
  bool in_order = true;
  int answer_fd = -1;

  static void receive(Messages& messages, int message) {
    messages.in_order &= message == static_cast<int>(messages.count);
    messages.count += 1;
  }
  static void answer(Messages& messages, int message) {
    receive(messages, message);
    give(messages.answer_fd);
  }
};

template <class P, auto F>
struct InboxOf {
  using Type = QueueInbox<P, F, Messages>;
};
template <class P, auto F>
  requires requires { typename P::template Inbox<F, Messages>; }
struct InboxOf<P, F> {
  using Type = typename P::template Inbox<F, Messages>;
};

/// Runs `work(peer, inbox, messages, count)` with the inbox that is asked for: with closures=1 the
/// one that takes a closure for each message, where the loop has both.
template <class P, auto F, class Work>
Result with_inbox(Arguments& arguments, std::size_t count, Work work) {
  const bool closures = arguments.number("closures", 0) != 0;
  arguments.expect_no_more();
  P peer{Setup{.other_threads = true}};
  Messages messages;
  Stopwatch stopwatch;
  const auto run = [&](auto inbox) {
    work(peer, *inbox, messages, stopwatch);
    verify(messages.count == count && messages.in_order, "every message arrives, in order");
  };
  if (!closures) {
    run(std::make_unique<typename InboxOf<P, F>::Type>(peer, messages));
  } else if constexpr (requires { typename P::template ClosureInbox<F, Messages>; }) {
    run(std::make_unique<typename P::template ClosureInbox<F, Messages>>(peer, messages));
  } else {
    verify(false, "this loop has one way to post");
  }
  return stopwatch.result(count);
}

template <class P>
Result flood(Arguments& arguments) {
  const std::size_t count = arguments.size("count", 1000);
  return with_inbox<P, &Messages::receive>(
      arguments, count, [count](P& peer, auto& inbox, Messages& messages, Stopwatch& stopwatch) {
        stopwatch.start();
        std::thread poster{[&inbox, count] {
          for (std::size_t i = 0; i < count; ++i)
            inbox.post(static_cast<int>(i));
        }};
        while (messages.count < count)
          peer.turn();
        poster.join();
        stopwatch.stop();
      });
}

template <class P>
Result post(Arguments& arguments) {
  const std::size_t n = arguments.size("n", 100);
  const std::size_t count = arguments.size("count", 1000);
  verify(count % n == 0, "count is a multiple of n");
  return with_inbox<P, &Messages::receive>(
      arguments, count, [n, count](P& peer, auto& inbox, Messages& messages, Stopwatch& stopwatch) {
        stopwatch.start();
        for (std::size_t posted = 0; posted < count;) {
          for (std::size_t i = 0; i < n; ++i)
            inbox.post(static_cast<int>(posted++));
          while (messages.count < posted)
            peer.turn();
        }
        stopwatch.stop();
      });
}

/// All threads of the program on one processor: to wake an idle virtual one takes longer than all
/// the rest.
inline void stay_on_one_processor() {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(::sched_getcpu()), &set);
  if (::sched_setaffinity(0, sizeof set, &set) < 0)
    throw_errno("sched_setaffinity");
}

template <class P>
Result pingpong(Arguments& arguments) {
  const std::size_t count = arguments.size("count", 1000);
  stay_on_one_processor();
  const calloop::OwnedFd answers = event_fd(0, 0);
  return with_inbox<P, &Messages::answer>(
      arguments, count,
      [count, fd = answers.get()](P& peer, auto& inbox, Messages& messages, Stopwatch& stopwatch) {
        messages.answer_fd = fd;
        bool failed = false;
        stopwatch.start();
        std::thread other{[&inbox, &failed, count, fd] {
          for (std::size_t i = 0; i < count; ++i) {
            inbox.post(static_cast<int>(i));
            failed |= !take(fd);
          }
        }};
        while (messages.count < count)
          peer.turn();
        other.join();
        stopwatch.stop();
        verify(!failed, "every message is answered");
      });
}

}  // namespace bench
