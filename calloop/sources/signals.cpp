#include <calloop/sources/signals.hpp>

#include <pthread.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <ctime>
#include <string>
#include <utility>

#include <calloop/errors.hpp>

namespace calloop {

namespace {

constexpr int signal_count = 65;  // 1 to 64: signal(7)

// What Signals of any thread have ever blocked, a bit each. A thread that was made since has
// inherited it, and does not know.
std::atomic<std::uint64_t> blocked_in_process{0};
std::atomic<std::uint64_t> last_thread{0};

// A signal mask belongs to a thread, and so does the knowledge who has changed it.
struct ThreadMask {
  // Not an address, nor the kernel's number: these come again when a thread has ended.
  const std::uint64_t thread = ++last_thread;
  std::array<std::uint32_t, signal_count> users{};  // how many Signals block each
  sigset_t ours{};                                  // blocked by us: nobody had before
  sigset_t known{};                                 // was not inherited from a thread with Signals
};
thread_local ThreadMask thread_mask;

void check_signal(int signal) {
  if (signal <= 0 || signal >= signal_count || signal == SIGKILL || signal == SIGSTOP)
    throw_invalid_argument("Signals cannot take signal ", std::to_string(signal));
}

sigset_t empty_set() noexcept {
  sigset_t set;
  sigemptyset(&set);
  return set;
}

[[gnu::cold]] sigset_t set_of(std::span<const int> signals) {
  sigset_t set = empty_set();
  for (const int signal : signals) {
    check_signal(signal);
    sigaddset(&set, signal);
  }
  return set;
}

bool was_blocked_in_process(int signal) noexcept {
  return (blocked_in_process.load(std::memory_order_relaxed) >> (signal - 1) & 1) != 0;
}

template <class F>
void for_each_signal(const sigset_t& set, F f) {
  for (int signal = 1; signal < signal_count; ++signal)
    if (sigismember(&set, signal) == 1)
      f(signal);
}

[[gnu::cold]] void block(int signal) noexcept {
  if (thread_mask.users[static_cast<std::size_t>(signal)]++ != 0)
    return;
  sigset_t one = empty_set();
  sigset_t before;
  sigaddset(&one, signal);
  pthread_sigmask(SIG_BLOCK, &one, &before);
  const bool was_free = sigismember(&before, signal) == 0;
  if (was_free || !was_blocked_in_process(signal))
    sigaddset(&thread_mask.known, signal);
  if (!was_free)
    return;
  sigaddset(&thread_mask.ours, signal);
  blocked_in_process.fetch_or(std::uint64_t{1} << (signal - 1), std::memory_order_relaxed);
}

[[gnu::cold]] void unblock(int signal) noexcept {
  if (--thread_mask.users[static_cast<std::size_t>(signal)] != 0)
    return;
  if (sigismember(&thread_mask.ours, signal) == 0)
    return;
  sigset_t one = empty_set();
  sigaddset(&one, signal);
  const timespec at_once{};
  while (sigtimedwait(&one, nullptr, &at_once) > 0 || errno == EINTR) {
  }
  pthread_sigmask(SIG_UNBLOCK, &one, nullptr);
  sigdelset(&thread_mask.ours, signal);
}

}  // namespace

[[gnu::cold]] sigset_t signal_mask_for_children() noexcept {
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  for_each_signal(mask, [&](int signal) {
    const bool may_be_inherited =
        was_blocked_in_process(signal) && sigismember(&thread_mask.known, signal) == 0;
    if (may_be_inherited || sigismember(&thread_mask.ours, signal) == 1)
      sigdelset(&mask, signal);
  });
  return mask;
}

[[gnu::cold]] Signals::Signals(std::span<const int> signals)
    : taken_{set_of(signals)},
      blocked_{empty_set()},
      thread_{thread_mask.thread},
      fd_{OwnedFd{::signalfd(-1, &taken_, SFD_CLOEXEC | SFD_NONBLOCK)}, interest().read()} {
  if (!fd_.get())
    throw_errno("signalfd");
  for_each_signal(taken_, [this](int signal) {
    block(signal);
    sigaddset(&blocked_, signal);
  });
}

Signals::Signals(Signals&& other) noexcept
    : taken_{other.taken_},
      blocked_{other.blocked_},
      thread_{std::exchange(other.thread_, 0)},
      fd_{std::move(other.fd_)},
      poll_{other.poll_} {}

Signals& Signals::operator=(Signals&& other) noexcept {
  if (this != &other) {
    release();
    taken_ = other.taken_;
    blocked_ = other.blocked_;
    thread_ = std::exchange(other.thread_, 0);
    fd_ = std::move(other.fd_);
    poll_ = other.poll_;
  }
  return *this;
}

Signals::~Signals() {
  release();
}

void Signals::release() noexcept {
  if (std::exchange(thread_, 0) != thread_mask.thread)
    return;
  for_each_signal(blocked_, [](int signal) { unblock(signal); });
}

void Signals::check_usable() const {
  if (thread_ == thread_mask.thread)
    return;
  throw_logic_error(thread_ == 0 ? "these Signals were moved from"
                                 : "Signals are changed on another thread than their own");
}

void Signals::take(const sigset_t& wanted) {
  check_usable();
  if (::signalfd(fd_.get().get(), &wanted, 0) < 0)
    throw_errno("signalfd");
  taken_ = wanted;
  for_each_signal(taken_, [this](int signal) {
    if (sigismember(&blocked_, signal) == 1)
      return;
    block(signal);
    sigaddset(&blocked_, signal);
  });
}

void Signals::add_signal(int signal) {
  check_signal(signal);
  sigset_t wanted = taken_;
  sigaddset(&wanted, signal);
  take(wanted);
}

void Signals::remove_signal(int signal) {
  check_signal(signal);
  sigset_t wanted = taken_;
  sigdelset(&wanted, signal);
  take(wanted);
}

void Signals::set_signals(std::span<const int> signals) {
  take(set_of(signals));
}

bool Signals::read_signal(const OwnedFd& fd, signalfd_siginfo& info) {
  for (;;) {
    const auto size = ::read(fd.get(), &info, sizeof info);
    if (size == sizeof info)
      return true;
    if (size < 0 && errno == EINTR)
      continue;
    if (size < 0 && errno != EAGAIN)
      throw_errno("read(signalfd)");
    return false;
  }
}

}  // namespace calloop
