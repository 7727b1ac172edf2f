// The seam to the kernel, by itself.
#include <csignal>
#include <system_error>
#include <thread>

#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include <gtest/gtest.h>

#include <calloop/backend.hpp>
#include <calloop/event_loop.hpp>
#include <calloop/fd.hpp>
#include <calloop/interest.hpp>
#include <calloop/sources/timer.hpp>

#include "tests/calloop/descriptor_count.hpp"
#include "tests/calloop/pipe.hpp"
#include "tests/calloop/status_in_child.hpp"

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using tests::Pipe;

constexpr Token some_token{1, 1, 0};

void ignore_signal(int) {}

// While it lives, SIGUSR1 interrupts system calls of this thread every now and then.
class Interruptions {
 public:
  Interruptions() {
    struct sigaction action{};
    action.sa_handler = ignore_signal;  // without SA_RESTART
    ::sigaction(SIGUSR1, &action, &before_);
    thread_ = std::jthread{[target = ::pthread_self()](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        ::pthread_kill(target, SIGUSR1);
        std::this_thread::sleep_for(500us);
      }
    }};
  }
  ~Interruptions() {
    thread_.request_stop();
    thread_.join();
    ::sigaction(SIGUSR1, &before_, nullptr);
  }

 private:
  struct sigaction before_{};
  std::jthread thread_;
};

TEST(EpollBackend, ASignalDoesNotShortenAWait) {
  const auto backend = make_epoll_backend();
  const Interruptions interruptions;
  for (const Duration slack : {Duration{0ns}, Duration{10us}, Duration{50us}}) {
    const TimePoint now = backend->now();
    EXPECT_EQ(backend->wait_until(now + 20ms, now, slack).size(), slack < 50us ? 1u : 0u);
    EXPECT_GE(backend->now(), now + 20ms);
  }
}

// The kernel's own slack is 50 us (prctl(2), PR_SET_TIMERSLACK): epoll_pwait2 keeps no less.
TEST(EpollBackend, OnlySlackBelowTheKernelsTakesATimerDescriptor) {
  const auto backend = make_epoll_backend();
  const std::ptrdiff_t before = tests::descriptor_count();
  const auto descriptors_after_a_wait = [&](std::optional<Duration> slack) {
    const TimePoint now = backend->now();
    static_cast<void>(backend->wait_until(now + 1ms, now, slack));
    return tests::descriptor_count() - before;
  };
  EXPECT_EQ(descriptors_after_a_wait(std::nullopt), 0);
  EXPECT_EQ(descriptors_after_a_wait(1ms), 0);
  EXPECT_EQ(descriptors_after_a_wait(50us), 0);
  EXPECT_EQ(descriptors_after_a_wait(49us), 1);
  EXPECT_EQ(descriptors_after_a_wait(0ns), 1) << "one for all";
}

TEST(EpollBackend, ASignalDoesNotEndAWaitForEver) {
  const auto backend = make_epoll_backend();
  const Pipe pipe;
  ASSERT_EQ(backend->control(EPOLL_CTL_ADD, pipe.fd(), EPOLLIN, some_token), 0);
  const Interruptions interruptions;
  const std::jthread writer{[&] {
    std::this_thread::sleep_for(20ms);
    pipe.fill();
  }};
  const auto events = backend->wait();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(Token::from_raw(events[0].data.u64), some_token);  // packed: no reference to it
  EXPECT_EQ(Readiness{events[0].events}, Readiness{EPOLLIN});
}

TEST(EpollBackend, PollDoesNotWait) {
  const auto backend = make_epoll_backend();
  EXPECT_TRUE(backend->poll().empty());
  const Pipe pipe = Pipe::filled();
  ASSERT_EQ(backend->control(EPOLL_CTL_ADD, pipe.fd(), EPOLLIN, some_token), 0);
  EXPECT_EQ(backend->poll().size(), 1u);
  ASSERT_EQ(backend->control(EPOLL_CTL_DEL, pipe.fd(), 0, {}), 0);
  EXPECT_TRUE(backend->poll().empty());
}

TEST(EpollBackend, ErrorsAreThoseOfEpollCtl) {
  const auto backend = make_epoll_backend();
  const Pipe pipe;
  EXPECT_EQ(backend->control(EPOLL_CTL_ADD, 4242, EPOLLIN, some_token), EBADF);
  EXPECT_EQ(backend->control(EPOLL_CTL_MOD, pipe.fd(), EPOLLIN, some_token), ENOENT);
  EXPECT_EQ(backend->control(EPOLL_CTL_DEL, pipe.fd(), 0, {}), ENOENT);
  EXPECT_EQ(backend->control(EPOLL_CTL_ADD, pipe.fd(), EPOLLIN, some_token), 0);
  EXPECT_EQ(backend->control(EPOLL_CTL_ADD, pipe.fd(), EPOLLIN, some_token), EEXIST);
  const OwnedFd file{::open("/proc/self/exe", O_RDONLY | O_CLOEXEC)};
  EXPECT_EQ(backend->control(EPOLL_CTL_ADD, file.get(), EPOLLIN, some_token), EPERM);
}

TEST(EpollBackend, WakesAreOneUntilAcknowledged) {
  const auto backend = make_epoll_backend();
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 10; ++i)
      backend->wake();
    EXPECT_EQ(backend->wait().size(), 1u);
    backend->wake();  // not noticed yet: the same
    EXPECT_TRUE(backend->poll().empty());
    backend->acknowledge_wake();
  }
}

TEST(EpollBackend, ReopenForgetsWhatWasRegisteredAndStillWakes) {
  const auto backend = make_epoll_backend();
  const Pipe pipe = Pipe::filled();
  ASSERT_EQ(backend->control(EPOLL_CTL_ADD, pipe.fd(), EPOLLIN, some_token), 0);
  const TimePoint now = backend->now();
  backend->wait_until(now + 1us, now, 0ns);  // from here on it has a timerfd
  backend->reopen();
  EXPECT_LE(backend->poll().size(), 2u);  // its own descriptors, once more
  EXPECT_TRUE(backend->poll().empty());
  EXPECT_EQ(backend->control(EPOLL_CTL_ADD, pipe.fd(), EPOLLIN, some_token), 0);
  EXPECT_EQ(backend->poll().size(), 1u);
  ASSERT_EQ(backend->control(EPOLL_CTL_DEL, pipe.fd(), 0, {}), 0);
  backend->acknowledge_wake();
  backend->wake();
  EXPECT_EQ(backend->wait().size(), 1u);
  const TimePoint later = backend->now();
  backend->wait_until(later + 2ms, later, 0ns);
  EXPECT_GE(backend->now(), later + 2ms);
}

TEST(EpollBackend, AnExactWaitIsFollowedByOtherWaits) {
  const auto backend = make_epoll_backend();
  for (int i = 0; i < 3; ++i) {
    TimePoint now = backend->now();
    backend->wait_until(now + 1ms, now, 0ns);
    EXPECT_GE(backend->now(), now + 1ms);
    now = backend->now();
    backend->wait_until(now + 1ms, now, i == 0 ? std::nullopt : std::optional{100us});
    EXPECT_GE(backend->now(), now + 1ms);
  }
  // A deadline that was given up does not end a later wait.
  TimePoint now = backend->now();
  backend->wake();
  backend->wait_until(now + 5ms, now, 0ns);
  backend->acknowledge_wake();
  now = backend->now();
  EXPECT_TRUE(backend->wait_until(now + 20ms, now, std::nullopt).empty());
  EXPECT_GE(backend->now(), now + 20ms);
}

TEST(EpollBackend, OwnsItsDescriptors) {
  const auto before = tests::descriptor_count();
  {
    const auto backend = make_epoll_backend();
    const TimePoint now = backend->now();
    backend->wait_until(now + 1us, now, 0ns);
    for (int i = 0; i < 5; ++i)
      backend->reopen();
    EXPECT_EQ(tests::descriptor_count(), before + 3);  // epoll, eventfd, timerfd
  }
  EXPECT_EQ(tests::descriptor_count(), before);
}

// Makes epoll_pwait2 fail in this process as it does before Linux 5.11.
bool forbid_epoll_pwait2() {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_epoll_pwait2, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{std::size(filter), filter};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

int wait_without_epoll_pwait2() {
  if (!forbid_epoll_pwait2())
    return 77;
  timespec none{};
  epoll_event event;
  if (::epoll_pwait2(-1, &event, 1, &none, nullptr) != -1 || errno != ENOSYS)
    return 1;
  EventLoop<> loop;
  for (const Duration delay : {Duration{1ms}, Duration{300us}, Duration{2700us}}) {
    bool fired = false;
    const TimePoint deadline = Clock::now() + delay;
    loop.handle().insert_source(Timer::at(deadline), [&] { fired = true; });
    for (int turns = 0; !fired; ++turns) {
      if (turns == 3)
        return 2;  // it spins
      loop.dispatch(std::nullopt);
    }
    if (Clock::now() < deadline)
      return 3;
  }
  loop.signal().wakeup();
  loop.dispatch(1h);
  return 0;
}

TEST(EpollBackend, WaitsInAChildWithoutEpollPwait2) {
  const int status = tests::status_in_child(wait_without_epoll_pwait2);
  if (status == 77)
    GTEST_SKIP() << "seccomp filters are not allowed here";
  EXPECT_EQ(status, 0);
}

}  // namespace
