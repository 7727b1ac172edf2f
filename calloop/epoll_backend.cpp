#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <ctime>
#include <memory>
#include <system_error>

#include <calloop/backend.hpp>
#include <calloop/errors.hpp>
#include <calloop/fd.hpp>

namespace calloop {

Backend::~Backend() = default;

namespace {

timespec to_timespec(Duration d) noexcept {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(d);
  return {static_cast<time_t>(seconds.count()), static_cast<long>((d - seconds).count())};
}

// Tokens of the loop's own slot; the loop ignores what they report.
constexpr Token wake_token{Token::loop_slot, Token::loop_epoch, 0};
constexpr Token timer_token{Token::loop_slot, Token::loop_epoch, 1};

// By how much a time-out is late at least, unless the thread has asked for less: PR_SET_TIMERSLACK.
constexpr Duration kernel_slack = std::chrono::microseconds{50};

class EpollBackend final : public Backend {
 public:
  EpollBackend() : wake_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)} {
    if (!wake_)
      throw_errno("eventfd");
    epoll_ = open_epoll();
  }

  int control(int operation, int fd, std::uint32_t bits, Token token) noexcept override {
    epoll_event event{};
    event.events = bits;
    event.data.u64 = token.raw();
    return ::epoll_ctl(epoll_.get(), operation, fd, &event) < 0 ? errno : 0;
  }

  std::span<const epoll_event> poll() override {
    for (;;) {
      const int n = ::epoll_wait(epoll_.get(), events_.get(), batch, 0);
      if (n >= 0)
        return ready(n);
      if (errno != EINTR)
        throw_errno("epoll_wait");
    }
  }

  std::span<const epoll_event> wait() override {
    if (timer_armed_) [[unlikely]]
      arm_timer(TimePoint::max());
    const int n = ::epoll_wait(epoll_.get(), events_.get(), batch, -1);
    if (n < 0) [[unlikely]]
      return wait_again();
    return ready(n);
  }

  std::span<const epoll_event> wait_until(TimePoint until, TimePoint now,
                                          std::optional<Duration> slack) override {
    const TimePoint at_last = saturating_add(until, slack.value_or(Duration::zero()));
    // Without a descriptor for a timer it is as exact as a time-out can be.
    const bool precise = slack && *slack < kernel_slack && arm_timer(at_last);
    if (!precise && timer_armed_)
      arm_timer(TimePoint::max());
    for (;;) {
      const int n =
          precise ? ::epoll_wait(epoll_.get(), events_.get(), batch, -1) : wait_for(at_last - now);
      if (n >= 0)
        return ready(n);
      if (errno != EINTR)
        throw_errno("epoll_wait");
      now = this->now();
    }
  }

  TimePoint now() const noexcept override { return Clock::now(); }

  void wake() noexcept override {
    if (woken_.exchange(true))
      return;
    const int saved = errno;  // for signal handlers
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);
    errno = saved;
  }

  // The eventfd is edge-triggered: nothing has to be read.
  void acknowledge_wake() noexcept override { woken_.exchange(false); }

  [[gnu::cold]] void reopen() override {
    try {
      epoll_ = open_epoll();
    } catch (const std::system_error& error) {
      if (error.code() != std::errc::too_many_files_open &&
          error.code() != std::errc::too_many_files_open_in_system)
        throw;
      epoll_.reset();  // makes room for the other
      epoll_ = open_epoll();
    }
  }

  int fd() const noexcept override { return epoll_.get(); }

 private:
  [[nodiscard, gnu::cold]] OwnedFd open_epoll() const {
    OwnedFd epoll{::epoll_create1(EPOLL_CLOEXEC)};
    if (!epoll)
      throw_errno("epoll_create1");
    add_own(epoll, wake_, wake_token);
    if (timer_)
      add_own(epoll, timer_, timer_token);
    return epoll;
  }

  static void add_own(const OwnedFd& epoll, const OwnedFd& fd, Token token) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET;
    event.data.u64 = token.raw();
    if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd.get(), &event) < 0)
      throw_errno("epoll_ctl");
  }

  std::span<const epoll_event> ready(int n) noexcept {
    return {events_.get(), static_cast<std::size_t>(n)};
  }

  [[gnu::noinline]] std::span<const epoll_event> wait_again() {
    if (errno != EINTR)
      throw_errno("epoll_wait");
    return wait();
  }

  // As epoll_wait(2), 0 after the time-out.
  int wait_for(Duration left) noexcept {
    if (left <= Duration::zero())
      return ::epoll_wait(epoll_.get(), events_.get(), batch, 0);
    if (has_pwait2_) {
      const timespec timeout = to_timespec(left);
      const int n = ::epoll_pwait2(epoll_.get(), events_.get(), batch, &timeout, nullptr);
      if (n >= 0 || errno != ENOSYS)
        return n;
      has_pwait2_ = false;  // before Linux 5.11
    }
    // Rounded up, so that nothing is early; a longer wait than fits is taken up again.
    const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    const int n = ::epoll_wait(epoll_.get(), events_.get(), batch,
                               milliseconds > INT_MAX ? INT_MAX : static_cast<int>(milliseconds));
    if (n == 0 && milliseconds > INT_MAX) {
      errno = EINTR;
      return -1;
    }
    return n;
  }

  // Re-arming clears the expirations of before, and an edge needs no read: one system call, and
  // none while the deadline stays.
  // False when there is no timerfd to be had.
  [[gnu::noinline]] bool arm_timer(TimePoint until) {
    if (until == armed_)
      return true;
    if (!timer_) {
      OwnedFd timer{::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)};
      if (!timer)
        return false;
      add_own(epoll_, timer, timer_token);
      timer_ = std::move(timer);
    }
    itimerspec spec{};  // all zero disarms
    if (until != TimePoint::max()) {
      spec.it_value = to_timespec(std::max(until.time_since_epoch(), Duration{1}));
    }
    if (::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &spec, nullptr) < 0)
      throw_errno("timerfd_settime");
    armed_ = until;
    timer_armed_ = until != TimePoint::max();
    return true;
  }

  static constexpr int batch = 1024;
  OwnedFd wake_;
  OwnedFd timer_;
  OwnedFd epoll_;
  TimePoint armed_ = TimePoint::max();
  bool timer_armed_ = false;
  std::atomic<bool> woken_{false};
  bool has_pwait2_ = true;
  // Apart, so that what a wait looks at lies together.
  const std::unique_ptr<epoll_event[]> events_ = std::make_unique<epoll_event[]>(batch);
};

}  // namespace

std::unique_ptr<Backend> make_epoll_backend() {
  return std::make_unique<EpollBackend>();
}

}  // namespace calloop
