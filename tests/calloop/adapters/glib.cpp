// A GMainContext in a loop of ours, with GLib as it is.
#include <calloop/adapters/glib.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
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
#include <system_error>
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
#include <calloop/sources/timer.hpp>

#include "tests/calloop/adapters/client.hpp"
#include "tests/calloop/adapters/glib_context.hpp"
#include "tests/calloop/asleep.hpp"
#include "tests/calloop/boom.hpp"
#include "tests/calloop/descriptor_count.hpp"
#include "tests/calloop/no_more_descriptors.hpp"
#include "tests/calloop/pipe.hpp"
#include "tests/calloop/status_in_child.hpp"

namespace calloop::glib {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using tests::Boom;
using tests::Client;
using tests::Pipe;
using Log = std::vector<std::string>;

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

// A function of another thread, which has returned when it is over.
template <class F>
auto in_a_thread(F f) {
  return std::async(std::launch::async, std::move(f)).get();
}

class ContextSourceTest : public testing::Test {
 protected:
  ContextSourceTest() : context_{g_main_context_new()} {}
  ~ContextSourceTest() override { drop_context(); }
  void drop_context() noexcept {
    if (context_ != nullptr)
      g_main_context_unref(std::exchange(context_, nullptr));
  }
  [[nodiscard]] GMainContext* context() const noexcept { return context_; }
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

  Log log_;
  EventLoop<> loop_;
  int dispatched_ = 0;

 private:
  GMainContext* context_;
};

TEST_F(ContextSourceTest, RunsIdlesTimeoutsAndDescriptors) {
  insert();
  const Pipe pipe;
  const TimePoint start = Clock::now();
  // Each is added by the one before, or a slow machine has them ready at once.
  add_idle(context(), [&] {
    log_.emplace_back("idle");
    add_timeout(context(), 20, [&] {
      log_.emplace_back("timeout");
      EXPECT_GE(Clock::now() - start, 20ms);
      pipe.fill();
      return false;
    });
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

// That of the loop itself: it would be waiting for itself.
TEST_F(ContextSourceTest, DescriptorThatTheKernelWillNotWatchIsAnError) {
  const int fd = loop_.fd();
  insert();
  std::optional<Watch> watch;
  watch.emplace(context(), fd, [](GIOCondition) { return true; });
  try {
    loop_.dispatch(0ms);
    ADD_FAILURE() << "nothing was thrown";
  } catch (const std::system_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("epoll_ctl for a GMainContext"));
  }
  watch.reset();
  bool ran = false;
  const Pipe pipe;
  watch.emplace(context(), pipe.fd(), [&](GIOCondition) { return !(ran = true); });
  loop_.dispatch(0ms);
  pipe.fill();
  EXPECT_TRUE(eventually([&] { return ran; })) << "it goes on";
}

TEST_F(ContextSourceTest, WithoutDescriptorsThereIsNone) {
  const std::exception_ptr thrown =
      tests::thrown_without_descriptors([of = context()] { const ContextSource source{of}; });
  ASSERT_NE(thrown, nullptr);
  EXPECT_THROW(std::rethrow_exception(thrown), std::system_error);
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
  {
    const OwnedElsewhere owner{context()};
    try {
      insert();
      ADD_FAILURE() << "it was inserted";
    } catch (const std::logic_error& error) {
      EXPECT_THAT(error.what(), HasSubstr("another thread owns the GMainContext"));
    }
    EXPECT_EQ(loop_.handle().source_count(), 0U);
    loop_.dispatch(0ms);
  }
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

TEST_F(ContextSourceTest, ExceptionDoesNotKeepTheLoopFromWhatIsReady) {
  ContextSource source{context()};
  const std::shared_ptr<FirstError> errors = source.errors();
  loop_.handle().insert_source(std::move(source), [](Dispatched) {},
                               {.on_error = [this](std::exception_ptr) {
                                 log_.emplace_back("error");
                                 return ErrorAction::Keep;
                               }});
  loop_.handle().insert_source(Timer::immediate(), [&] {
    attach(
        context(), g_idle_source_new(), []() -> bool { throw Boom{"inside of ours"}; },
        G_PRIORITY_DEFAULT, errors);
    g_main_context_iteration(context(), FALSE);
    add_idle(context(), [&] {
      log_.emplace_back("idle");
      return false;
    });
  });
  EXPECT_TRUE(eventually([&] { return log_.size() == 2; }));
  EXPECT_THAT(log_, ElementsAre("error", "idle"));
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
  EXPECT_EQ(tests::status_in_child([&] {
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

}  // namespace
}  // namespace calloop::glib
