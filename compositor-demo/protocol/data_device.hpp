// wl_data_device_manager: the clipboard, which the client with the keyboard may read and set.
//
// Drag-and-drop does not start: its requests are checked, and the source is told that the operation
// was cancelled.
#pragma once

#include <cstdint>
#include <vector>

#include <wayland-server-core.h>

#include "compositor-demo/protocol/backlog.hpp"
#include "compositor-demo/protocol/client_limits.hpp"
#include "compositor-demo/protocol/data_source.hpp"
#include "compositor-demo/protocol/resource.hpp"
#include "compositor-demo/protocol/seat.hpp"

namespace demo {

// Outlives its clients: destroy the clients, then this, then the seat.
class DataDeviceManager final : private Seat::FocusObserver, private DataSourceUser {
 public:
  // Advertises wl_data_device_manager. Throws std::runtime_error if libwayland cannot.
  DataDeviceManager(wl_display* display, Seat& seat);
  DataDeviceManager(const DataDeviceManager&) = delete;
  DataDeviceManager& operator=(const DataDeviceManager&) = delete;
  ~DataDeviceManager();

  // Null: nothing is on the clipboard.
  const DataSource* selection() const noexcept { return selection_; }

  void bind(wl_client* client, int version, std::uint32_t id);

 private:
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
  // What a client's wl_data_device is to us.
  class Device {
   public:
    Device(DataDeviceManager& manager, wl_resource* resource);
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;
    ~Device();

    wl_client* client() const noexcept { return wl_resource_get_client(resource_); }
    void send_selection(DataSource* source);

    void start_drag(wl_resource* resource, wl_resource* source, wl_resource* origin,
                    wl_resource* icon, std::uint32_t serial);
    void set_selection(wl_resource* source, std::uint32_t serial);

    static const struct wl_data_device_interface requests;

   private:
    DataDeviceManager& manager_;
    wl_resource* resource_;
    Charge charge_;
  };

  bool may_set_selection(const wl_client* client, std::uint32_t& serial) const noexcept;
  void set_selection(DataSource* source, std::uint32_t serial);
  // To the client with the keyboard, when it has read what it was told before: at once, or when all
  // requests of this turn are served, so that many changes are one.
  void announce_selection() noexcept;
  void announce_selection_soon();

  void keyboard_client_changed(wl_client* client) override;
  void source_destroyed(DataSource& source) noexcept override;

  wl_display* display_;
  Seat& seat_;
  std::vector<Device*> devices_;  // of all clients
  DataSource* selection_ = nullptr;
  std::uint32_t selection_serial_ = 0;
  bool was_set_ = false;  // selection_serial_ is one
  Retry retry_;
  wl_event_source* announcement_ = nullptr;  // libwayland's idle callback
  Global global_;
};

}  // namespace demo
