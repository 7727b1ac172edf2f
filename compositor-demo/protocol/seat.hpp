// wl_seat: one user with a pointer and a keyboard, and perhaps a touch screen. The first two are
// always there, also without devices: many clients give up on a seat that has no keyboard.
//
// Who has the focus is decided by the owner; the seat tells the clients. Outlives its clients:
// destroy the clients, then this, then the display.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <wayland-server-core.h>

#include <calloop/adapters/wayland_server.hpp>

#include "compositor-demo/protocol/client_limits.hpp"
#include "compositor-demo/protocol/input_serials.hpp"
#include "compositor-demo/protocol/keyboard.hpp"
#include "compositor-demo/protocol/pointer.hpp"
#include "compositor-demo/protocol/resource.hpp"
#include "compositor-demo/protocol/surface.hpp"
#include "compositor-demo/protocol/touch.hpp"

namespace demo {

class Seat {
 public:
  // Somebody whose business is with the client that has the keyboard: the clipboard.
  class FocusObserver {
   public:
    // Called before the client hears that it has the focus; null: nobody has.
    virtual void keyboard_client_changed(wl_client* client) = 0;

   protected:
    ~FocusObserver() = default;
  };

  // Advertises wl_seat 8 with the name "seat0". Throws what Keymap's constructor throws, and
  // std::runtime_error if libwayland cannot.
  explicit Seat(wl_display* display);
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;

  // Whose surface gets the keys; null: nobody's. A surface that is destroyed loses the focus by
  // itself, silently.
  void set_keyboard_focus(Surface* surface);
  // Null, or the client that keyboard_client_changed was called with last, if it still lives.
  wl_client* keyboard_client() const noexcept { return keyboard_client_; }
  // It must outlive its being observed.
  void observe_focus(FocusObserver& observer) { observers_.push_back(&observer); }
  void ignore_focus(FocusObserver& observer) noexcept { std::erase(observers_, &observer); }

  Pointer& pointer() noexcept { return pointer_; }
  const Pointer& pointer() const noexcept { return pointer_; }
  // Whether there is a touch screen: clients are told when it comes and goes.
  void set_has_touch(bool has_touch);
  Touch& touch() noexcept { return touch_; }
  Keyboard& keyboard() noexcept { return keyboard_; }
  const Keyboard& keyboard() const noexcept { return keyboard_; }
  // Whether this client may act for the user with the serial it gives.
  const InputSerials& serials() const noexcept { return serials_; }
  InputSerials& serials() noexcept { return serials_; }

  void bind(wl_client* client, int version, std::uint32_t id);

 private:
  // What a client's wl_seat is to us.
  class Resource {
   public:
    Resource(Seat& seat, wl_resource* resource);
    Resource(const Resource&) = delete;
    Resource& operator=(const Resource&) = delete;
    ~Resource() { std::erase(seat_.resources_, resource_); }
    void get_pointer(wl_resource* resource, std::uint32_t id);
    void get_keyboard(wl_resource* resource, std::uint32_t id);
    void get_touch(wl_resource* resource, std::uint32_t id);

    static const struct wl_seat_interface requests;

   private:
    Seat& seat_;
    wl_resource* resource_;
    Charge charge_;
  };

  void focus_client_changed(wl_client* client);
  void send_capabilities(wl_resource* resource) const noexcept;

  InputSerials serials_;
  Pointer pointer_;
  Keyboard keyboard_;
  Touch touch_;
  bool has_touch_ = false;
  bool had_touch_ = false;  // now or before
  std::vector<wl_resource*> resources_;
  wl_client* keyboard_client_ = nullptr;
  calloop::wayland::Listener keyboard_client_gone_;
  std::vector<FocusObserver*> observers_;
  Global global_;
};

}  // namespace demo
