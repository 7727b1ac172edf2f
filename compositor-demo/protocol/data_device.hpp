// wl_data_device_manager: the clipboard, and drag-and-drop.
#pragma once

#include <cstdint>
#include <vector>

#include <wayland-server-core.h>

#include "compositor-demo/protocol/client_limits.hpp"
#include "compositor-demo/protocol/drag.hpp"
#include "compositor-demo/protocol/resource.hpp"
#include "compositor-demo/protocol/selection.hpp"

namespace demo {

class DataDeviceManager;

// wl_data_device: through which a client hears of both.
class DataDevice final : public Selection::Device {
 public:
  DataDevice(DataDeviceManager& manager, wl_resource* resource);
  ~DataDevice();

  using Selection::Device::resource;

  // Requests.
  void start_drag(wl_resource* resource, wl_resource* source, wl_resource* origin,
                  wl_resource* icon, std::uint32_t serial);
  void set_selection(wl_resource* source, std::uint32_t serial);

 private:
  void send_selection(SelectionSource* source) override;

  DataDeviceManager& manager_;
};

// The global. Outlives its clients: destroy the clients, then this, then the seat.
class DataDeviceManager {
 public:
  // Advertises wl_data_device_manager. Throws std::runtime_error if libwayland cannot.
  DataDeviceManager(wl_display* display, Seat& seat);
  DataDeviceManager(const DataDeviceManager&) = delete;
  DataDeviceManager& operator=(const DataDeviceManager&) = delete;

  // Null: nothing is on the clipboard.
  const SelectionSource* selection() const noexcept { return clipboard_.current(); }
  Drag& drag() noexcept { return drag_; }
  const Drag& drag() const noexcept { return drag_; }

  void bind(wl_client* client, int version, std::uint32_t id);

 private:
  friend class DataDevice;
  // What a client's wl_data_device_manager is to us.
  class Resource {
   public:
    Resource(DataDeviceManager& manager, wl_client* client)
        : manager_{manager}, charge_{client, Limit::Bindings} {}
    void create_data_source(wl_resource* resource, std::uint32_t id);
    void get_data_device(wl_resource* resource, std::uint32_t id, wl_resource* seat);

    static const struct wl_data_device_manager_interface requests;

   private:
    DataDeviceManager& manager_;
    Charge charge_;
  };

  Selection clipboard_;
  std::vector<DataDevice*> devices_;  // of all clients
  Drag drag_;
  Global global_;
};

}  // namespace demo
