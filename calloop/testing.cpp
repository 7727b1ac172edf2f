#include <calloop/testing.hpp>

#include <cerrno>
#include <string>

#include <calloop/errors.hpp>

namespace calloop {

TestBackend::TestBackend(TimePoint start) : real_{make_epoll_backend()}, now_{start} {}
TestBackend::~TestBackend() = default;

[[gnu::cold]] void TestBackend::script(int fd) {
  scripted_.try_emplace(fd);
}

void TestBackend::make_ready(int fd, Readiness readiness) {
  const auto found = scripted_.find(fd);
  if (found == scripted_.end())
    throw_logic_error("descriptor " + std::to_string(fd), " is not scripted");
  found->second.ready |= readiness.bits();
}

// The errors are those of epoll_ctl(2).
int TestBackend::control(int operation, int fd, std::uint32_t bits, Token token) noexcept {
  const auto found = scripted_.find(fd);
  if (found == scripted_.end())
    return real_->control(operation, fd, bits, token);
  Scripted& scripted = found->second;
  if (operation == EPOLL_CTL_ADD && scripted.registered)
    return EEXIST;
  if (operation != EPOLL_CTL_ADD && !scripted.registered)
    return ENOENT;
  scripted.registered = operation != EPOLL_CTL_DEL;
  scripted.interest = bits;
  scripted.token = token;
  return 0;
}

void TestBackend::collect() {
  const std::span<const epoll_event> real = real_->poll();
  batch_.assign(real.begin(), real.end());
  for (auto& [fd, scripted] : scripted_) {
    const std::uint32_t bits = scripted.ready & (scripted.interest | EPOLLERR | EPOLLHUP);
    if (!scripted.registered || bits == 0)
      continue;
    scripted.ready &= ~bits;
    if ((scripted.interest & EPOLLONESHOT) != 0)
      scripted.interest = EPOLLONESHOT;
    epoll_event event{};
    event.events = bits;
    event.data.u64 = scripted.token.raw();
    batch_.push_back(event);
  }
}

[[gnu::cold]] void TestBackend::reopen() {
  real_->reopen();
  for (auto& [fd, scripted] : scripted_)
    scripted.registered = false;
}

std::span<const epoll_event> TestBackend::poll() {
  collect();
  return batch_;
}

std::span<const epoll_event> TestBackend::wait() {
  collect();
  if (batch_.empty())
    throw_logic_error("nothing is ready and no timer is armed: this dispatch would sleep for ever");
  return batch_;
}

std::span<const epoll_event> TestBackend::wait_until(TimePoint until, TimePoint,
                                                     std::optional<Duration>) {
  collect();
  if (batch_.empty() && until > now_)
    now_ = until;
  return batch_;
}

}  // namespace calloop
