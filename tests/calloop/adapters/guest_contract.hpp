// What a loop that is a guest may expect of any host: the same tests for each of them.
//
//     struct Host {
//       using Guest = ...;                              // Guest{{loop}, handler, host.get()}
//       static constexpr int idle_wakeups = 1;          // at most, until a time-out of its own
//       auto* get() noexcept;
//       void turn();                                    // what is ready, without sleeping
//       void sleep();                                   // until something is
//       void add_idle(std::function<void()> closure);
//       class Timeout { Timeout(Host&, int milliseconds, std::function<void()> closure); ... };
//     };
//     INSTANTIATE_TYPED_TEST_SUITE_P(Theirs, GuestContract, Host);
#pragma once

#include <cstddef>
#include <exception>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/adapters/hosted_loop.hpp>
#include <calloop/event_loop.hpp>
#include <calloop/scoped_registration.hpp>
#include <calloop/sources/generic.hpp>
#include <calloop/sources/timer.hpp>

#include "tests/calloop/boom.hpp"
#include "tests/calloop/descriptor_count.hpp"
#include "tests/calloop/hooked_source.hpp"
#include "tests/calloop/pipe.hpp"

namespace calloop {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using tests::Boom;
using tests::HookedSource;
using tests::Pipe;
using Log = std::vector<std::string>;

// A loop and a host, and what becomes of them in `log_`.
template <class Host>
class HostTest : public testing::Test {
 protected:
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
  [[nodiscard]] auto* host() noexcept { return host_->get(); }
  // Until there is nothing left to do.
  void settle() {
    for (int i = 0; i != 5; ++i)
      host_->turn();
  }
  // Runs the host until it is so, which sleeps as long as it likes, but for ten seconds.
  template <class Condition>
  bool eventually(Condition condition) {
    bool over = false;
    const typename Host::Timeout end{*host_, 10'000, [&] { over = true; }};
    while (!condition() && !over)
      host_->sleep();
    return condition() && !over;
  }
  // How often the host wakes up in so much time.
  int wakeups_in(int milliseconds) {
    bool over = false;
    int wakeups = 0;
    const typename Host::Timeout end{*host_, milliseconds, [&] { over = true; }};
    while (!over) {  // NOLINT(bugprone-infinite-loop): the time-out ends it
      host_->sleep();
      ++wakeups;
    }
    return wakeups;
  }

  Log log_;
  EventLoop<> loop_;
  std::optional<Host> host_{std::in_place};
};

template <class Host>
class GuestContract : public HostTest<Host> {
 protected:
  using Guest = typename Host::Guest;
};
TYPED_TEST_SUITE_P(GuestContract);

TYPED_TEST_P(GuestContract, RunsTimersDescriptorsAndIdles) {
  EventLoop<Log> loop;
  const typename TestFixture::Guest guest{{loop, this->log_}, this->handler(), this->host()};
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
  EXPECT_TRUE(this->eventually([&] { return this->log_.size() == 3; }));
  EXPECT_THAT(this->log_, ElementsAre("timer", "descriptor", "idle"));
}

TYPED_TEST_P(GuestContract, TheHostSleepsWhileThereIsNothingToDo) {
  const typename TestFixture::Guest guest{{this->loop_}, this->handler(), this->host()};
  const Pipe pipe;
  this->loop_.handle().insert_source(Generic{pipe.fd(), interest().read()}, [] {});
  this->loop_.handle().insert_source(Timer::after(1h), [] {});
  int hooks = 0;
  this->loop_.handle().insert_source(HookedSource{[&] {
                                       ++hooks;
                                       return false;
                                     }},
                                     [] {});
  this->host_->turn();
  hooks = 0;
  EXPECT_LE(this->wakeups_in(50), TypeParam::idle_wakeups);
  EXPECT_LE(hooks, 2);
}

TYPED_TEST_P(GuestContract, TimersThatTheHostsCallbacksArmFire) {
  const typename TestFixture::Guest guest{{this->loop_}, this->handler(), this->host()};
  const auto timer = this->loop_.handle().make_dispatcher(Timer::after(1h), [&] {
    this->log_.emplace_back("timer");
    return TimeoutAction::after(1h);
  });
  const RegistrationToken token = this->loop_.handle().register_dispatcher(timer);
  const auto arm = [&] {
    timer->set_delay(5ms);
    this->loop_.handle().update(token);
  };
  this->host_->add_idle(arm);
  EXPECT_TRUE(this->eventually([&] { return this->log_.size() == 1; }));
  const typename TypeParam::Timeout host_timer{*this->host_, 1, arm};
  EXPECT_TRUE(this->eventually([&] { return this->log_.size() == 2; }));
}

TYPED_TEST_P(GuestContract, ExceptionsGoToTheHandler) {
  const typename TestFixture::Guest guest{{this->loop_}, this->handler(), this->host()};
  this->loop_.handle().insert_source(Timer::immediate(), [] { throw Boom{"timer"}; });
  this->loop_.handle().insert_source(Timer::immediate(),
                                     [this] { this->log_.emplace_back("other"); });
  EXPECT_TRUE(this->eventually([&] { return this->log_.size() == 2; }));
  EXPECT_THAT(this->log_, ElementsAre("timer", "other"));
  this->loop_.handle().insert_source(HookedSource{[thrown = false]() mutable {
                                       if (!std::exchange(thrown, true))
                                         throw Boom{"hook"};
                                       return false;
                                     }},
                                     [] {});
  this->host_->turn();
  this->host_->turn();
  EXPECT_THAT(this->log_, ElementsAre("timer", "other", "hook"));
  EXPECT_TRUE(guest.is_attached());
}

TYPED_TEST_P(GuestContract, IsOverWhenTheHandlerSaysSoOrThrows) {
  for (const auto answer : {std::optional{ErrorAction::Disable}, std::optional{ErrorAction::Remove},
                            std::optional<ErrorAction>{}}) {
    EventLoop<> loop;
    const typename TestFixture::Guest guest{{loop},
                                            [&](std::exception_ptr) {
                                              this->log_.emplace_back("handler");
                                              if (!answer)
                                                throw Boom{"handler"};
                                              return *answer;
                                            },
                                            this->host()};
    loop.handle().insert_idle([] { throw Boom{"idle"}; });
    loop.handle().insert_idle([&] { this->log_.emplace_back("still there"); });
    this->settle();
    EXPECT_THAT(this->log_, ElementsAre("handler"));
    EXPECT_FALSE(guest.is_attached());
    EXPECT_EQ(loop.handle().source_count(), 0U);
    loop.dispatch(0ms);
    EXPECT_THAT(this->log_, ElementsAre("handler", "still there"));
    this->log_.clear();
  }
}

TYPED_TEST_P(GuestContract, NeedsAHandler) {
  EXPECT_THROW(const typename TestFixture::Guest guest({this->loop_}, nullptr, this->host()),
               std::invalid_argument);
  EXPECT_EQ(this->loop_.handle().source_count(), 0U);
}

TYPED_TEST_P(GuestContract, MayBeDestroyedByItsCallbacks) {
  std::optional<typename TestFixture::Guest> guest;
  const auto text = std::make_shared<std::string>("long enough to be on the heap, surely");
  const auto end = [&, text] {
    guest.reset();
    this->log_.push_back(*text);
  };
  const auto come = [&] { guest.emplace(GuestLoop{this->loop_}, this->handler(), this->host()); };
  come();
  this->loop_.handle().insert_idle(end);
  EXPECT_TRUE(this->eventually([&] { return this->log_.size() == 1; }));
  come();
  this->loop_.handle().insert_source(Timer::immediate(), end);
  EXPECT_TRUE(this->eventually([&] { return this->log_.size() == 2; }));
  // By the first hook that runs, and by the next.
  for (const int calls_before : {0, 1}) {
    come();
    const ScopedRegistration hooked{
        this->loop_.handle(),
        this->loop_.handle().insert_source(HookedSource{[&, left = calls_before]() mutable {
                                             if (left-- == 0)
                                               end();
                                             return false;
                                           }},
                                           [] {})};
    this->settle();
    EXPECT_FALSE(guest);
  }
  EXPECT_EQ(this->log_.size(), 4U);
  // By the handler.
  guest.emplace(
      GuestLoop{this->loop_},
      [&](std::exception_ptr) {
        end();
        return ErrorAction::Keep;
      },
      this->host());
  this->loop_.handle().insert_idle([] { throw Boom{"idle"}; });
  EXPECT_TRUE(this->eventually([&] { return this->log_.size() == 5; }));
  // And by a callback of the host's.
  come();
  this->host_->add_idle(end);
  this->settle();
  EXPECT_EQ(this->log_.size(), 6U);
  EXPECT_EQ(this->loop_.handle().source_count(), 0U);
}

TYPED_TEST_P(GuestContract, LoopMayGoFirst) {
  std::optional<EventLoop<>> loop{std::in_place};
  const typename TestFixture::Guest guest{{*loop}, this->handler(), this->host()};
  loop->handle().insert_idle([] {});
  this->host_->add_idle([&] { loop.reset(); });
  this->settle();
  EXPECT_FALSE(loop);
  EXPECT_FALSE(guest.is_attached());
  EXPECT_LE(this->wakeups_in(10), TypeParam::idle_wakeups);
  EXPECT_THAT(this->log_, testing::IsEmpty());
}

TYPED_TEST_P(GuestContract, HostMayGoFirst) {
  {
    const typename TestFixture::Guest guest{{this->loop_}, this->handler(), this->host()};
    this->host_->turn();
    EXPECT_TRUE(guest.is_attached());
    this->host_.reset();
    EXPECT_FALSE(guest.is_attached());
    this->loop_.dispatch(0ms);
  }
  this->loop_.dispatch(0ms);
  EXPECT_EQ(this->loop_.handle().source_count(), 0U);
}

TYPED_TEST_P(GuestContract, HostMayBeRunInsideOfCallbacks) {
  const typename TestFixture::Guest guest{{this->loop_}, this->handler(), this->host()};
  const Pipe pipe = Pipe::filled();
  this->loop_.handle().insert_source(Generic{pipe.fd(), interest().read()}, [&](Readiness) {
    this->log_.emplace_back("in");
    EXPECT_LE(this->wakeups_in(30), 3) << "the loop is ready, and is not to be run";
    pipe.drain();
    this->log_.emplace_back("out");
  });
  EXPECT_TRUE(this->eventually([&] { return this->log_.size() == 2; }));
  this->loop_.handle().insert_idle([&] {
    this->host_->add_idle([&] { this->log_.emplace_back("the host's idle"); });
    this->host_->turn();
    this->log_.emplace_back("our idle");
  });
  EXPECT_TRUE(this->eventually([&] { return this->log_.size() == 4; }));
  // And it hears again.
  pipe.fill();
  EXPECT_TRUE(this->eventually([&] { return this->log_.size() == 6; }));
  EXPECT_THAT(this->log_, ElementsAre("in", "out", "the host's idle", "our idle", "in", "out"));
}

TYPED_TEST_P(GuestContract, ComesAndGoesAThousandTimesWithoutLeavingADescriptor) {
  {
    const typename TestFixture::Guest guest{{this->loop_}, this->handler(), this->host()};
  }
  const std::ptrdiff_t before = tests::descriptor_count();
  int runs = 0;
  for (int i = 0; i != 1000; ++i) {
    const typename TestFixture::Guest guest{{this->loop_}, this->handler(), this->host()};
    this->loop_.handle().insert_idle([&] { ++runs; });
    this->host_->sleep();
  }
  EXPECT_EQ(runs, 1000);
  EXPECT_EQ(tests::descriptor_count(), before);
  for (int i = 0; i != 1000; ++i) {
    EventLoop<> loop;
    const typename TestFixture::Guest guest{{loop}, this->handler(), this->host()};
    this->host_->turn();
  }
  EXPECT_EQ(tests::descriptor_count(), before);
  EXPECT_EQ(this->loop_.handle().source_count(), 0U);
}

TYPED_TEST_P(GuestContract, IsOverWhenAnotherThreadRunsTheHost) {
  const typename TestFixture::Guest guest{{this->loop_}, this->handler(), this->host()};
  bool ran = false;
  this->loop_.handle().insert_idle([&] { ran = true; });
  std::async(std::launch::async, [&] { this->settle(); }).get();
  EXPECT_THAT(this->log_, ElementsAre(HasSubstr("from another thread than the loop's")));
  EXPECT_FALSE(guest.is_attached());
  EXPECT_FALSE(ran);
}

REGISTER_TYPED_TEST_SUITE_P(GuestContract, RunsTimersDescriptorsAndIdles,
                            TheHostSleepsWhileThereIsNothingToDo,
                            TimersThatTheHostsCallbacksArmFire, ExceptionsGoToTheHandler,
                            IsOverWhenTheHandlerSaysSoOrThrows, NeedsAHandler,
                            MayBeDestroyedByItsCallbacks, LoopMayGoFirst, HostMayGoFirst,
                            HostMayBeRunInsideOfCallbacks,
                            ComesAndGoesAThousandTimesWithoutLeavingADescriptor,
                            IsOverWhenAnotherThreadRunsTheHost);

}  // namespace calloop
