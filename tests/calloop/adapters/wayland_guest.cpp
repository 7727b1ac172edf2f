// Inside libwayland's event loop as it is.
#include <calloop/adapters/wayland_guest.hpp>

#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <wayland-server-core.h>

#include <calloop/adapters/wayland_server.hpp>
#include <calloop/event_loop.hpp>
#include <calloop/scoped_registration.hpp>
#include <calloop/sources/generic.hpp>
#include <calloop/sources/timer.hpp>

#include "tests/calloop/adapters/client.hpp"
#include "tests/calloop/boom.hpp"
#include "tests/calloop/descriptor_count.hpp"
#include "tests/calloop/hooked_source.hpp"
#include "tests/calloop/pipe.hpp"

namespace calloop::wayland {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using tests::Boom;
using tests::Client;
using tests::HookedSource;
using tests::Pipe;
using Log = std::vector<std::string>;

// A timer, a descriptor or an idle of libwayland's, with a closure. Ends with its object.
class Timeout {
 public:
  Timeout(wl_event_loop* host, int milliseconds, std::function<void()> closure)
      : closure_{std::move(closure)}, source_{wl_event_loop_add_timer(host, &Timeout::call, this)} {
    wl_event_source_timer_update(source_, milliseconds);
  }
  Timeout(const Timeout&) = delete;
  Timeout& operator=(const Timeout&) = delete;
  ~Timeout() { wl_event_source_remove(source_); }

 private:
  static int call(void* self) noexcept {
    static_cast<Timeout*>(self)->closure_();
    return 0;
  }
  std::function<void()> closure_;
  wl_event_source* source_;
};

class Watch {
 public:
  Watch(wl_event_loop* host, int fd, std::function<void()> closure)
      : closure_{std::move(closure)},
        source_{wl_event_loop_add_fd(host, fd, WL_EVENT_READABLE, &Watch::call, this)} {}
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  ~Watch() { wl_event_source_remove(source_); }

 private:
  static int call(int, std::uint32_t, void* self) noexcept {
    static_cast<Watch*>(self)->closure_();
    return 0;
  }
  std::function<void()> closure_;
  wl_event_source* source_;
};

void add_idle(wl_event_loop* host, std::function<void()> closure) {
  wl_event_loop_add_idle(
      host,
      [](void* data) noexcept {
        const std::unique_ptr<std::function<void()>> call{
            static_cast<std::function<void()>*>(data)};
        (*call)();
      },
      new std::function<void()>{std::move(closure)});
}

class WaylandGuestTest : public testing::Test {
 protected:
  WaylandGuestTest() : owned_{wl_event_loop_create()} {}
  ~WaylandGuestTest() override { drop_host(); }
  void drop_host() noexcept {
    if (owned_ != nullptr)
      wl_event_loop_destroy(std::exchange(owned_, nullptr));
  }
  [[nodiscard]] wl_event_loop* host() const noexcept { return owned_; }
  ErrorHandler handler(ErrorAction answer = ErrorAction::Keep) {
    return [this, answer](std::exception_ptr error) {
      try {
        std::rethrow_exception(error);
      } catch (const std::exception& thrown) {
        log_.emplace_back(thrown.what());
      }
      return answer;
    };
  }
  // Runs the host until it is so, which sleeps as long as it likes, but for ten seconds.
  template <class Condition>
  bool eventually(Condition condition) {
    const TimePoint end = Clock::now() + 10s;
    while (!condition() && Clock::now() < end)
      wl_event_loop_dispatch(host(), 10'000);
    return condition() && Clock::now() < end;
  }
  // How often the host wakes up in so much time.
  int wakeups_in(int milliseconds) {
    bool over = false;
    int wakeups = 0;
    const Timeout end{host(), milliseconds, [&] { over = true; }};
    while (!over) {
      wl_event_loop_dispatch(host(), -1);
      ++wakeups;
    }
    return wakeups;
  }

  Log log_;

 private:
  wl_event_loop* owned_;

 protected:
  EventLoop<> loop_;
};

// A wl_display in the guest, and a client of it.
class DisplayInAGuestTest : public WaylandGuestTest {
 protected:
  DisplayInAGuestTest()
      : server_{tests::make_server()},
        display_{loop_.handle(), loop_.handle().insert_source(DisplaySource{server_.get()}, [] {})},
        client_{server_.get()} {
    client_.roundtrip(loop_);
    guest_.emplace(GuestLoop{loop_}, handler(), host());
    settle();
  }
  // Until there is nothing left to do.
  void settle() {
    for (int i = 0; i != 5; ++i)
      wl_event_loop_dispatch(host(), 0);
  }
  // What wl_event_loop_dispatch does before it waits.
  bool arrives_before_the_host_sleeps() {
    EXPECT_FALSE(client_.has_error()) << "who has flushed?";
    wl_event_loop_dispatch_idle(host());
    return client_.has_error();
  }

  tests::ServerDisplay server_;
  ScopedRegistration display_;
  Client client_;
  std::optional<Guest> guest_;
};

TEST_F(WaylandGuestTest, RunsTimersDescriptorsAndIdles) {
  EventLoop<Log> loop;
  const Guest guest{{loop, log_}, handler(), host()};
  const TimePoint start = Clock::now();
  const Pipe pipe;
  loop.handle().insert_source(Timer::after(20ms), [&](TimePoint, Log& log) {
    EXPECT_GE(Clock::now() - start, 20ms);
    log.emplace_back("timer");
    pipe.fill();
  });
  loop.handle().insert_source(Generic{pipe.fd(), interest().read()}, [&](Readiness, int, Log& log) {
    pipe.drain();
    log.emplace_back("descriptor");
    loop.handle().insert_idle([](Log& data) { data.emplace_back("idle"); });
  });
  EXPECT_TRUE(eventually([&] { return log_.size() == 3; }));
  EXPECT_THAT(log_, ElementsAre("timer", "descriptor", "idle"));
}

TEST_F(WaylandGuestTest, TheHostSleepsWhileThereIsNothingToDo) {
  const Guest guest{{loop_}, handler(), host()};
  const Pipe pipe;
  loop_.handle().insert_source(Generic{pipe.fd(), interest().read()}, [] {});
  loop_.handle().insert_source(Timer::after(1h), [] {});
  int hooks = 0;
  loop_.handle().insert_source(HookedSource{[&] {
                                 ++hooks;
                                 return false;
                               }},
                               [] {});
  wl_event_loop_dispatch(host(), 0);
  hooks = 0;
  EXPECT_EQ(wakeups_in(50), 1);
  EXPECT_LE(hooks, 2);
}

TEST_F(DisplayInAGuestTest, WhatAHostsCallbackSentArrivesWithoutAnotherEvent) {
  const Pipe pipe = Pipe::filled();
  const Watch watch{host(), pipe.fd(), [&] {
                      pipe.drain();
                      client_.post_error();
                    }};
  // Also for who only polls libwayland's descriptor, and dispatches when it is readable.
  wl_event_loop_dispatch(host(), 0);
  EXPECT_TRUE(client_.has_error());
}

TEST_F(DisplayInAGuestTest, WhatAHostsIdleSentArrivesToo) {
  const Pipe pipe = Pipe::filled();
  const Watch watch{host(), pipe.fd(), [&] {
                      pipe.drain();
                      add_idle(host(), [&] { client_.post_error(); });
                    }};
  wl_event_loop_dispatch(host(), 0);
  EXPECT_TRUE(client_.has_error());
}

// As a flush of the clients of wl_display_run may cause.
TEST_F(DisplayInAGuestTest, WhatIdlesThatWereAddedBetweenDispatchesSentArrivesToo) {
  add_idle(host(), [&] { client_.post_error(); });
  EXPECT_TRUE(arrives_before_the_host_sleeps());
}

TEST_F(DisplayInAGuestTest, WhatIdlesOfIdlesSentArrivesToo) {
  int depth = 0;
  const std::function<void()> next = [&] {
    if (++depth == 20)
      client_.post_error();
    else
      add_idle(host(), next);
  };
  add_idle(host(), next);
  EXPECT_TRUE(arrives_before_the_host_sleeps());
  EXPECT_EQ(depth, 20);
}

TEST_F(DisplayInAGuestTest, WhatWasSentBetweenDispatchesArrivesToo) {
  client_.post_error();
  EXPECT_TRUE(arrives_before_the_host_sleeps());
}

TEST_F(DisplayInAGuestTest, WhatAnIdleOfOursSentForTheHostArrivesToo) {
  add_idle(host(), [&] { loop_.handle().insert_idle([&] { client_.post_error(); }); });
  EXPECT_TRUE(eventually([&] { return client_.has_error(); }));
}

TEST_F(WaylandGuestTest, IdlesOfTheHostRunOnceAndInOrder) {
  const Guest guest{{loop_}, handler(), host()};
  EventLoop<> second;
  const Guest second_guest{{second}, handler(), host()};
  for (int round = 0; round != 3; ++round) {
    for (const char* const name : {"first", "second", "third"})
      add_idle(host(), [&, name] {
        log_.emplace_back(name);
        add_idle(host(), [&, name] { log_.push_back(std::string{name} + " again"); });
      });
    wl_event_loop_dispatch(host(), 0);
    EXPECT_THAT(log_, ElementsAre("first", "second", "third", "first again", "second again",
                                  "third again"));
    log_.clear();
  }
  wl_event_loop_dispatch_idle(host());
  wl_event_loop_dispatch_idle(host());
  EXPECT_THAT(log_, IsEmpty());
}

TEST_F(WaylandGuestTest, TimersThatTheHostsCallbacksArmFire) {
  const Guest guest{{loop_}, handler(), host()};
  const auto timer =
      loop_.handle().make_dispatcher(Timer::after(1h), [&] { log_.emplace_back("timer"); });
  loop_.handle().register_dispatcher(timer);
  const Timeout host_timer{host(), 1, [&] { timer->set_delay(5ms); }};
  EXPECT_TRUE(eventually([&] { return !log_.empty(); }));
}

TEST_F(WaylandGuestTest, ExceptionsGoToTheHandler) {
  const Guest guest{{loop_}, handler(), host()};
  loop_.handle().insert_source(Timer::immediate(), [] { throw Boom{"timer"}; });
  loop_.handle().insert_source(Timer::immediate(), [this] { log_.emplace_back("other"); });
  EXPECT_TRUE(eventually([&] { return log_.size() == 2; }));
  EXPECT_THAT(log_, ElementsAre("timer", "other"));
  loop_.handle().insert_source(HookedSource{[thrown = false]() mutable {
                                 if (!std::exchange(thrown, true))
                                   throw Boom{"hook"};
                                 return false;
                               }},
                               [] {});
  wl_event_loop_dispatch(host(), 0);
  wl_event_loop_dispatch(host(), 0);
  EXPECT_THAT(log_, ElementsAre("timer", "other", "hook"));
  EXPECT_TRUE(guest.is_attached());
}

TEST_F(WaylandGuestTest, IsOverWhenTheHandlerSaysSoOrThrows) {
  for (const bool throws : {false, true}) {
    EventLoop<> loop;
    const Guest guest{{loop},
                      [&](std::exception_ptr) {
                        log_.emplace_back("handler");
                        if (throws)
                          throw Boom{"handler"};
                        return ErrorAction::Remove;
                      },
                      host()};
    loop.handle().insert_idle([] { throw Boom{"idle"}; });
    loop.handle().insert_idle([&] { log_.emplace_back("still there"); });
    for (int i = 0; i != 5; ++i)
      wl_event_loop_dispatch(host(), 0);
    EXPECT_THAT(log_, ElementsAre("handler"));
    EXPECT_FALSE(guest.is_attached());
    loop.dispatch(0ms);
    EXPECT_THAT(log_, ElementsAre("handler", "still there"));
    log_.clear();
  }
}

TEST_F(WaylandGuestTest, NeedsAHandler) {
  EXPECT_THROW(const Guest guest({loop_}, nullptr, host()), std::invalid_argument);
  EXPECT_EQ(loop_.handle().source_count(), 0U);
}

TEST_F(WaylandGuestTest, MayBeDestroyedByItsCallbacks) {
  std::optional<Guest> guest;
  const auto text = std::make_shared<std::string>("long enough to be on the heap, surely");
  const auto end = [&, text] {
    guest.reset();
    log_.push_back(*text);
  };
  guest.emplace(GuestLoop{loop_}, handler(), host());
  loop_.handle().insert_source(Timer::immediate(), end);
  EXPECT_TRUE(eventually([&] { return !log_.empty(); }));
  guest.emplace(GuestLoop{loop_}, handler(), host());
  loop_.handle().insert_idle(end);
  EXPECT_TRUE(eventually([&] { return log_.size() == 2; }));
  // By hooks: that of the idle before the host sleeps, and that of the end of its dispatch.
  for (const int calls_before : {0, 1}) {
    guest.emplace(GuestLoop{loop_}, handler(), host());
    const ScopedRegistration hooked{
        loop_.handle(),
        loop_.handle().insert_source(HookedSource{[&, left = calls_before]() mutable {
                                       if (left-- == 0)
                                         end();
                                       return false;
                                     }},
                                     [] {})};
    wl_event_loop_dispatch(host(), 0);
    EXPECT_FALSE(guest);
    wl_event_loop_dispatch(host(), 0);
  }
  // And by an idle of the host's, which runs while the guest's own lets it go first.
  guest.emplace(GuestLoop{loop_}, handler(), host());
  add_idle(host(), end);
  wl_event_loop_dispatch(host(), 0);
  wl_event_loop_dispatch(host(), 0);
  EXPECT_EQ(log_.size(), 5U);
}

TEST_F(WaylandGuestTest, LoopMayGoFirst) {
  std::optional<EventLoop<>> loop{std::in_place};
  const Guest guest{{*loop}, handler(), host()};
  loop->handle().insert_source(Timer::immediate(), [] { FAIL(); });
  const Timeout timeout{host(), 1, [&] { loop.reset(); }};
  ::usleep(2000);  // both are due: libwayland's timers go first
  wl_event_loop_dispatch(host(), 1000);
  EXPECT_FALSE(loop);
  EXPECT_FALSE(guest.is_attached());
  EXPECT_EQ(wakeups_in(10), 1);
}

TEST_F(WaylandGuestTest, HostMayGoFirst) {
  {
    const Guest guest{{loop_}, handler(), host()};
    wl_event_loop_dispatch(host(), 0);
    drop_host();
    EXPECT_FALSE(guest.is_attached());
    EXPECT_EQ(loop_.handle().source_count(), 0U);
    loop_.dispatch(0ms);
  }
  loop_.dispatch(0ms);
}

TEST_F(WaylandGuestTest, HostMayBeRunInsideOfCallbacks) {
  const Guest guest{{loop_}, handler(), host()};
  const Pipe pipe = Pipe::filled();
  loop_.handle().insert_source(Generic{pipe.fd(), interest().read()}, [&](Readiness) {
    log_.emplace_back("in");
    EXPECT_LE(wakeups_in(30), 3) << "the loop is ready, and is not to be run";
    pipe.drain();
    log_.emplace_back("out");
  });
  EXPECT_TRUE(eventually([&] { return log_.size() == 2; }));
  loop_.handle().insert_idle([&] {
    add_idle(host(), [&] { log_.emplace_back("the host's idle"); });
    wl_event_loop_dispatch(host(), 0);
    log_.emplace_back("our idle");
  });
  EXPECT_TRUE(eventually([&] { return log_.size() == 4; }));
  // And it hears again.
  pipe.fill();
  EXPECT_TRUE(eventually([&] { return log_.size() == 6; }));
  EXPECT_THAT(log_, ElementsAre("in", "out", "the host's idle", "our idle", "in", "out"));
}

TEST_F(WaylandGuestTest, ComesAndGoesAThousandTimesWithoutLeavingADescriptor) {
  {
    const Guest guest{{loop_}, handler(), host()};
  }
  const std::ptrdiff_t before = tests::descriptor_count();
  int runs = 0;
  for (int i = 0; i != 1000; ++i) {
    const Guest guest{{loop_}, handler(), host()};
    loop_.handle().insert_idle([&] { ++runs; });
    wl_event_loop_dispatch(host(), -1);
  }
  EXPECT_EQ(runs, 1000);
  EXPECT_EQ(tests::descriptor_count(), before);
  for (int i = 0; i != 1000; ++i) {
    EventLoop<> loop;
    const Guest guest{{loop}, handler(), host()};
    wl_event_loop_dispatch(host(), 0);
  }
  EXPECT_EQ(tests::descriptor_count(), before);
  EXPECT_EQ(loop_.handle().source_count(), 0U);
}

TEST_F(WaylandGuestTest, IsOverWhenAnotherThreadDispatchesTheHost) {
  const Guest guest{{loop_}, handler(), host()};
  bool ran = false;
  loop_.handle().insert_idle([&] { ran = true; });
  std::async(std::launch::async, [&] {
    for (int i = 0; i != 3; ++i)
      wl_event_loop_dispatch(host(), 0);
  }).get();
  EXPECT_THAT(log_, ElementsAre(HasSubstr("from another thread than the loop's")));
  EXPECT_FALSE(guest.is_attached());
  EXPECT_FALSE(ran);
}

TEST_F(WaylandGuestTest, ChildByForkLeavesTheParentAlone) {
  const Pipe pipe;
  std::optional<Guest> guest{std::in_place, GuestLoop{loop_}, handler(), host()};
  loop_.handle().insert_source(Generic{pipe.fd(), interest().read()}, [&](Readiness) {
    pipe.drain();
    log_.emplace_back("ours");
  });
  const pid_t pid = ::fork();
  if (pid == 0) {
    pipe.fill();
    wl_event_loop_dispatch(host(), 0);
    wl_event_loop_dispatch(host(), 0);
    const bool told = log_.size() == 1 && log_[0].find("fork()") != std::string::npos;
    guest.reset();
    wl_event_loop_dispatch(host(), 0);  // which still has its source
    ::_exit(told ? 7 : 1);
  }
  int status = -1;
  ::waitpid(pid, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 7);
  EXPECT_TRUE(eventually([&] { return !log_.empty(); }));
  EXPECT_THAT(log_, ElementsAre("ours"));
}

}  // namespace
}  // namespace calloop::wayland
