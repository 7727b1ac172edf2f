#include "compositor-demo/protocol/client_limits.hpp"

#include <sys/types.h>

#include "compositor-demo/log.hpp"

namespace demo {

namespace {

struct LimitInfo {
  const char* name;
  std::size_t maximum;
};

constexpr std::array<LimitInfo, limit_count> limits{{
    {"surfaces", 4096},
    {"regions", 4096},
    {"shm pools", 1024},
    {"buffers", 16384},
    // foot alone maps 512 MiB for each window, most of it never touched. The pages are the
    // client's; what is limited here is our address space.
    {"bytes of shared memory", std::size_t{64} << 30},
    {"frame callbacks waiting", 16384},
    {"bound globals", 1024},
    {"objects", 16384},
}};

// What a wl_client is found by: the notify function of a listener for its end.
struct Attached {
  wl_listener destroyed;
  std::shared_ptr<ClientLimits> limits;

  static void client_destroyed(wl_listener* listener, void* /*client*/) noexcept {
    const std::unique_ptr<Attached> self{reinterpret_cast<Attached*>(listener)};
    wl_list_remove(&listener->link);
  }
};

}  // namespace

std::size_t ClientLimits::maximum(Limit limit) noexcept {
  return limits[static_cast<std::size_t>(limit)].maximum;
}

const char* ClientLimits::name(Limit limit) noexcept {
  return limits[static_cast<std::size_t>(limit)].name;
}

void ClientLimits::add(Limit limit, std::size_t amount) {
  const auto index = static_cast<std::size_t>(limit);
  const std::size_t maximum = limits[index].maximum;
  if (amount <= maximum - held_[index]) {
    held_[index] += amount;
    return;
  }
  const std::string text =
      std::string{"more than "} + std::to_string(maximum) + ' ' + limits[index].name;
  if (!std::exchange(logged_[index], true))
    log::warning("client with pid %d wants %s: disconnected", pid_, text.c_str());
  throw LimitExceeded{text};
}

void ClientLimits::subtract(Limit limit, std::size_t amount) noexcept {
  held_[static_cast<std::size_t>(limit)] -= amount;
}

std::shared_ptr<ClientLimits> ClientLimits::of(wl_client* client) {
  static_assert(std::is_standard_layout_v<Attached>);
  if (wl_listener* found = wl_client_get_destroy_listener(client, &Attached::client_destroyed))
    return reinterpret_cast<Attached*>(found)->limits;
  pid_t pid = 0;
  wl_client_get_credentials(client, &pid, nullptr, nullptr);
  auto attached = std::make_unique<Attached>();
  attached->limits = std::make_shared<ClientLimits>(pid);
  attached->destroyed.notify = &Attached::client_destroyed;
  auto limits_of_client = attached->limits;
  wl_client_add_destroy_listener(client, &attached.release()->destroyed);
  return limits_of_client;
}

}  // namespace demo
