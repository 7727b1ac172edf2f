// wl_seat: one user with a pointer and a keyboard. Both are always there, also without devices:
// many clients give up on a seat that has no keyboard.
//
// Who has the focus is decided by the owner; the seat tells the clients. Outlives its clients:
// destroy the clients, then this, then the display.
#pragma once

#include <cstdint>
#include <memory>

#include <wayland-server-core.h>

#include <calloop/adapters/wayland_server.hpp>

#include "compositor-demo/protocol/client_limits.hpp"
#include "compositor-demo/protocol/input_serials.hpp"
#include "compositor-demo/protocol/keyboard.hpp"
#include "compositor-demo/protocol/pointer.hpp"
#include "compositor-demo/protocol/resource.hpp"
#include "compositor-demo/protocol/surface.hpp"

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
  // At most one. It must outlive its being observed.
  void observe_focus(FocusObserver* observer) noexcept { observer_ = observer; }

  Pointer& pointer() noexcept { return pointer_; }
  const Pointer& pointer() const noexcept { return pointer_; }
  Keyboard& keyboard() noexcept { return keyboard_; }
  const Keyboard& keyboard() const noexcept { return keyboard_; }
  // Whether this client may act for the user with the serial it gives.
  const InputSerials& serials() const noexcept { return serials_; }

  void bind(wl_client* client, int version, std::uint32_t id);

 private:
  // What a client's wl_seat is to us.
  class Resource {
   public:
    Resource(Seat& seat, wl_client* client) : seat_{seat}, charge_{client, Limit::Bindings} {}
    void get_pointer(wl_resource* resource, std::uint32_t id);
    void get_keyboard(wl_resource* resource, std::uint32_t id);
    void get_touch(wl_resource* resource, std::uint32_t id);

    static const struct wl_seat_interface requests;

   private:
    Seat& seat_;
    Charge charge_;
  };

  void focus_client_changed(wl_client* client);

  InputSerials serials_;
  Pointer pointer_;
  Keyboard keyboard_;
  wl_client* keyboard_client_ = nullptr;
  calloop::wayland::Listener keyboard_client_gone_;
  FocusObserver* observer_ = nullptr;
  Global global_;
};

}  // namespace demo
