// Something of which there is one per seat, that the client with the keyboard may read and set: the
// clipboard, or the primary selection.
#pragma once

#include <cstdint>
#include <vector>

#include <wayland-server-core.h>

#include "compositor-demo/protocol/backlog.hpp"
#include "compositor-demo/protocol/seat.hpp"
#include "compositor-demo/protocol/selection_source.hpp"

namespace demo {

// Outlives its clients: destroy the clients, then this, then the seat.
class Selection final : private Seat::FocusObserver, private SelectionSourceUser {
 public:
  // The object of a client through which it hears of the selection.
  class Device {
   public:
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;
    wl_client* client() const noexcept { return wl_resource_get_client(resource_); }

   protected:
    // Throws LimitExceeded if the client has too many of them.
    Device(Selection& selection, wl_resource* resource);
    ~Device();
    wl_resource* resource() const noexcept { return resource_; }
    // To be called when all of it is made: tells the client what there is, if it may know.
    void made();
    // Makes it the selection; null: there is none. Who may not is told so.
    void set_selection(SelectionSource* source, std::uint32_t serial);

   private:
    friend class Selection;
    // Introduces an offer of this source, and says that it is the selection; null: there is none.
    virtual void send_selection(SelectionSource* source) = 0;

    Selection& selection_;
    wl_resource* resource_;
    Charge charge_;
  };

  // Throws std::bad_alloc.
  Selection(wl_display* display, Seat& seat);
  Selection(const Selection&) = delete;
  Selection& operator=(const Selection&) = delete;
  ~Selection();

  // Null: there is none.
  const SelectionSource* current() const noexcept { return current_; }

 private:
  bool may_set(const wl_client* client, std::uint32_t& serial) const noexcept;
  void set(SelectionSource* source, std::uint32_t serial);
  // To the client with the keyboard, when it has read what it was told before: at once, or when all
  // requests of this turn are served, so that many changes are one.
  void announce() noexcept;
  void announce_soon();

  void keyboard_client_changed(wl_client* client) override;
  void source_destroyed(SelectionSource& source) noexcept override;

  wl_display* display_;
  Seat& seat_;
  std::vector<Device*> devices_;  // of all clients
  SelectionSource* current_ = nullptr;
  std::uint32_t serial_ = 0;
  bool was_set_ = false;  // serial_ is one
  Retry retry_;
  wl_event_source* announcement_ = nullptr;  // libwayland's idle callback
};

}  // namespace demo
