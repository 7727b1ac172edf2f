#include "compositor-demo/protocol/keyboard.hpp"

#include <linux/input-event-codes.h>

#include <algorithm>
#include <new>
#include <span>

#include "compositor-demo/protocol/resource.hpp"
#include "compositor-demo/protocol/wire_array.hpp"

namespace demo {
namespace {

// Characters per second, and milliseconds until the first.
constexpr std::int32_t repeat_rate = 25;
constexpr std::int32_t repeat_delay = 600;
// xkb's key codes are those of X11: evdev's plus this.
constexpr std::uint32_t xkb_offset = 8;

const struct wl_keyboard_interface wl_keyboard_requests = {.release = destroy_resource};

}  // namespace

Keyboard::Resource::Resource(Keyboard& keyboard, wl_resource* resource)
    : keyboard_{keyboard},
      resource_{resource},
      charge_{wl_resource_get_client(resource), Limit::Objects} {
  keyboard_.resources_.push_back(resource_);
}

Keyboard::Resource::~Resource() {
  std::erase(keyboard_.resources_, resource_);
  std::erase(keyboard_.focused_, resource_);
}

Keyboard::Keyboard(InputSerials& serials)
    : serials_{serials}, state_{xkb_state_new(keymap_.get())} {
  if (!state_)
    throw std::bad_alloc{};
}

void Keyboard::create_resource(wl_client* client, int version, std::uint32_t id) {
  wl_resource* resource = demo::create_resource(client, &wl_keyboard_interface, version, id);
  give_object(resource, &wl_keyboard_requests, std::make_unique<Resource>(*this, resource));
  wl_keyboard_send_keymap(resource, WL_KEYBOARD_KEYMAP_FORMAT_XKB_V1, keymap_.fd(), keymap_.size());
  if (version >= WL_KEYBOARD_REPEAT_INFO_SINCE_VERSION)
    wl_keyboard_send_repeat_info(resource, repeat_rate, repeat_delay);
  if (is_focused(resource)) {
    focused_.push_back(resource);
    send_enter(resource, *focus(), serials_.next(client));
  }
}

bool Keyboard::is_focused(wl_resource* resource) const noexcept {
  return focus() != nullptr && wl_resource_get_client(resource) == focus()->client();
}

void Keyboard::set_focus(Surface* surface) {
  if (surface == focus())
    return;
  if (Surface* const left = focus()) {
    const std::uint32_t serial = serials_.next(left->client());
    for (wl_resource* resource : focused_)
      wl_keyboard_send_leave(resource, serial, left->resource());
  }
  focused_.clear();
  focus_.watch(surface);
  if (surface == nullptr)
    return;
  const std::uint32_t serial = serials_.next(surface->client());
  for (wl_resource* resource : resources_) {
    if (!is_focused(resource))
      continue;
    focused_.push_back(resource);
    send_enter(resource, *surface, serial);
  }
}

void Keyboard::send_enter(wl_resource* resource, Surface& surface, std::uint32_t serial) {
  wl_array keys = wire_array(std::span{pressed_});
  wl_keyboard_send_enter(resource, serial, surface.resource(), &keys);
  send_modifiers(resource, serial);
}

void Keyboard::send_modifiers(wl_resource* resource, std::uint32_t serial) {
  const Modifiers now = modifiers();
  wl_keyboard_send_modifiers(resource, serial, now.depressed, now.latched, now.locked, now.group);
}

Keyboard::Modifiers Keyboard::modifiers() const noexcept {
  return {.depressed = xkb_state_serialize_mods(state_.get(), XKB_STATE_MODS_DEPRESSED),
          .latched = xkb_state_serialize_mods(state_.get(), XKB_STATE_MODS_LATCHED),
          .locked = xkb_state_serialize_mods(state_.get(), XKB_STATE_MODS_LOCKED),
          .group = xkb_state_serialize_layout(state_.get(), XKB_STATE_LAYOUT_EFFECTIVE)};
}

void Keyboard::key(std::uint32_t key, bool pressed, std::uint32_t milliseconds) {
  const auto down = std::find(pressed_.begin(), pressed_.end(), key);
  if ((down != pressed_.end()) == pressed || key > KEY_MAX)
    return;
  if (pressed) {
    pressed_.push_back(key);
  } else {
    pressed_.erase(down);
  }
  const Modifiers before = modifiers();
  xkb_state_update_key(state_.get(), key + xkb_offset, pressed ? XKB_KEY_DOWN : XKB_KEY_UP);
  const bool changed = modifiers() != before;
  if (focus() == nullptr)
    return;
  const std::uint32_t serial = serials_.next(focus()->client());
  for (wl_resource* resource : focused_) {
    wl_keyboard_send_key(resource, serial, milliseconds, key,
                         pressed ? WL_KEYBOARD_KEY_STATE_PRESSED : WL_KEYBOARD_KEY_STATE_RELEASED);
    if (changed)
      send_modifiers(resource, serial);
  }
}

bool Keyboard::modifier_active(const char* name) const noexcept {
  return xkb_state_mod_name_is_active(state_.get(), name, XKB_STATE_MODS_EFFECTIVE) > 0;
}

std::uint32_t Keyboard::leds() const noexcept {
  std::uint32_t leds = 0;
  std::uint32_t bit = 1;
  for (const char* const name : {XKB_LED_NAME_NUM, XKB_LED_NAME_CAPS, XKB_LED_NAME_SCROLL}) {
    if (xkb_state_led_name_is_active(state_.get(), name) > 0)
      leds |= bit;
    bit <<= 1;
  }
  return leds;
}

void Keyboard::release_all(std::uint32_t milliseconds) {
  while (!pressed_.empty())
    key(pressed_.back(), false, milliseconds);
}

}  // namespace demo
