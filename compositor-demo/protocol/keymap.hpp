// The keyboard layout: compiled once, shared by all clients through one sealed file.
#pragma once

#include <xkbcommon/xkbcommon.h>

#include <cstdint>
#include <memory>

#include <calloop/fd.hpp>

namespace demo {

// An xkb keymap and the file that clients map to read it.
class Keymap {
 public:
  // The layout that XKB_DEFAULT_RULES, _MODEL, _LAYOUT, _VARIANT and _OPTIONS ask for, by default
  // evdev, pc105 and us. If the environment asks for one that does not exist, a warning is logged
  // and the defaults are taken.
  // Throws std::runtime_error when not even those compile (no xkb data is installed) and
  // std::system_error when the file cannot be made.
  Keymap();

  [[nodiscard]] xkb_keymap* get() const noexcept { return keymap_.get(); }

  // A read-only memfd with the keymap as text, sealed: no client can change or shrink what the
  // others read. Can be mapped privately and shared (clients of wl_keyboard before version 7 may do
  // the latter). Valid as long as the Keymap.
  [[nodiscard]] int fd() const noexcept { return file_.get(); }

  // What wl_keyboard.keymap announces: bytes of text with the zero that ends it.
  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }

 private:
  struct Unref {
    void operator()(xkb_context* context) const noexcept { xkb_context_unref(context); }
    void operator()(xkb_keymap* keymap) const noexcept { xkb_keymap_unref(keymap); }
  };
  using ContextPtr = std::unique_ptr<xkb_context, Unref>;
  using KeymapPtr = std::unique_ptr<xkb_keymap, Unref>;

  static KeymapPtr compile(xkb_context_flags flags);

  KeymapPtr keymap_;
  calloop::OwnedFd file_;
  std::uint32_t size_ = 0;
};

}  // namespace demo
