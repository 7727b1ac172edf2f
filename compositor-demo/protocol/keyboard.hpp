// wl_keyboard: the keys that are down, the modifiers they make, and the client that hears of them.
#pragma once

#include <xkbcommon/xkbcommon.h>

#include <cstdint>
#include <memory>
#include <vector>

#include <wayland-server-core.h>

#include "compositor-demo/protocol/client_limits.hpp"
#include "compositor-demo/protocol/input_serials.hpp"
#include "compositor-demo/protocol/keymap.hpp"
#include "compositor-demo/protocol/surface.hpp"
#include "compositor-demo/protocol/surface_watch.hpp"

namespace demo {

// The keyboard of the seat. There even when nobody has plugged one in: clients expect one.
class Keyboard {
 public:
  // Throws what Keymap's constructor throws.
  explicit Keyboard(InputSerials& serials);
  Keyboard(const Keyboard&) = delete;
  Keyboard& operator=(const Keyboard&) = delete;

  // Answers wl_seat.get_keyboard.
  void create_resource(wl_client* client, int version, std::uint32_t id);

  // Sends leave and enter; null: nobody hears the keys.
  void set_focus(Surface* surface);
  Surface* focus() const noexcept { return focus_.get(); }

  // A key of linux/input-event-codes.h went down or up. Repeated presses and releases of keys that
  // are not down are ignored. Repeating held keys is the clients' business.
  void key(std::uint32_t key, bool pressed, std::uint32_t milliseconds);
  // Every key goes up, as when the devices are taken away.
  void release_all(std::uint32_t milliseconds);

  const Keymap& keymap() const noexcept { return keymap_; }
  // Whether a modifier of this name (XKB_MOD_NAME_*) changes what a key means now.
  bool modifier_active(const char* name) const noexcept;
  // A bit for each LED that is to be lit: 1 num lock, 2 caps lock, 4 scroll lock.
  std::uint32_t leds() const noexcept;

 private:
  // What a client's wl_keyboard is to us.
  class Resource {
   public:
    Resource(Keyboard& keyboard, wl_resource* resource);
    Resource(const Resource&) = delete;
    Resource& operator=(const Resource&) = delete;
    ~Resource();

   private:
    Keyboard& keyboard_;
    wl_resource* resource_;
    Charge charge_;
  };
  struct Modifiers {
    std::uint32_t depressed = 0;
    std::uint32_t latched = 0;
    std::uint32_t locked = 0;
    std::uint32_t group = 0;
    bool operator==(const Modifiers&) const noexcept = default;
  };
  struct UnrefState {
    void operator()(xkb_state* state) const noexcept { xkb_state_unref(state); }
  };

  Modifiers modifiers() const noexcept;
  bool is_focused(wl_resource* resource) const noexcept;
  void send_enter(wl_resource* resource, Surface& surface, std::uint32_t serial);
  void send_modifiers(wl_resource* resource, std::uint32_t serial);

  InputSerials& serials_;
  Keymap keymap_;
  std::unique_ptr<xkb_state, UnrefState> state_;
  std::vector<wl_resource*> resources_;  // of all clients
  std::vector<wl_resource*> focused_;    // those of the client with the focus
  SurfaceWatch focus_{[this] { focused_.clear(); }};
  std::vector<std::uint32_t> pressed_;
};

}  // namespace demo
