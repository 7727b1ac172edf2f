// Closures from other threads, where conformance/eventp_remote.cpp has no case.
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <exception>
#include <fstream>
#include <future>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/event_loop.hpp>
#include <calloop/remote.hpp>
#include <calloop/sources/timer.hpp>
#include <calloop/testing.hpp>

#include "tests/calloop/asleep.hpp"
#include "tests/calloop/boom.hpp"

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using tests::Boom;

using Log = std::vector<int>;

template <class F>
void elsewhere(F work) {
  std::jthread{std::move(work)}.join();
}

// A thread, and how to wait until it waits for something.
class Caller {
 public:
  template <class F>
  explicit Caller(F work)
      : thread_{[this, work] {
          id_ = ::gettid();
          id_.notify_one();
          work();
        }} {
    id_.wait(0);
  }
  void wait_until_blocked() const { tests::wait_until_blocked(id_); }
  void join() { thread_.join(); }

 private:
  std::atomic<pid_t> id_{0};
  std::jthread thread_;
};

TEST(Remote, ACallOnTheLoopsOwnThreadIsRefused) {
  EventLoop<Log> loop;
  const RemoteHandle<Log> remote = remote_endpoint(loop.handle());
  EXPECT_THROW(remote.call([] {}), std::logic_error);
  EXPECT_THROW(remote.call_for(1s, [] { return 1; }), std::logic_error);
  // What does not wait is allowed.
  EXPECT_TRUE(remote.post([](Log& log) { log.push_back(1); }));
  auto future = remote.async([](Log& log) { return log.size(); });
  Log log;
  loop.dispatch(0ns, log);
  EXPECT_THAT(log, ElementsAre(1));
  EXPECT_EQ(future.get(), 1u);
}

TEST(Remote, AFloodDoesNotStarveTheOtherSources) {
  EventLoop<Log> loop;
  const RemoteHandle<Log> remote = remote_endpoint(loop.handle());
  std::vector<std::size_t> served;
  loop.handle().insert_source(Timer::immediate(), [&](Log& log) {
    served.push_back(log.size());
    return TimeoutAction::after(0ns);
  });
  for (int i = 0; i < 2500; ++i)
    EXPECT_TRUE(remote.post([i](Log& log) { log.push_back(i); }));
  Log log;
  for (int i = 0; i < 3; ++i)
    loop.dispatch(std::nullopt, log);
  EXPECT_THAT(served, ElementsAre(1024u, 2048u, 2500u));
}

// How often eventfd `fd` was written to, which nobody reads: proc_pid_fdinfo(5).
std::uint64_t writes_to(int fd) {
  std::ifstream info{"/proc/self/fdinfo/" + std::to_string(fd)};
  for (std::string word; info >> word;) {
    if (word == "eventfd-count:") {
      std::uint64_t count = 0;
      info >> std::hex >> count;
      return count;
    }
  }
  throw std::runtime_error{"descriptor " + std::to_string(fd) + " is no eventfd"};
}

TEST(Remote, ABurstIsOneWakeUp) {
  EventLoop<Log> loop;
  const int next_fd = ::dup(STDERR_FILENO);  // the lowest free one, which is the eventfd's
  ::close(next_fd);
  const RemoteHandle<Log> remote = remote_endpoint(loop.handle());
  Log log;
  for (std::uint64_t burst = 1; burst <= 3; ++burst) {
    elsewhere([&] {
      for (int i = 0; i < 100; ++i)
        remote.post([i](Log& l) { l.push_back(i); });
    });
    EXPECT_EQ(writes_to(next_fd), burst);
    loop.dispatch(0ns, log);
    EXPECT_EQ(log.size(), burst * 100);
  }
}

TEST(Remote, WhatAPostedClosureThrowsIsTheEndpointsError) {
  EventLoop<Log> loop;
  Log log;
  {
    const RemoteHandle<Log> remote = remote_endpoint(loop.handle());
    remote.post([] { throw Boom{"posted"}; });
    remote.post([](Log& l) { l.push_back(1); });
    EXPECT_THROW(loop.dispatch(0ns, log), Boom);
    EXPECT_THAT(log, IsEmpty());
    loop.dispatch(0ns, log);
    EXPECT_THAT(log, ElementsAre(1));
  }
  std::vector<std::string> errors;
  const RemoteHandle<Log> remote =
      remote_endpoint(loop.handle(), {.on_error = [&](std::exception_ptr error) {
                        try {
                          std::rethrow_exception(std::move(error));
                        } catch (const Boom& boom) {
                          errors.emplace_back(boom.what());
                        }
                        return ErrorAction::Keep;
                      }});
  remote.post([] { throw Boom{"handled"}; });
  remote.post([](Log& l) { l.push_back(2); });
  for (int i = 0; i < 2; ++i)
    loop.dispatch(0ns, log);
  EXPECT_THAT(errors, ElementsAre("handled"));
  EXPECT_THAT(log, ElementsAre(1, 2));
}

TEST(Remote, ATimeOutWaitsForWhatHasBegun) {
  EventLoop<Log> loop;
  const RemoteHandle<Log> remote = remote_endpoint(loop.handle());
  std::atomic<int> begun{0};
  Caller caller{[&, stop = loop.signal()] {
    std::optional<int> answer;
    // Again where a busy machine did not let the loop begin in time.
    while (!answer && begun == 0)
      answer = remote.call_for(50ms, [&] {
        ++begun;
        std::this_thread::sleep_for(100ms);  // the caller's time is over before this is
        return 7;
      });
    EXPECT_EQ(answer, 7);
    stop.stop();
  }};
  Log log;
  loop.run(log);
  EXPECT_EQ(begun, 1);
}

TEST(Remote, ATimeOutMayBeTheLongestThereIs) {
  EventLoop<Log> loop;
  const RemoteHandle<Log> remote = remote_endpoint(loop.handle());
  Caller caller{[&, stop = loop.signal()] {
    EXPECT_EQ(remote.call_for(Duration::max(), [] { return 7; }), 7);
    stop.stop();
  }};
  caller.wait_until_blocked();  // before the loop runs
  Log log;
  loop.run(log);
}

TEST(Remote, AnExceptionOutOfTheLoopFreesWhoWaitsForIt) {
  std::atomic<bool> told{false};
  try {
    std::jthread worker;  // joined after the loop is gone
    EventLoop<Log> loop;
    Log log;
    worker = std::jthread{[&told, remote = remote_endpoint(loop.handle())] {
      remote.post([] { throw Boom{"out of run"}; });
      try {
        for (;;)
          remote.call([] {});
      } catch (const LoopGone&) {
        told = true;
      }
    }};
    loop.run(log);
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Boom&) {
  }
  EXPECT_TRUE(told);
}

TEST(Remote, TheEndpointIsRemovedWithTheLastHandle) {
  EventLoop<Log> loop;
  Log log;
  std::optional first{remote_endpoint(loop.handle())};
  std::optional second{*first};
  first.reset();
  second->post([](Log& l) { l.push_back(1); });
  second.reset();
  loop.dispatch(0ns, log);
  EXPECT_THAT(log, ElementsAre(1));  // what was sent before is done
  EXPECT_EQ(loop.handle().source_count(), 0u);
}

TEST(Remote, ADisabledEndpointLetsClosuresWait) {
  EventLoop<Log> loop;
  Log log;
  const RemoteHandle<Log> remote = remote_endpoint(loop.handle());
  EXPECT_TRUE(loop.handle().disable(remote.token()));
  EXPECT_TRUE(remote.post([](Log& l) { l.push_back(1); }));
  loop.dispatch(0ns, log);
  EXPECT_THAT(log, IsEmpty());
  EXPECT_TRUE(loop.handle().enable(remote.token()));
  loop.dispatch(0ns, log);
  EXPECT_THAT(log, ElementsAre(1));
}

TEST(Remote, AClosureMayRemoveItsOwnEndpoint) {
  EventLoop<Log> loop;
  Log log;
  const RemoteHandle<Log> remote = remote_endpoint(loop.handle());
  auto first = remote.async(
      [token = remote.token()](const LoopHandle<Log>& handle) { return handle.remove(token); });
  auto second = remote.async([](Log& l) { l.push_back(2); });
  loop.dispatch(0ns, log);
  EXPECT_TRUE(first.get());
  EXPECT_THROW(second.get(), LoopGone);
  EXPECT_FALSE(remote.post([] {}));
  EXPECT_THAT(log, IsEmpty());
  EXPECT_EQ(loop.handle().source_count(), 0u);
}

}  // namespace
