#include <calloop/sources/ping.hpp>

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

#include <calloop/errors.hpp>

namespace calloop {

// Cannot fail: the counter is far from full, and a full one has been readable for long.
void detail::PingState::write() const noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(fd.get(), &one, sizeof one);
}

Ping::Sender::~Sender() {
  state->closed.store(true, std::memory_order_release);
  state->write();
}

[[gnu::cold]] std::pair<Ping, PingSource> make_ping() {
  OwnedFd fd{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  if (!fd)
    throw_errno("eventfd");
  const auto state = std::make_shared<detail::PingState>(std::move(fd));
  return {Ping{std::make_shared<const Ping::Sender>(state)}, PingSource{state}};
}

}  // namespace calloop
