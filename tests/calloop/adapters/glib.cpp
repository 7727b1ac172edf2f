// With GLib as it is, in both directions.
#include <calloop/adapters/glib.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

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
#include "tests/calloop/asleep.hpp"
#include "tests/calloop/boom.hpp"
#include "tests/calloop/descriptor_count.hpp"
#include "tests/calloop/hooked_source.hpp"
#include "tests/calloop/pipe.hpp"

namespace calloop::glib {
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

// Gives `source` to `context`; `closure` says whether it stays.
GSource* attach(GMainContext* context, GSource* source, std::function<bool()> closure,
                int priority = G_PRIORITY_DEFAULT,
                const std::shared_ptr<FirstError>& errors = std::make_shared<FirstError>()) {
  set_callback(source, errors, std::move(closure));
  g_source_set_priority(source, priority);
  g_source_attach(source, context);
  g_source_unref(source);  // the context has a reference as long as it is attached
  return source;
}
GSource* add_idle(GMainContext* context, std::function<bool()> closure,
                  int priority = G_PRIORITY_DEFAULT) {
  return attach(context, g_idle_source_new(), std::move(closure), priority);
}
GSource* add_timeout(GMainContext* context, unsigned milliseconds, std::function<bool()> closure) {
  return attach(context, g_timeout_source_new(milliseconds), std::move(closure));
}

// A descriptor as g_unix_fd_add has it, with a closure.
class Watch {
 public:
  Watch(GMainContext* context, int fd, std::function<bool(GIOCondition)> closure,
        GIOCondition condition = G_IO_IN, int priority = G_PRIORITY_DEFAULT)
      : closure_{std::move(closure)}, source_{g_unix_fd_source_new(fd, condition)} {
    const GUnixFDSourceFunc call = [](int, GIOCondition ready, gpointer self) noexcept -> gboolean {
      return static_cast<Watch*>(self)->closure_(ready) ? TRUE : FALSE;
    };
    g_source_set_callback(source_, G_SOURCE_FUNC(call), this, nullptr);
    g_source_set_priority(source_, priority);
    // Or GLib takes the descriptor away while it calls, and wakes whoever sleeps for that.
    g_source_set_can_recurse(source_, TRUE);
    g_source_attach(source_, context);
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  ~Watch() {
    g_source_destroy(source_);
    g_source_unref(source_);
  }

 private:
  std::function<bool(GIOCondition)> closure_;
  GSource* source_;
};

// A GSource that counts how often it is asked, and is never ready.
class Witness {
 public:
  explicit Witness(GMainContext* context) {
    source_ = g_source_new(&functions, sizeof(Source));
    reinterpret_cast<Source*>(source_)->witness = this;
    g_source_attach(source_, context);
  }
  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;
  ~Witness() {
    g_source_destroy(source_);
    g_source_unref(source_);
  }
  int prepared = 0;
  int checked = 0;

 private:
  struct Source {
    GSource base;
    Witness* witness;
  };
  static gboolean prepare(GSource* source, gint* timeout) noexcept {
    *timeout = -1;
    ++reinterpret_cast<Source*>(source)->witness->prepared;
    return FALSE;
  }
  static gboolean check(GSource* source) noexcept {
    ++reinterpret_cast<Source*>(source)->witness->checked;
    return FALSE;
  }
  static gboolean dispatch(GSource*, GSourceFunc, gpointer) noexcept { return TRUE; }
  static GSourceFuncs functions;
  GSource* source_;
};
GSourceFuncs Witness::functions{&Witness::prepare, &Witness::check, &Witness::dispatch,
                                nullptr,           nullptr,         nullptr};

class GlibTest : public testing::Test {
 protected:
  GlibTest() : owned_{g_main_context_new()} {}
  ~GlibTest() override { drop_context(); }
  void drop_context() noexcept {
    if (owned_ != nullptr)
      g_main_context_unref(std::exchange(owned_, nullptr));
  }
  [[nodiscard]] GMainContext* context() const noexcept { return owned_; }

  Log log_;

 private:
  GMainContext* owned_;
};

// A function of another thread, which has returned when it is over.
template <class F>
auto in_a_thread(F f) {
  return std::async(std::launch::async, std::move(f)).get();
}

// The status of a child process in which `f` has run.
template <class F>
int in_a_child(F f) {
  const pid_t pid = ::fork();
  if (pid == 0)
    ::_exit(f());
  int status = -1;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// --------------------------------------------------------------------- GLib in a loop of ours

class ContextSourceTest : public GlibTest {
 protected:
  RegistrationToken insert() {
    return loop_.handle().insert_source(ContextSource{context()},
                                        [this](Dispatched) { ++dispatched_; });
  }
  // Runs the loop until it is so, but for at most ten seconds.
  template <class Condition>
  bool eventually(Condition condition) {
    const TimePoint end = Clock::now() + 10s;
    while (!condition() && Clock::now() < end)
      loop_.dispatch(10s);
    return condition() && Clock::now() < end;
  }
  // How many iterations it takes to let time pass in which nothing happens.
  int iterations_in(Duration time) {
    int iterations = 0;
    for (const TimePoint end = Clock::now() + time; Clock::now() < end; ++iterations)
      loop_.dispatch(end - Clock::now());
    return iterations;
  }

  EventLoop<> loop_;
  int dispatched_ = 0;
};

TEST_F(ContextSourceTest, RunsIdlesTimeoutsAndDescriptors) {
  insert();
  const Pipe pipe;
  const TimePoint start = Clock::now();
  add_idle(context(), [&] {
    log_.emplace_back("idle");
    return false;
  });
  add_timeout(context(), 20, [&] {
    log_.emplace_back("timeout");
    EXPECT_GE(Clock::now() - start, 20ms);
    pipe.fill();
    return false;
  });
  const Watch watch{context(), pipe.fd(), [&](GIOCondition ready) {
                      EXPECT_EQ(ready, G_IO_IN);
                      pipe.drain();
                      log_.emplace_back("descriptor");
                      return true;
                    }};
  EXPECT_TRUE(eventually([&] { return log_.size() == 3; }));
  EXPECT_THAT(log_, ElementsAre("idle", "timeout", "descriptor"));
  EXPECT_EQ(dispatched_, 3);
}

TEST_F(ContextSourceTest, TheDefaultContextIsTheDefault) {
  loop_.handle().insert_source(ContextSource{}, [&](Dispatched, GMainContext& of) {
    EXPECT_EQ(&of, g_main_context_default());
    ++dispatched_;
  });
  add_idle(nullptr, [] { return false; });
  EXPECT_TRUE(eventually([&] { return dispatched_ == 1; }));
}

TEST_F(ContextSourceTest, RunsWhatOurCallbacksAdd) {
  insert();
  loop_.dispatch(0ms);
  loop_.handle().insert_source(Timer::immediate(), [&] {
    add_idle(context(), [&] {
      log_.emplace_back("idle");
      return false;
    });
  });
  loop_.dispatch(10s);
  loop_.dispatch(10s);
  EXPECT_THAT(log_, ElementsAre("idle"));
  loop_.handle().insert_idle([&] {
    add_timeout(context(), 1, [&] {
      log_.emplace_back("timeout");
      return false;
    });
  });
  EXPECT_TRUE(eventually([&] { return log_.size() == 2; }));
}

TEST_F(ContextSourceTest, WhatGLibsCallbacksSentIsThereBeforeTheLoopSleeps) {
  const tests::ServerDisplay server = tests::make_server();
  const ScopedRegistration display{
      loop_.handle(), loop_.handle().insert_source(wayland::DisplaySource{server.get()}, [] {})};
  insert();
  Client client{server.get()};
  ASSERT_TRUE(client.roundtrip(loop_));
  bool posted = false;
  add_timeout(context(), 5, [&] {
    client.post_error();
    return !(posted = true);
  });
  ASSERT_TRUE(eventually([&] { return posted; }));
  EXPECT_FALSE(client.has_error());
  EXPECT_EQ(loop_.prepare(), std::nullopt) << "it would sleep now";
  EXPECT_TRUE(client.has_error());
}

TEST_F(ContextSourceTest, WakesForOtherThreads) {
  insert();
  const auto self = static_cast<pid_t>(::syscall(SYS_gettid));
  bool ran = false;
  std::thread other{[&] {
    tests::wait_until_loop_sleeps(self);
    add_idle(context(), [&] { return !(ran = true); });
  }};
  EXPECT_TRUE(eventually([&] { return ran; }));
  other.join();
  other = std::thread{[&] {
    tests::wait_until_loop_sleeps(self);
    g_main_context_wakeup(context());
  }};
  const TimePoint start = Clock::now();
  loop_.dispatch(20s);
  EXPECT_LT(Clock::now() - start, 15s);
  other.join();
  EXPECT_LE(iterations_in(30ms), 3) << "the wake-up is over";
}

TEST_F(ContextSourceTest, SleepsWhileThereIsNothingToDo) {
  insert();
  const Pipe pipe;
  const Watch watch{context(), pipe.fd(), [](GIOCondition) { return true; }};
  add_timeout(context(), 3'600'000, [] { return true; });
  Witness witness{context()};
  loop_.dispatch(0ms);
  const int before = witness.prepared;
  EXPECT_LE(iterations_in(50ms), 3);
  EXPECT_LE(witness.prepared - before, 3);
  EXPECT_EQ(dispatched_, 0);
}

TEST_F(ContextSourceTest, PrioritiesAreAsGLibHasThem) {
  insert();
  int left = 3;
  add_idle(
      context(),
      [&] {
        log_.emplace_back("low");
        return false;
      },
      G_PRIORITY_LOW);
  add_idle(
      context(),
      [&] {
        log_.emplace_back("high");
        return --left != 0;
      },
      G_PRIORITY_HIGH);
  const Pipe pipe = Pipe::filled();
  const Watch watch{context(), pipe.fd(), [&](GIOCondition) {
                      pipe.drain();
                      log_.emplace_back("descriptor");
                      return true;
                    }};
  EXPECT_TRUE(eventually([&] { return log_.size() == 5; }));
  EXPECT_THAT(log_, ElementsAre("high", "high", "high", "descriptor", "low"));
}

TEST_F(ContextSourceTest, OthersHaveTheirTurnBetweenGLibsCallbacks) {
  insert();
  int idles = 0;
  add_idle(context(), [&] {
    ++idles;
    return true;
  });
  const Pipe pipe = Pipe::filled();
  bool served = false;
  loop_.handle().insert_source(Generic{pipe.fd(), interest().read()},
                               [&](Readiness) { served = true; });
  loop_.dispatch(0ms);
  EXPECT_TRUE(served);
  EXPECT_EQ(idles, 1);
}

// A source may hold on to something from its prepare() to its check(), as GDK's does to the right
// to read from the compositor: our callbacks must find it over.
TEST_F(ContextSourceTest, ChecksOnceForEachPrepareAndBeforeOurCallbacks) {
  insert();
  Witness witness{context()};
  loop_.handle().insert_source(Timer::immediate(), [&] {
    EXPECT_EQ(witness.checked, witness.prepared);
    log_.emplace_back("ours");
    return TimeoutAction::after(1ms);
  });
  EXPECT_TRUE(eventually([&] { return log_.size() == 5; }));
  EXPECT_GE(witness.prepared, 5);
  EXPECT_EQ(witness.checked, witness.prepared);
  static_cast<void>(loop_.prepare());
  static_cast<void>(loop_.prepare());
  EXPECT_EQ(witness.checked, witness.prepared - 1) << "the last wait is not over";
}

TEST_F(ContextSourceTest, SetOfDescriptorsChanges) {
  insert();
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  const OwnedFd socket{ends[0]};
  const OwnedFd peer{ends[1]};
  for (int round = 0; round != 3; ++round) {
    // It waits for nothing that is there, and then, for the same descriptor, for what is.
    std::optional<Watch> watch;
    watch.emplace(context(), socket.get(), [](GIOCondition) { return true; });
    loop_.dispatch(0ms);
    loop_.dispatch(0ms);
    watch.reset();
    int writable = 0;
    watch.emplace(context(), socket.get(), [&](GIOCondition) { return ++writable != 0; }, G_IO_OUT);
    EXPECT_TRUE(eventually([&] { return writable == 5; }));
    watch.reset();
    loop_.dispatch(0ms);
    EXPECT_LE(iterations_in(20ms), 2) << "nobody watches it any more";
  }
}

TEST_F(ContextSourceTest, DescriptorMayBeWatchedByOthersToo) {
  insert();
  const Pipe pipe = Pipe::filled();
  int ours = 0;
  int glibs = 0;
  loop_.handle().insert_source(Generic{pipe.fd(), interest().read()}, [&](Readiness) { ++ours; });
  const auto count = [&](GIOCondition) { return ++glibs != 0; };
  const Watch first{context(), pipe.fd(), count};
  const Watch second{context(), pipe.fd(), count, G_IO_PRI};
  EXPECT_TRUE(eventually([&] { return ours != 0 && glibs != 0; }));
}

// It is GLib's to know that the number is another file's now; it does not say so.
TEST_F(ContextSourceTest, NumberOfAClosedDescriptorMayComeAgain) {
  insert();
  for (int round = 0; round != 3; ++round) {
    auto first = std::make_unique<Pipe>();
    const int number = first->fd();
    std::optional<Watch> watch;
    watch.emplace(context(), number, [](GIOCondition) { return true; });
    loop_.dispatch(0ms);
    watch.reset();
    first.reset();
    const Pipe second;
    ASSERT_EQ(second.fd(), number);
    bool seen = false;
    watch.emplace(context(), number, [&](GIOCondition) { return !(seen = true); });
    loop_.dispatch(0ms);
    second.fill();
    EXPECT_TRUE(eventually([&] { return seen; }));
  }
}

TEST_F(ContextSourceTest, ClosedDescriptorWithALivingDuplicateDoesNotSpin) {
  insert();
  Pipe pipe;
  std::optional<Watch> watch;
  watch.emplace(context(), pipe.fd(), [](GIOCondition) { return true; });
  loop_.dispatch(0ms);
  const OwnedFd duplicate{::fcntl(pipe.fd(), F_DUPFD_CLOEXEC, 0)};
  watch.reset();
  pipe.reader.reset();
  pipe.fill();
  EXPECT_LE(iterations_in(50ms), 10);
  // The others are still there.
  bool ran = false;
  const Pipe other = Pipe::filled();
  watch.emplace(context(), other.fd(), [&](GIOCondition) { return !(ran = true); });
  EXPECT_TRUE(eventually([&] { return ran; }));
}

TEST_F(ContextSourceTest, FileIsAlwaysReady) {
  insert();
  const OwnedFd file{::open("/proc/self/exe", O_RDONLY | O_CLOEXEC)};
  int calls = 0;
  const Watch watch{context(), file.get(), [&](GIOCondition) { return ++calls != 5; }};
  EXPECT_TRUE(eventually([&] { return calls == 5; }));
}

TEST_F(ContextSourceTest, DescriptorThatIsNotOpenIsReported) {
  insert();
  int calls = 0;
  const Watch watch{context(), 987, [&](GIOCondition ready) {
                      EXPECT_EQ(ready, G_IO_NVAL);
                      return ++calls != 5;
                    }};
  EXPECT_TRUE(eventually([&] { return calls == 5; }));
}

TEST_F(ContextSourceTest, BelongsToTheLoopsThreadWhileItIsEnabled) {
  const RegistrationToken token = insert();
  const auto acquire = [this] {
    const bool done = g_main_context_acquire(context()) != FALSE;
    if (done)
      g_main_context_release(context());
    return done;
  };
  EXPECT_FALSE(in_a_thread(acquire));
  loop_.handle().disable(token);
  EXPECT_TRUE(in_a_thread(acquire));
  loop_.handle().enable(token);
  loop_.handle().update(token);
  EXPECT_FALSE(in_a_thread(acquire));
  loop_.handle().remove(token);
  EXPECT_TRUE(in_a_thread(acquire));
}

TEST_F(ContextSourceTest, ContextOfAnotherThreadIsRefused) {
  std::promise<void> owned;
  std::promise<void> tried;
  std::thread other{[&] {
    g_main_context_acquire(context());
    owned.set_value();
    tried.get_future().wait();
    g_main_context_release(context());
  }};
  owned.get_future().wait();
  try {
    insert();
    ADD_FAILURE() << "it was inserted";
  } catch (const std::logic_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("another thread owns the GMainContext"));
  }
  EXPECT_EQ(loop_.handle().source_count(), 0U);
  loop_.dispatch(0ms);
  tried.set_value();
  other.join();
  insert();
  add_idle(context(), [] { return false; });
  EXPECT_TRUE(eventually([&] { return dispatched_ == 1; }));
}

TEST_F(ContextSourceTest, DisabledItSleepsAndEnabledItGoesOn) {
  const RegistrationToken token = insert();
  int calls = 0;
  add_timeout(context(), 1, [&] {
    ++calls;
    return true;
  });
  ASSERT_TRUE(eventually([&] { return calls != 0; }));
  loop_.handle().disable(token);
  const int before = calls;
  EXPECT_LE(iterations_in(20ms), 2);
  EXPECT_EQ(calls, before);
  loop_.handle().enable(token);
  EXPECT_TRUE(eventually([&] { return calls > before; }));
  loop_.handle().update(token);
  EXPECT_TRUE(eventually([&] { return calls > before + 2; }));
}

TEST_F(ContextSourceTest, ExceptionOfACallbackLeavesTheDispatch) {
  ContextSource source{context()};
  const std::shared_ptr<FirstError> errors = source.errors();
  loop_.handle().insert_source(std::move(source), [this](Dispatched) { ++dispatched_; });
  for (const char* const what : {"first", "second"})
    attach(
        context(), g_idle_source_new(), [what]() -> bool { throw Boom{what}; }, G_PRIORITY_DEFAULT,
        errors);
  try {
    loop_.dispatch(10s);
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Boom& boom) {
    EXPECT_STREQ(boom.what(), "first");
  }
  EXPECT_EQ(dispatched_, 0);
  loop_.dispatch(0ms);  // both are gone
  add_idle(context(), [] { return false; });
  EXPECT_TRUE(eventually([&] { return dispatched_ == 1; }));
}

TEST_F(ContextSourceTest, MayBeRunInsideOfCallbacks) {
  insert();
  add_idle(context(), [&] {
    log_.emplace_back("outer");
    add_idle(context(), [&] {
      log_.emplace_back("inner");
      return false;
    });
    g_main_context_iteration(context(), TRUE);
    return false;
  });
  ASSERT_TRUE(eventually([&] { return log_.size() == 2; }));
  // Of ours: what was ready when the loop woke up is done in there, and not twice.
  const Pipe pipe = Pipe::filled();
  loop_.handle().insert_source(Generic{pipe.fd(), interest().read()}, [&](Readiness) {
    pipe.drain();
    while (g_main_context_iteration(context(), FALSE) != FALSE) {
    }
    log_.emplace_back("ours");
  });
  add_idle(context(), [&] {
    log_.emplace_back("glib's");
    return false;
  });
  ASSERT_TRUE(eventually([&] { return log_.size() == 4; }));
  loop_.dispatch(0ms);
  EXPECT_EQ(log_.size(), 4U);
}

TEST_F(ContextSourceTest, MayBeRemovedByGLibsCallbackAndByItsOwn) {
  RegistrationToken token = insert();
  add_idle(context(), [&] {
    EXPECT_TRUE(loop_.handle().remove(token));
    log_.emplace_back("removed");
    return false;
  });
  ASSERT_TRUE(eventually([&] { return !log_.empty(); }));
  EXPECT_EQ(dispatched_, 0);
  EXPECT_EQ(loop_.handle().source_count(), 0U);
  loop_.dispatch(0ms);
  EXPECT_EQ(log_.size(), 1U);
  // By its own callback.
  int idles = 0;
  const auto dropped = std::make_shared<int>();
  GSource* const idle = add_idle(context(), [&] { return ++idles != 0; });
  token = loop_.handle().insert_source(ContextSource{context()}, [&, dropped](Dispatched) {
    loop_.handle().remove(token);
    ++dispatched_;
    EXPECT_EQ(dropped.use_count(), 2) << "the closure lives until it returns";
  });
  EXPECT_TRUE(eventually([&] { return dispatched_ != 0; }));
  loop_.dispatch(0ms);
  EXPECT_EQ(dispatched_, 1);
  EXPECT_EQ(idles, 1);
  EXPECT_EQ(dropped.use_count(), 1);
  g_source_destroy(idle);
}

TEST_F(ContextSourceTest, ContextLivesAsLongAsTheSource) {
  const RegistrationToken token = insert();
  bool ran = false;
  add_idle(context(), [&] { return !(ran = true); });
  drop_context();
  EXPECT_TRUE(eventually([&] { return ran; }));
  EXPECT_TRUE(loop_.handle().remove(token));
  loop_.dispatch(0ms);
}

TEST_F(ContextSourceTest, ContextOutlivesTheLoop) {
  bool ran = false;
  {
    EventLoop<> loop;
    loop.handle().insert_source(ContextSource{context()}, [] {});
    loop.dispatch(0ms);
    static_cast<void>(loop.prepare());
  }
  add_idle(context(), [&] { return !(ran = true); });
  EXPECT_TRUE(in_a_thread([&] { return g_main_context_iteration(context(), FALSE) != FALSE; }));
  EXPECT_TRUE(ran);
}

TEST_F(ContextSourceTest, ComesAndGoesAThousandTimesWithoutLeavingADescriptor) {
  const Pipe pipe = Pipe::filled();
  const Watch watch{context(), pipe.fd(), [](GIOCondition) { return true; }};
  loop_.handle().remove(insert());
  const std::ptrdiff_t before = tests::descriptor_count();
  for (int i = 0; i != 1000; ++i) {
    const RegistrationToken token = insert();
    loop_.dispatch(0ms);
    loop_.handle().remove(token);
  }
  EXPECT_EQ(tests::descriptor_count(), before);
  EXPECT_EQ(dispatched_, 1000);
}

TEST_F(ContextSourceTest, ChildByForkLeavesTheParentAlone) {
  insert();
  const Pipe pipe;
  bool seen = false;
  const Watch watch{context(), pipe.fd(), [&](GIOCondition) { return !(seen = true); }};
  loop_.dispatch(0ms);
  EXPECT_EQ(in_a_child([&] {
              try {
                loop_.dispatch(0ms);
              } catch (const std::logic_error&) {
                loop_.~EventLoop();  // what it registers is the parent's
                return 7;
              }
              return 0;
            }),
            7);
  pipe.fill();
  EXPECT_TRUE(eventually([&] { return seen; }));
}

// --------------------------------------------------------------------- our loop in GLib's

class GuestTest : public GlibTest {
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
  // Runs the context until it is so; GLib sleeps as long as it likes, but for ten seconds.
  template <class Condition>
  bool eventually(Condition condition) {
    bool over = false;
    GSource* const end = add_timeout(context(), 10'000, [&] { return over = true; });
    while (!condition() && !over)
      g_main_context_iteration(context(), TRUE);
    g_source_destroy(end);
    return condition() && !over;
  }
  // How often GLib wakes up while it sleeps for so long.
  int wakeups_in(unsigned milliseconds) {
    bool over = false;
    int wakeups = 0;
    add_timeout(context(), milliseconds, [&] { return !(over = true); });
    while (!over) {
      g_main_context_iteration(context(), TRUE);
      ++wakeups;
    }
    return wakeups;
  }

  EventLoop<> loop_;
};

TEST_F(GuestTest, RunsTimersDescriptorsIdlesAndPings) {
  EventLoop<Log> loop;
  const Guest guest{{loop, log_}, handler(), context()};
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
  ASSERT_TRUE(eventually([&] { return log_.size() == 3; }));
  auto [ping, source] = make_ping();
  loop.handle().insert_source(std::move(source), [](Log& log) { log.emplace_back("ping"); });
  std::thread other{[to_wake = std::move(ping), self = ::getpid()]() mutable {
    tests::wait_until_asleep(self, {SYS_poll, SYS_ppoll});
    to_wake.ping();
  }};
  EXPECT_TRUE(eventually([&] { return log_.size() == 4; }));
  other.join();
  EXPECT_THAT(log_, ElementsAre("timer", "descriptor", "idle", "ping"));
}

TEST_F(GuestTest, SleepsWhileThereIsNothingToDo) {
  const Guest guest{{loop_}, handler(), context()};
  const Pipe pipe;
  loop_.handle().insert_source(Generic{pipe.fd(), interest().read()}, [] {});
  loop_.handle().insert_source(Timer::after(1h), [] {});
  int hooks = 0;
  loop_.handle().insert_source(HookedSource{[&] {
                                 ++hooks;
                                 return false;
                               }},
                               [] {});
  g_main_context_iteration(context(), FALSE);
  hooks = 0;
  EXPECT_LE(wakeups_in(50), 2);
  EXPECT_LE(hooks, 2);
}

TEST_F(GuestTest, WhatTheHostsCallbackSentArrivesWithoutAnotherEvent) {
  const tests::ServerDisplay server = tests::make_server();
  const ScopedRegistration display{
      loop_.handle(), loop_.handle().insert_source(wayland::DisplaySource{server.get()}, [] {})};
  Client client{server.get()};
  ASSERT_TRUE(client.roundtrip(loop_));
  const Guest guest{{loop_}, handler(), context()};
  bool posted = false;
  add_timeout(context(), 5, [&] {
    client.post_error();
    return !(posted = true);
  });
  ASSERT_TRUE(eventually([&] { return posted; }));
  EXPECT_FALSE(client.has_error());
  EXPECT_FALSE(g_main_context_iteration(context(), FALSE)) << "there is nothing to dispatch";
  EXPECT_TRUE(client.has_error());
}

TEST_F(GuestTest, WhatAnIdleOfOursSentForTheHostArrivesToo) {
  const tests::ServerDisplay server = tests::make_server();
  const ScopedRegistration display{
      loop_.handle(), loop_.handle().insert_source(wayland::DisplaySource{server.get()}, [] {})};
  Client client{server.get()};
  ASSERT_TRUE(client.roundtrip(loop_));
  const Guest guest{{loop_}, handler(), context()};
  add_idle(context(), [&] {
    loop_.handle().insert_idle([&] { client.post_error(); });
    return false;
  });
  EXPECT_TRUE(eventually([&] { return client.has_error(); }));
  EXPECT_FALSE(g_main_context_iteration(context(), FALSE));
}

TEST_F(GuestTest, TimersThatTheHostsCallbacksArmFire) {
  const Guest guest{{loop_}, handler(), context()};
  const auto timer =
      loop_.handle().make_dispatcher(Timer::after(1h), [&] { log_.emplace_back("timer"); });
  loop_.handle().register_dispatcher(timer);
  add_idle(context(), [&] {
    timer->set_delay(5ms);
    return false;
  });
  EXPECT_TRUE(eventually([&] { return !log_.empty(); }));
}

TEST_F(GuestTest, HasThePriorityThatItIsGiven) {
  EventLoop<> low;
  const Guest low_guest{{low}, handler(), context(), G_PRIORITY_LOW};
  const Guest guest{{loop_}, handler(), context(), G_PRIORITY_HIGH};
  int left = 3;
  add_idle(context(), [&] {
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
  const Guest guest{{loop_}, handler(), context(), G_PRIORITY_LOW};
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
  const Watch watch{context(), pipe.fd(), [&](GIOCondition) { return --left != 0; }};
  EXPECT_TRUE(eventually([&] { return events != 0; }));
  EXPECT_EQ(left, 0);
  EXPECT_LE(asked, 3);
}

TEST_F(GuestTest, ExceptionsGoToTheHandler) {
  const Guest guest{{loop_}, handler(), context()};
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
  g_main_context_iteration(context(), FALSE);
  g_main_context_iteration(context(), FALSE);
  EXPECT_THAT(log_, ElementsAre("timer", "other", "hook"));
  EXPECT_TRUE(guest.is_attached());
}

TEST_F(GuestTest, IsOverWhenTheHandlerSaysSoOrThrows) {
  for (const bool throws : {false, true}) {
    EventLoop<> loop;
    const Guest guest{{loop},
                      [&](std::exception_ptr) {
                        log_.emplace_back("handler");
                        if (throws)
                          throw Boom{"handler"};
                        return ErrorAction::Disable;
                      },
                      context()};
    loop.handle().insert_idle([] { throw Boom{"idle"}; });
    loop.handle().insert_idle([&] { log_.emplace_back("still there"); });
    while (g_main_context_iteration(context(), FALSE) != FALSE) {
    }
    EXPECT_THAT(log_, ElementsAre("handler"));
    EXPECT_FALSE(guest.is_attached());
    EXPECT_EQ(loop.handle().source_count(), 0U);
    loop.dispatch(0ms);
    EXPECT_THAT(log_, ElementsAre("handler", "still there"));
    log_.clear();
  }
}

TEST_F(GuestTest, NeedsAHandler) {
  EXPECT_THROW(const Guest guest({loop_}, nullptr, context()), std::invalid_argument);
  EXPECT_EQ(loop_.handle().source_count(), 0U);
}

TEST_F(GuestTest, MayBeDestroyedByItsCallbacks) {
  std::optional<Guest> guest;
  const auto text = std::make_shared<std::string>("long enough to be on the heap, surely");
  const auto end = [&, text] {
    guest.reset();
    log_.push_back(*text);
  };
  guest.emplace(GuestLoop{loop_}, handler(), context());
  loop_.handle().insert_idle(end);
  EXPECT_TRUE(eventually([&] { return !log_.empty(); }));
  guest.emplace(GuestLoop{loop_}, handler(), context());
  loop_.handle().insert_source(Timer::immediate(), end);
  EXPECT_TRUE(eventually([&] { return log_.size() == 2; }));
  guest.emplace(GuestLoop{loop_}, handler(), context());
  loop_.handle().insert_source(HookedSource{[&, once = true]() mutable {
                                 if (std::exchange(once, false))
                                   end();
                                 return false;
                               }},
                               [] {});
  g_main_context_iteration(context(), FALSE);
  EXPECT_EQ(log_.size(), 3U);
  // By the handler.
  guest.emplace(
      GuestLoop{loop_},
      [&](std::exception_ptr) {
        end();
        return ErrorAction::Keep;
      },
      context());
  loop_.handle().insert_idle([] { throw Boom{"idle"}; });
  EXPECT_TRUE(eventually([&] { return log_.size() == 4; }));
  EXPECT_FALSE(g_main_context_iteration(context(), FALSE));
}

TEST_F(GuestTest, LoopMayGoFirst) {
  std::optional<EventLoop<>> loop{std::in_place};
  const Guest guest{{*loop}, handler(), context()};
  loop->handle().insert_idle([] {});
  add_idle(context(), [&] {
    loop.reset();
    return false;
  });
  g_main_context_iteration(context(), FALSE);
  EXPECT_FALSE(loop);
  EXPECT_FALSE(guest.is_attached());
  EXPECT_FALSE(g_main_context_iteration(context(), FALSE));
  EXPECT_THAT(log_, IsEmpty());
}

TEST_F(GuestTest, ContextMayGoFirst) {
  {
    const Guest guest{{loop_}, handler(), context()};
    g_main_context_iteration(context(), FALSE);
    EXPECT_TRUE(guest.is_attached());
    drop_context();
    EXPECT_FALSE(guest.is_attached());
    loop_.dispatch(0ms);
  }
  loop_.dispatch(0ms);
  EXPECT_EQ(loop_.handle().source_count(), 0U);
}

TEST_F(GuestTest, HostMayBeRunInsideOfCallbacks) {
  const Guest guest{{loop_}, handler(), context()};
  const Pipe pipe = Pipe::filled();
  int hosts = 0;
  loop_.handle().insert_source(Generic{pipe.fd(), interest().read()}, [&](Readiness) {
    log_.emplace_back("in");
    EXPECT_LE(wakeups_in(30), 3) << "the loop is ready, and is not to be run";
    pipe.drain();
    log_.emplace_back("out");
  });
  loop_.handle().insert_idle([&] {
    add_idle(context(), [&] { return ++hosts == 0; });
    g_main_context_iteration(context(), TRUE);
    EXPECT_EQ(hosts, 1);
  });
  EXPECT_TRUE(eventually([&] { return log_.size() == 2 && hosts == 1; }));
  EXPECT_THAT(log_, ElementsAre("in", "out"));
}

TEST_F(GuestTest, ComesAndGoesAThousandTimesWithoutLeavingADescriptor) {
  {
    const Guest guest{{loop_}, handler(), context()};
  }
  const std::ptrdiff_t before = tests::descriptor_count();
  int runs = 0;
  for (int i = 0; i != 1000; ++i) {
    const Guest guest{{loop_}, handler(), context()};
    loop_.handle().insert_idle([&] { ++runs; });
    g_main_context_iteration(context(), TRUE);
  }
  EXPECT_EQ(runs, 1000);
  EXPECT_EQ(tests::descriptor_count(), before);
  for (int i = 0; i != 1000; ++i) {
    EventLoop<> loop;
    const Guest guest{{loop}, handler(), context()};
    g_main_context_iteration(context(), FALSE);
  }
  EXPECT_EQ(tests::descriptor_count(), before);
  EXPECT_EQ(loop_.handle().source_count(), 0U);
}

TEST_F(GuestTest, ContextOfAnotherThreadIsRefused) {
  std::promise<void> owned;
  std::promise<void> tried;
  std::thread other{[&] {
    g_main_context_acquire(context());
    owned.set_value();
    tried.get_future().wait();
    g_main_context_release(context());
  }};
  owned.get_future().wait();
  EXPECT_THROW(const Guest guest({loop_}, handler(), context()), std::logic_error);
  EXPECT_EQ(loop_.handle().source_count(), 0U);
  tried.set_value();
  other.join();
}

TEST_F(GuestTest, IsOverWhenAnotherThreadRunsTheContext) {
  const Guest guest{{loop_}, handler(), context()};
  bool ran = false;
  loop_.handle().insert_idle([&] { ran = true; });
  in_a_thread([&] {
    for (int i = 0; i != 3; ++i)
      g_main_context_iteration(context(), FALSE);
    return 0;
  });
  EXPECT_THAT(log_, ElementsAre(HasSubstr("from another thread than the loop's")));
  EXPECT_FALSE(guest.is_attached());
  EXPECT_FALSE(ran);
}

TEST_F(GuestTest, IsOverInAChildByFork) {
  const Guest guest{{loop_}, handler(), context()};
  loop_.handle().insert_idle([&] { log_.emplace_back("idle"); });
  EXPECT_EQ(in_a_child([&] {
              for (int i = 0; i != 3; ++i)
                g_main_context_iteration(context(), FALSE);
              const bool told = log_.size() == 1 && log_[0].find("fork()") != std::string::npos;
              return told && !guest.is_attached() ? 7 : 1;
            }),
            7);
  EXPECT_TRUE(eventually([&] { return !log_.empty(); }));
  EXPECT_THAT(log_, ElementsAre("idle"));
}

TEST_F(GuestTest, OursInGLibInOurs) {
  EventLoop<> outer;
  outer.handle().insert_source(ContextSource{context()}, [] {});
  const Guest guest{{loop_}, handler(), context()};
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
