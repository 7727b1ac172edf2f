// Client-side objects that say good-bye to the compositor when they go out of scope.
#pragma once

#include <memory>

#include <wayland-client.h>

#include "xdg-shell-client-protocol.h"

namespace clients {

struct Destroy {
  void operator()(wl_buffer* object) const noexcept { wl_buffer_destroy(object); }
  void operator()(wl_callback* object) const noexcept { wl_callback_destroy(object); }
  void operator()(wl_compositor* object) const noexcept { wl_compositor_destroy(object); }
  void operator()(wl_data_device* object) const noexcept { wl_data_device_release(object); }
  void operator()(wl_data_device_manager* object) const noexcept {
    wl_data_device_manager_destroy(object);
  }
  void operator()(wl_data_offer* object) const noexcept { wl_data_offer_destroy(object); }
  void operator()(wl_data_source* object) const noexcept { wl_data_source_destroy(object); }
  void operator()(wl_keyboard* object) const noexcept { wl_keyboard_release(object); }
  void operator()(wl_output* object) const noexcept { wl_output_release(object); }
  void operator()(wl_region* object) const noexcept { wl_region_destroy(object); }
  void operator()(wl_registry* object) const noexcept { wl_registry_destroy(object); }
  void operator()(wl_seat* object) const noexcept { wl_seat_release(object); }
  void operator()(wl_shm* object) const noexcept { wl_shm_destroy(object); }
  void operator()(wl_shm_pool* object) const noexcept { wl_shm_pool_destroy(object); }
  void operator()(wl_subcompositor* object) const noexcept { wl_subcompositor_destroy(object); }
  void operator()(wl_subsurface* object) const noexcept { wl_subsurface_destroy(object); }
  void operator()(wl_surface* object) const noexcept { wl_surface_destroy(object); }
  void operator()(xdg_popup* object) const noexcept { xdg_popup_destroy(object); }
  void operator()(xdg_positioner* object) const noexcept { xdg_positioner_destroy(object); }
  void operator()(xdg_surface* object) const noexcept { xdg_surface_destroy(object); }
  void operator()(xdg_toplevel* object) const noexcept { xdg_toplevel_destroy(object); }
  void operator()(xdg_wm_base* object) const noexcept { xdg_wm_base_destroy(object); }
};

// Must go before its Connection.
template <class T>
using Owned = std::unique_ptr<T, Destroy>;

}  // namespace clients
