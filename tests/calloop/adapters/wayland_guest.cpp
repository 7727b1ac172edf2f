// Inside libwayland's event loop as it is.
#include <calloop/adapters/wayland_guest.hpp>

#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
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
#include "tests/calloop/adapters/guest_contract.hpp"
#include "tests/calloop/no_more_descriptors.hpp"
#include "tests/calloop/pipe.hpp"
#include "tests/calloop/status_in_child.hpp"

namespace calloop::wayland {
namespace {

using testing::IsEmpty;
using tests::Client;

// A descriptor of libwayland's, with a closure. Ends with its object.
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

struct WaylandHost {
  using Guest = wayland::Guest;
  static constexpr int idle_wakeups = 1;

  WaylandHost() : loop{wl_event_loop_create()} {}
  WaylandHost(const WaylandHost&) = delete;
  WaylandHost& operator=(const WaylandHost&) = delete;
  ~WaylandHost() { wl_event_loop_destroy(loop); }
  [[nodiscard]] wl_event_loop* get() const noexcept { return loop; }
  void turn() { wl_event_loop_dispatch(loop, 0); }
  void sleep() { wl_event_loop_dispatch(loop, -1); }
  void add_idle(std::function<void()> closure) {
    wl_event_loop_add_idle(
        loop,
        [](void* data) noexcept {
          const std::unique_ptr<std::function<void()>> call{
              static_cast<std::function<void()>*>(data)};
          (*call)();
        },
        new std::function<void()>{std::move(closure)});
  }

  class Timeout {
   public:
    Timeout(WaylandHost& host, int milliseconds, std::function<void()> closure)
        : closure_{std::move(closure)},
          source_{wl_event_loop_add_timer(host.loop, &Timeout::call, this)} {
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

  wl_event_loop* loop;
};
using WaylandGuestTest = HostTest<WaylandHost>;

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
                      host_->add_idle([&] { client_.post_error(); });
                    }};
  wl_event_loop_dispatch(host(), 0);
  EXPECT_TRUE(client_.has_error());
}

// As a flush of the clients of wl_display_run may cause.
TEST_F(DisplayInAGuestTest, WhatIdlesThatWereAddedBetweenDispatchesSentArrivesToo) {
  host_->add_idle([&] { client_.post_error(); });
  EXPECT_TRUE(arrives_before_the_host_sleeps());
}

TEST_F(DisplayInAGuestTest, WhatIdlesOfIdlesSentArrivesToo) {
  int depth = 0;
  const std::function<void()> next = [&] {
    if (++depth == 20)
      client_.post_error();
    else
      host_->add_idle(next);
  };
  host_->add_idle(next);
  EXPECT_TRUE(arrives_before_the_host_sleeps());
  EXPECT_EQ(depth, 20);
}

TEST_F(DisplayInAGuestTest, WhatWasSentBetweenDispatchesArrivesToo) {
  client_.post_error();
  EXPECT_TRUE(arrives_before_the_host_sleeps());
}

TEST_F(DisplayInAGuestTest, WhatAnIdleOfOursSentForTheHostArrivesToo) {
  host_->add_idle([&] { loop_.handle().insert_idle([&] { client_.post_error(); }); });
  EXPECT_TRUE(eventually([&] { return client_.has_error(); }));
}

TEST_F(WaylandGuestTest, HookThatThrowsDoesNotKeepTheOthersFromTheirTurn) {
  const Guest guest{{loop_}, handler(), host()};
  bool throws = false;
  int behind = 0;
  loop_.handle().insert_source(HookedSource{[&] {
                                 if (std::exchange(throws, false))
                                   throw Boom{"hook"};
                                 return false;
                               }},
                               [] {});
  loop_.handle().insert_source(HookedSource{[&] {
                                 ++behind;
                                 return false;
                               }},
                               [] {});
  settle();
  throws = true;
  behind = 0;
  wl_event_loop_dispatch_idle(host());  // as right before the wait
  EXPECT_THAT(log_, ElementsAre("hook"));
  EXPECT_EQ(behind, 1);
}

TEST_F(WaylandGuestTest, IdlesOfTheHostRunOnceAndInOrder) {
  const Guest guest{{loop_}, handler(), host()};
  EventLoop<> second;
  const Guest second_guest{{second}, handler(), host()};
  for (int round = 0; round != 3; ++round) {
    for (const char* const name : {"first", "second", "third"})
      host_->add_idle([&, name] {
        log_.emplace_back(name);
        host_->add_idle([&, name] { log_.push_back(std::string{name} + " again"); });
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

TEST_F(WaylandGuestTest, LoopThatGoesIsNotRunInTheSameDispatch) {
  std::optional<EventLoop<>> loop{std::in_place};
  const Guest guest{{*loop}, handler(), host()};
  loop->handle().insert_source(Timer::immediate(), [] { FAIL(); });
  const WaylandHost::Timeout timeout{*host_, 1, [&] { loop.reset(); }};
  ::usleep(2000);  // both are due: libwayland's timers go first
  wl_event_loop_dispatch(host(), 1000);
  EXPECT_FALSE(loop);
  EXPECT_FALSE(guest.is_attached());
  EXPECT_EQ(wakeups_in(10), 1);
}

TEST_F(WaylandGuestTest, WithoutDescriptorsItDoesNotCome) {
  const GuestLoop loop{loop_};  // which has its own from now on
  const auto come = [&loop, handler = handler(), host = host()] {
    return std::make_unique<Guest>(loop, handler, host);
  };
  come();
  const std::exception_ptr thrown = tests::thrown_without_descriptors(come);
  ASSERT_NE(thrown, nullptr) << "it came";
  try {
    std::rethrow_exception(thrown);
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::too_many_files_open);
    EXPECT_THAT(error.what(), HasSubstr("wl_event_loop_add_fd"));
  }
  EXPECT_EQ(loop_.handle().source_count(), 0U);
  EXPECT_LE(wakeups_in(10), 1);
  const auto guest = come();
  loop_.handle().insert_idle([&] { log_.emplace_back("idle"); });
  EXPECT_TRUE(eventually([&] { return log_.size() == 1; }));
}

TEST_F(WaylandGuestTest, ChildByForkLeavesTheParentAlone) {
  const Pipe pipe;
  std::optional<Guest> guest{std::in_place, GuestLoop{loop_}, handler(), host()};
  loop_.handle().insert_source(Generic{pipe.fd(), interest().read()}, [&](Readiness) {
    pipe.drain();
    log_.emplace_back("ours");
  });
  EXPECT_EQ(tests::status_in_child([&] {
              pipe.fill();
              wl_event_loop_dispatch(host(), 0);
              wl_event_loop_dispatch(host(), 0);
              const bool told = log_.size() == 1 && log_[0].find("fork()") != std::string::npos;
              guest.reset();
              wl_event_loop_dispatch(host(), 0);  // which still has its source
              return told ? 7 : 1;
            }),
            7);
  EXPECT_TRUE(eventually([&] { return !log_.empty(); }));
  EXPECT_THAT(log_, ElementsAre("ours"));
}

}  // namespace
}  // namespace calloop::wayland

namespace calloop {
INSTANTIATE_TYPED_TEST_SUITE_P(Wayland, GuestContract, wayland::WaylandHost);
}  // namespace calloop
