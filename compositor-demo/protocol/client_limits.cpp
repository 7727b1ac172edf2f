#include "compositor-demo/protocol/client_limits.hpp"

#include <type_traits>
#include <unordered_map>

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
    {"rectangles in regions", 65536},
    {"shm pools", 1024},
    {"buffers", 16384},
    // foot alone maps 512 MiB for each window, most of it never touched. The pages are the
    // client's; what is limited here is our address space.
    {"bytes of shared memory", std::size_t{64} << 30},
    {"frame callbacks waiting", 16384},
    {"bound globals", 1024},
    {"bytes of data formats", 262144},
    {"objects", 16384},
}};

// Something that hangs on a wl_client or wl_display and ends with it. It is found by the notify
// function of its listener.
template <class T>
struct Attached {
  wl_listener destroyed;
  T value;

  static void owner_destroyed(wl_listener* listener, void* /*owner*/) noexcept {
    static_assert(std::is_standard_layout_v<Attached>, "found by the address of its first member");
    const std::unique_ptr<Attached> self{reinterpret_cast<Attached*>(listener)};
    wl_list_remove(&listener->link);
  }
  static T& of(wl_listener* listener) noexcept {
    return reinterpret_cast<Attached*>(listener)->value;
  }
};
using LimitsOfClient = Attached<std::shared_ptr<ClientLimits>>;
using ByProcess = std::unordered_map<pid_t, std::weak_ptr<Holdings>>;
using Processes = Attached<std::shared_ptr<ByProcess>>;

template <class T>
std::unique_ptr<Attached<T>> make_attached(T value) {
  return std::unique_ptr<Attached<T>>{
      new Attached<T>{{{}, &Attached<T>::owner_destroyed}, std::move(value)}};
}

std::shared_ptr<Holdings> holdings_of(wl_display* display, pid_t pid) {
  wl_listener* listener = wl_display_get_destroy_listener(display, &Processes::owner_destroyed);
  if (listener == nullptr) {
    listener = &make_attached(std::make_shared<ByProcess>()).release()->destroyed;
    wl_display_add_destroy_listener(display, listener);
  }
  ByProcess& processes = *Processes::of(listener);
  if (const auto found = processes.find(pid); found != processes.end())
    if (auto known = found->second.lock())
      return known;
  std::erase_if(processes, [](const auto& process) { return process.second.expired(); });
  auto holdings = std::make_shared<Holdings>();
  processes.emplace(pid, holdings);
  return holdings;
}

}  // namespace

std::size_t ClientLimits::maximum(Limit limit) noexcept {
  return limits[static_cast<std::size_t>(limit)].maximum;
}

const char* ClientLimits::name(Limit limit) noexcept {
  return limits[static_cast<std::size_t>(limit)].name;
}

void ClientLimits::add(Limit limit, std::size_t amount) {
  const auto index = static_cast<std::size_t>(limit);
  const std::size_t most = maximum(limit);
  const std::size_t most_of_process = most * clients_per_process;
  std::size_t& of_process = (*of_process_)[index];
  const bool alone = amount > most - held_[index];
  if (!alone && amount <= most_of_process - of_process) {
    held_[index] += amount;
    of_process += amount;
    return;
  }
  const std::string text = "more than " + std::to_string(alone ? most : most_of_process) + ' ' +
                           limits[index].name + (alone ? "" : " with all its connections");
  if (!std::exchange(logged_[index], true))
    log::warning("client with pid %d wants %s: disconnected", pid_, text.c_str());
  throw LimitExceeded{text};
}

void ClientLimits::subtract(Limit limit, std::size_t amount) noexcept {
  const auto index = static_cast<std::size_t>(limit);
  held_[index] -= amount;
  (*of_process_)[index] -= amount;
}

std::shared_ptr<ClientLimits> ClientLimits::of(wl_client* client) {
  if (wl_listener* found = wl_client_get_destroy_listener(client, &LimitsOfClient::owner_destroyed))
    return LimitsOfClient::of(found);
  pid_t pid = 0;
  wl_client_get_credentials(client, &pid, nullptr, nullptr);
  auto limits_of_client =
      std::make_shared<ClientLimits>(pid, holdings_of(wl_client_get_display(client), pid));
  wl_client_add_destroy_listener(client, &make_attached(limits_of_client).release()->destroyed);
  return limits_of_client;
}

}  // namespace demo
