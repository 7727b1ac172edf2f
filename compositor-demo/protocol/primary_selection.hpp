// zwp_primary_selection: what the user has marked, and pastes with the middle button.
#pragma once

#include <cstdint>

#include <wayland-server-core.h>

#include "compositor-demo/protocol/client_limits.hpp"
#include "compositor-demo/protocol/resource.hpp"
#include "compositor-demo/protocol/selection.hpp"

namespace demo {

// Outlives its clients: destroy the clients, then this, then the seat.
class PrimarySelection {
 public:
  // Advertises zwp_primary_selection_device_manager_v1. Throws std::runtime_error.
  PrimarySelection(wl_display* display, Seat& seat);
  PrimarySelection(const PrimarySelection&) = delete;
  PrimarySelection& operator=(const PrimarySelection&) = delete;

  void bind(wl_client* client, int version, std::uint32_t id);

 private:
  friend class PrimarySelectionBinding;

  Selection selection_;
  Global global_;
};

// What a client bound of it.
class PrimarySelectionBinding {
 public:
  PrimarySelectionBinding(PrimarySelection& owner, wl_client* client)
      : owner_{owner}, charge_{client, Limit::Bindings} {}
  void create_source(wl_resource* resource, std::uint32_t id);
  void get_device(wl_resource* resource, std::uint32_t id, wl_resource* seat);

 private:
  PrimarySelection& owner_;
  Charge charge_;
};

}  // namespace demo
