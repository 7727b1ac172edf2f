#include "compositor-demo/protocol/sigbus_guard.hpp"

#include <sys/mman.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <mutex>
#include <system_error>

namespace demo {

namespace {

// initial-exec: reading it in a signal handler must not allocate.
[[gnu::tls_model("initial-exec")]] constinit thread_local SigbusGuard* innermost = nullptr;

// Before the handler is installed nobody reads `previous`, after that nobody writes it.
struct Installation {
  std::mutex mutex;
  int users = 0;
  bool installed = false;
  struct sigaction previous{};
};
constinit Installation installation;

}  // namespace

// What the signal handler may do with a guard.
struct SigbusAccess {
  static bool repair(const void* address) noexcept {
    const auto at = reinterpret_cast<std::uintptr_t>(address);
    for (SigbusGuard* guard = innermost; guard != nullptr; guard = guard->outer_) {
      const auto begin = reinterpret_cast<std::uintptr_t>(guard->data_);
      if (at < begin || at - begin >= guard->size_)
        continue;
      if (::mmap(guard->data_, guard->size_, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
                 0) == MAP_FAILED)
        return false;
      guard->lost_ = true;
      return true;
    }
    return false;
  }

  static void pass_on(int signal, siginfo_t* info, void* context) noexcept {
    const struct sigaction& previous = installation.previous;
    if ((previous.sa_flags & SA_SIGINFO) != 0) {
      previous.sa_sigaction(signal, info, context);
      return;
    }
    const bool sent_by_somebody = info->si_code <= 0;
    if (previous.sa_handler == SIG_IGN && sent_by_somebody)
      return;
    if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
      previous.sa_handler(signal);
      return;
    }
    // The process is to die of it, as without us: of the same fault, which happens again, or of a
    // second signal like the one that was sent.
    struct sigaction fatal{};
    fatal.sa_handler = SIG_DFL;
    ::sigaction(SIGBUS, &fatal, nullptr);
    if (sent_by_somebody)
      ::raise(signal);
  }

  static void handle(int signal, siginfo_t* info, void* context) noexcept {
    const int error = errno;
    if (info->si_code != BUS_ADRERR || !repair(info->si_addr))
      pass_on(signal, info, context);
    errno = error;
  }
};

SigbusHandler::SigbusHandler() {
  const std::scoped_lock lock{installation.mutex};
  if (!installation.installed) {
    struct sigaction ours{};
    ours.sa_sigaction = &SigbusAccess::handle;
    ours.sa_flags = SA_SIGINFO | SA_ONSTACK;
    ::sigemptyset(&ours.sa_mask);
    if (::sigaction(SIGBUS, &ours, &installation.previous) != 0)
      throw std::system_error{errno, std::generic_category(), "sigaction(SIGBUS)"};
    installation.installed = true;
  }
  ++installation.users;
}

SigbusHandler::~SigbusHandler() {
  const std::scoped_lock lock{installation.mutex};
  if (--installation.users != 0)
    return;
  struct sigaction present{};
  // Somebody who came after us may pass signals on to us; then ours has to stay.
  if (::sigaction(SIGBUS, nullptr, &present) != 0 || (present.sa_flags & SA_SIGINFO) == 0 ||
      present.sa_sigaction != &SigbusAccess::handle)
    return;
  ::sigaction(SIGBUS, &installation.previous, nullptr);
  installation.installed = false;
}

SigbusGuard::SigbusGuard(std::byte* data, std::size_t size) noexcept
    : data_{data}, size_{size}, outer_{innermost} {
  innermost = this;
}

SigbusGuard::~SigbusGuard() {
  innermost = outer_;
}

}  // namespace demo
