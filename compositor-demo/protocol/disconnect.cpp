#include "compositor-demo/protocol/disconnect.hpp"

#include <memory>
#include <new>
#include <type_traits>

namespace demo {

namespace {

// Hangs on the client; ends with it, however that comes.
struct Doom {
  wl_listener destroyed;
  wl_client* client;
  wl_event_source* idle;

  static void client_destroyed(wl_listener* listener, void* /*client*/) noexcept {
    const std::unique_ptr<Doom> self{reinterpret_cast<Doom*>(listener)};
    wl_list_remove(&listener->link);
    if (self->idle != nullptr)
      wl_event_source_remove(self->idle);
  }
  static void run(void* data) noexcept {
    auto* const self = static_cast<Doom*>(data);
    self->idle = nullptr;  // libwayland removes an idle source that has run
    wl_client_destroy(self->client);
  }
};

}  // namespace

bool disconnect_soon(wl_client* client) noexcept {
  static_assert(std::is_standard_layout_v<Doom>, "found by the address of its first member");
  if (wl_client_get_destroy_listener(client, &Doom::client_destroyed) != nullptr)
    return false;
  std::unique_ptr<Doom> doom{new (std::nothrow) Doom{{{}, &Doom::client_destroyed}, client, {}}};
  if (!doom)
    return true;
  wl_event_loop* const loop = wl_display_get_event_loop(wl_client_get_display(client));
  doom->idle = wl_event_loop_add_idle(loop, &Doom::run, doom.get());
  if (doom->idle != nullptr)
    wl_client_add_destroy_listener(client, &doom.release()->destroyed);
  return true;
}

}  // namespace demo
