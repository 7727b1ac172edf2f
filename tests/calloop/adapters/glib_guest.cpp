// A loop of ours in GLib's, with GLib as it is.
#include <calloop/adapters/glib.hpp>

#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include <glib-unix.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/adapters/wayland_server.hpp>
#include <calloop/event_loop.hpp>
#include <calloop/scoped_registration.hpp>
#include <calloop/sources/generic.hpp>
#include <calloop/sources/ping.hpp>
#include <calloop/sources/timer.hpp>

#include "tests/calloop/adapters/client.hpp"
#include "tests/calloop/adapters/glib_context.hpp"
#include "tests/calloop/adapters/guest_contract.hpp"
#include "tests/calloop/asleep.hpp"
#include "tests/calloop/hooked_source.hpp"
#include "tests/calloop/pipe.hpp"
#include "tests/calloop/status_in_child.hpp"

namespace calloop::glib {
namespace {

using tests::Client;

struct GlibHost {
  using Guest = glib::Guest;
  static constexpr int idle_wakeups = 2;  // with the one to look for a change of the clock

  GlibHost() : context{g_main_context_new()} {}
  GlibHost(const GlibHost&) = delete;
  GlibHost& operator=(const GlibHost&) = delete;
  ~GlibHost() { g_main_context_unref(context); }
  [[nodiscard]] GMainContext* get() const noexcept { return context; }
  void turn() const { g_main_context_iteration(context, FALSE); }
  void sleep() const { g_main_context_iteration(context, TRUE); }
  void add_idle(std::function<void()> closure) const {
    glib::add_idle(context, [call = std::move(closure)] {
      call();
      return false;
    });
  }

  class Timeout {
   public:
    Timeout(GlibHost& host, int milliseconds, std::function<void()> closure)
        : source_{g_source_ref(add_timeout(host.context, static_cast<unsigned>(milliseconds),
                                           [call = std::move(closure)] {
                                             call();
                                             return false;
                                           }))} {}
    Timeout(const Timeout&) = delete;
    Timeout& operator=(const Timeout&) = delete;
    ~Timeout() {
      g_source_destroy(source_);
      g_source_unref(source_);
    }

   private:
    GSource* source_;
  };

  GMainContext* context;
};
using GuestTest = HostTest<GlibHost>;

TEST_F(GuestTest, WakesForPings) {
  const Guest guest{{loop_}, handler(), host()};
  auto [ping, source] = make_ping();
  bool pinged = false;
  loop_.handle().insert_source(std::move(source), [&] { pinged = true; });
  std::thread other{[to_wake = std::move(ping), self = ::getpid()]() mutable {
    tests::wait_until_asleep(self, {SYS_poll, SYS_ppoll});
    to_wake.ping();
  }};
  EXPECT_TRUE(eventually([&] { return pinged; }));
  other.join();
}

TEST_F(GuestTest, WhatTheHostsCallbackSentArrivesWithoutAnotherEvent) {
  const tests::ServerDisplay server = tests::make_server();
  const ScopedRegistration display{
      loop_.handle(), loop_.handle().insert_source(wayland::DisplaySource{server.get()}, [] {})};
  Client client{server.get()};
  ASSERT_TRUE(client.roundtrip(loop_));
  const Guest guest{{loop_}, handler(), host()};
  bool posted = false;
  add_timeout(host(), 5, [&] {
    client.post_error();
    return !(posted = true);
  });
  ASSERT_TRUE(eventually([&] { return posted; }));
  EXPECT_FALSE(client.has_error());
  EXPECT_FALSE(g_main_context_iteration(host(), FALSE)) << "there is nothing to dispatch";
  EXPECT_TRUE(client.has_error());
}

TEST_F(GuestTest, WhatAnIdleOfOursSentForTheHostArrivesToo) {
  const tests::ServerDisplay server = tests::make_server();
  const ScopedRegistration display{
      loop_.handle(), loop_.handle().insert_source(wayland::DisplaySource{server.get()}, [] {})};
  Client client{server.get()};
  ASSERT_TRUE(client.roundtrip(loop_));
  const Guest guest{{loop_}, handler(), host()};
  add_idle(host(), [&] {
    loop_.handle().insert_idle([&] { client.post_error(); });
    return false;
  });
  EXPECT_TRUE(eventually([&] { return client.has_error(); }));
  EXPECT_FALSE(g_main_context_iteration(host(), FALSE));
}

TEST_F(GuestTest, HookThatThrowsDoesNotKeepTheOthersFromTheirTurn) {
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
  EXPECT_FALSE(g_main_context_iteration(host(), FALSE)) << "it would sleep now";
  EXPECT_THAT(log_, ElementsAre("hook"));
  EXPECT_EQ(behind, 1);
}

TEST_F(GuestTest, HasThePriorityThatItIsGiven) {
  EventLoop<> low;
  const Guest low_guest{{low}, handler(), host(), G_PRIORITY_LOW};
  const Guest guest{{loop_}, handler(), host(), G_PRIORITY_HIGH};
  int left = 3;
  add_idle(host(), [&] {
    log_.emplace_back("glib's");
    return --left != 0;
  });
  low.handle().insert_idle([&] { log_.emplace_back("low"); });
  loop_.handle().insert_idle([&] { log_.emplace_back("high"); });
  EXPECT_TRUE(eventually([&] { return log_.size() == 5; }));
  EXPECT_THAT(log_, ElementsAre("high", "glib's", "glib's", "glib's", "low"));
}

// Each prepare() may queue an event; a guest that waits for its turn must not be asked again.
TEST_F(GuestTest, IsNotAskedAgainWhileItWaitsForItsTurn) {
  const Guest guest{{loop_}, handler(), host(), G_PRIORITY_LOW};
  int asked = 0;
  int events = 0;
  bool pending = true;
  loop_.handle().insert_source(HookedSource{[&] {
                                 ++asked;
                                 return pending;
                               }},
                               [&] {
                                 pending = false;
                                 ++events;
                               });
  int left = 20;
  const Pipe pipe = Pipe::filled();
  const Watch watch{host(), pipe.fd(), [&](GIOCondition) { return --left != 0; }};
  EXPECT_TRUE(eventually([&] { return events != 0; }));
  EXPECT_EQ(left, 0);
  EXPECT_LE(asked, 3);
}

TEST_F(GuestTest, ContextOfAnotherThreadIsRefused) {
  const OwnedElsewhere owner{host()};
  EXPECT_THROW(const Guest guest({loop_}, handler(), host()), std::logic_error);
  EXPECT_EQ(loop_.handle().source_count(), 0U);
}

TEST_F(GuestTest, IsOverInAChildByFork) {
  const Guest guest{{loop_}, handler(), host()};
  loop_.handle().insert_idle([&] { log_.emplace_back("idle"); });
  EXPECT_EQ(tests::status_in_child([&] {
              for (int i = 0; i != 3; ++i)
                g_main_context_iteration(host(), FALSE);
              const bool told = log_.size() == 1 && log_[0].find("fork()") != std::string::npos;
              return told && !guest.is_attached() ? 7 : 1;
            }),
            7);
  EXPECT_TRUE(eventually([&] { return !log_.empty(); }));
  EXPECT_THAT(log_, ElementsAre("idle"));
}

TEST_F(GuestTest, OursInGLibInOurs) {
  EventLoop<> outer;
  outer.handle().insert_source(ContextSource{host()}, [] {});
  const Guest guest{{loop_}, handler(), host()};
  int ticks = 0;
  loop_.handle().insert_source(Timer::after(5ms), [&] {
    loop_.handle().insert_idle([&] { ++ticks; });
    return ++ticks < 5 ? TimeoutAction::after(5ms) : TimeoutAction::drop();
  });
  const TimePoint end = Clock::now() + 10s;
  while (ticks < 6 && Clock::now() < end)
    outer.dispatch(10s);
  EXPECT_GE(ticks, 6);
  outer.dispatch(0ms);
  const TimePoint before = Clock::now();
  outer.dispatch(20ms);
  EXPECT_GE(Clock::now() - before, 20ms) << "it sleeps";
}

}  // namespace
}  // namespace calloop::glib

namespace calloop {
INSTANTIATE_TYPED_TEST_SUITE_P(Glib, GuestContract, glib::GlibHost);
}  // namespace calloop
