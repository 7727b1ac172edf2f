#include "compositor-demo/protocol/display.hpp"

#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <tuple>
#include <utility>

#include <wayland-server-protocol.h>

#include "compositor-demo/log.hpp"
#include "compositor-demo/protocol/descriptor_count.hpp"
#include "compositor-demo/protocol/disconnect.hpp"
#include "compositor-demo/protocol/resource.hpp"

namespace demo {

namespace {

using namespace std::chrono_literals;

constexpr calloop::Duration check_interval = 1s;
constexpr calloop::Duration patience = 5s;
// libwayland's loop serves 32 events at once, and reads at most 28 descriptors for each.
constexpr std::size_t most_received_at_once = std::size_t{32} * 28;
// More than any program makes. (Tests are clients within our own process.)
constexpr std::size_t most_connections = 256;

struct DescriptorBudget {
  std::size_t limit;     // RLIMIT_NOFILE
  std::size_t reserved;  // for buffers, keymaps and clipboards of those who are connected
};

DescriptorBudget descriptor_budget() noexcept {
  struct rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return {1024, 128};
  const auto all = static_cast<std::size_t>(limit.rlim_cur);
  return {all, std::min<std::size_t>(all / 4, 2048)};
}

pid_t peer_of(int socket) noexcept {
  struct ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.pid : 0;
}

}  // namespace

Display::Client::Client(Display& display, wl_client* of)
    : client{of},
      id{++display.last_client_},
      registries{of, Limit::Bindings, 0},
      destroyed{[&display, of](void*) noexcept {
        const auto found = display.clients_.find(of);
        if (found == display.clients_.end())
          return;
        const auto count = display.connections_.find(found->second->pid);
        if (count != display.connections_.end() && --count->second == 0)
          display.connections_.erase(count);
        display.clients_.erase(found);
      }},
      resource_created{[&display, this](void* resource) noexcept {
        display.count_registry(*this, static_cast<wl_resource*>(resource));
      }} {
  wl_client_get_credentials(client, &pid, nullptr, nullptr);
}

Display::Display(const calloop::LoopHandle<>& loop, const std::string& socket)
    : display_{wl_display_create()},
      created_{[this](void* client) noexcept { client_created(static_cast<wl_client*>(client)); }} {
  if (!display_)
    throw std::runtime_error{"libwayland cannot create a display"};
  wl_display_add_client_created_listener(get(), created_.get());

  using calloop::wayland::ListeningSocket;
  ListeningSocket listening =
      socket.empty() ? ListeningSocket::open_first_free() : ListeningSocket::open(socket);
  socket_ = listening.name();
  serving_ = {loop,
              loop.insert_source(calloop::wayland::DisplaySource{get()},
                                 [this](calloop::wayland::ClientsServed) { check_descriptors(); },
                                 {.name = "wayland clients"})};
  listening_ = {loop, loop.insert_source(
                          calloop::wayland::ListeningSocketSource{std::move(listening)},
                          [this](calloop::OwnedFd connection) { connect(std::move(connection)); },
                          {.name = "wayland socket"})};
}

Display::~Display() {
  destroy_clients();
}

void Display::close_socket() noexcept {
  listening_.reset();
}

void Display::destroy_clients() noexcept {
  close_socket();
  serving_.reset();
  wl_display_destroy_clients(get());
}

// ---------------------------------------------------------------------------------- connections

// The kernel gives out the lowest free number: it says how many are in use.
const char* Display::reason_to_refuse(const calloop::OwnedFd& connection,
                                      pid_t pid) const noexcept {
  const DescriptorBudget budget = descriptor_budget();
  if (static_cast<std::size_t>(connection.get()) + budget.reserved >= budget.limit)
    return "descriptors are short";
  // A connection takes two descriptors: nobody gets more than half of all.
  const auto found = connections_.find(pid);
  if (found != connections_.end() && pid != ::getpid() &&
      found->second >= std::min(budget.limit / 4, most_connections))
    return "it has too many connections";
  return nullptr;
}

void Display::check_descriptors() noexcept {
  if (dispatches_unchecked_ != 0) {
    --dispatches_unchecked_;
    return;
  }
  const DescriptorBudget budget = descriptor_budget();
  const std::size_t allowed = budget.limit - budget.reserved / 2;
  const std::size_t used = open_descriptors();
  if (used < allowed) {
    dispatches_unchecked_ = (allowed - used) / most_received_at_once;
    return;
  }

  // Who sent them cannot be seen. Most likely it is who has the most connections, then who shows
  // nothing, then who came last.
  const auto suspicion = [this](const Client& client) {
    const auto count = connections_.find(client.pid);
    return std::tuple{count == connections_.end() ? 0 : count->second,
                      client.registries.limits()->held(Limit::Surfaces) == 0, client.id};
  };
  const auto suspect =
      std::max_element(clients_.begin(), clients_.end(), [&](const auto& one, const auto& other) {
        return suspicion(*one.second) < suspicion(*other.second);
      });
  if (suspect == clients_.end())
    return;
  const pid_t pid = suspect->second->pid;
  if (std::exchange(accused_, pid) != pid)
    log::warning("descriptors are short: client with pid %d is disconnected", pid);
  for (const auto& [client, state] : clients_)
    if (state->pid == pid)
      disconnect_soon(client);
}

void Display::connect(calloop::OwnedFd connection) {
  const pid_t pid = peer_of(connection.get());
  if (const char* reason = reason_to_refuse(connection, pid)) {
    if (!std::exchange(refusal_logged_, true))
      log::warning("client with pid %d refused: %s", pid, reason);
    return;
  }
  try {
    add_client(std::move(connection));
    refusal_logged_ = false;
  } catch (const std::system_error& error) {
    if (!std::exchange(refusal_logged_, true))
      log::warning("client with pid %d refused: %s", pid, error.code().message().c_str());
  }
}

ClientId Display::add_client(calloop::OwnedFd connection) {
  if (wl_client_create(get(), connection.get()) == nullptr)
    throw std::system_error{errno, std::generic_category(), "wl_client_create"};
  (void)connection.release();  // it is the wl_client's
  return ClientId{last_client_};
}

wl_client* Display::find(ClientId client) const noexcept {
  const auto found = std::ranges::find_if(
      clients_, [client](const auto& entry) { return entry.second->id == client; });
  return found == clients_.end() ? nullptr : found->first;
}

void Display::client_created(wl_client* client) noexcept {
  try {
    auto entry = std::make_unique<Client>(*this, client);
    Client& stored = *entry;
    ++connections_[stored.pid];
    clients_.emplace(client, std::move(entry));
    wl_client_add_destroy_listener(client, stored.destroyed.get());
    wl_client_add_resource_created_listener(client, stored.resource_created.get());
  } catch (...) {
    disconnect_soon(client);
  }
}

// A wl_registry can be created, but not destroyed, and every one of them hears of every global.
void Display::count_registry(Client& client, wl_resource* resource) noexcept {
  if (std::strcmp(wl_resource_get_class(resource), wl_registry_interface.name) != 0)
    return;
  serve(client.client, [&] { client.registries.resize(client.registries.amount() + 1); });
}

void Display::check_reading(wl_client* client, calloop::TimePoint now) noexcept {
  const auto found = clients_.find(client);
  if (found == clients_.end())
    return;
  Client& state = *found->second;
  if (state.given_up || (state.checked && now - *state.checked < check_interval))
    return;
  state.checked = now;
  struct pollfd writable{wl_client_get_fd(client), POLLOUT, 0};
  if (::poll(&writable, 1, 0) != 0) {
    state.stuck_since.reset();
    return;
  }
  if (!state.stuck_since)
    state.stuck_since = now;
  if (now - *state.stuck_since < patience)
    return;
  state.given_up = true;
  log::warning("client with pid %d does not read its events: disconnected", state.pid);
  disconnect_soon(client);
}

}  // namespace demo
