#include "compositor-demo/protocol/data_device.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include <wayland-server-protocol.h>

#include "compositor-demo/log.hpp"
#include "compositor-demo/protocol/backlog.hpp"
#include "compositor-demo/protocol/data_offer.hpp"
#include "compositor-demo/protocol/surface.hpp"

namespace demo {
namespace {

constexpr int version = 3;
// Each is told of the selection; clients have one for each seat.
constexpr std::ptrdiff_t max_devices = 8;
constexpr std::string_view icon_role = "wl_data_device icon";

// Serials count upwards and wrap around.
bool older(std::uint32_t left, std::uint32_t right) noexcept {
  return static_cast<std::int32_t>(left - right) < 0;
}

}  // namespace

const struct wl_data_device_manager_interface DataDeviceManager::Resource::requests = {
    .create_data_source = request<&DataDeviceManager::Resource::create_data_source>,
    .get_data_device = request<&DataDeviceManager::Resource::get_data_device>,
};

const struct wl_data_device_interface DataDeviceManager::Device::requests = {
    .start_drag = request<&DataDeviceManager::Device::start_drag>,
    .set_selection = request<&DataDeviceManager::Device::set_selection>,
    .release = destroy_resource,
};

DataDeviceManager::DataDeviceManager(wl_display* display, Seat& seat)
    : display_{display},
      seat_{seat},
      retry_{display, [this] { announce_selection(); }},
      global_{make_global<&DataDeviceManager::bind>(display, &wl_data_device_manager_interface,
                                                    version, *this)} {
  seat_.observe_focus(this);
}

DataDeviceManager::~DataDeviceManager() {
  seat_.observe_focus(nullptr);
}

void DataDeviceManager::bind(wl_client* client, int bound_version, std::uint32_t id) {
  wl_resource* resource =
      create_resource(client, &wl_data_device_manager_interface, bound_version, id);
  give_object(resource, &Resource::requests, std::make_unique<Resource>(*this, client));
}

// --- the clipboard

// The client with the keyboard acts for the user. So does, once for each event, one that answers an
// event it got lately: it may have lost the keyboard meanwhile. Who answers an older event than the
// one that set the selection is too late. An empty clipboard may be filled by anybody: nobody loses
// anything, and clients without a window can be pasted from.
bool DataDeviceManager::may_set_selection(const wl_client* client,
                                          std::uint32_t& serial) const noexcept {
  const bool has_keyboard = client == seat_.keyboard_client();
  if (!seat_.serials().sent_to(client, serial)) {
    if (!has_keyboard && selection_ != nullptr)
      return false;
    serial = seat_.serials().latest();
  }
  return !was_set_ || older(selection_serial_, serial) ||
         (has_keyboard && serial == selection_serial_);
}

void DataDeviceManager::set_selection(DataSource* source, std::uint32_t serial) {
  announce_selection_soon();
  selection_serial_ = serial;
  was_set_ = true;
  DataSource* const replaced = std::exchange(selection_, source);
  if (replaced != nullptr && replaced != source)
    replaced->cancel();
  if (source != nullptr)
    source->use_as_selection(*this);
}

void DataDeviceManager::announce_selection_soon() {
  if (announcement_ != nullptr || seat_.keyboard_client() == nullptr)
    return;
  const auto announce = [](void* self) {
    static_cast<DataDeviceManager*>(self)->announcement_ = nullptr;  // it runs once
    static_cast<DataDeviceManager*>(self)->announce_selection();
  };
  announcement_ = wl_event_loop_add_idle(wl_display_get_event_loop(display_), announce, this);
  if (announcement_ == nullptr)
    throw std::bad_alloc{};
}

void DataDeviceManager::announce_selection() noexcept {
  if (announcement_ != nullptr)
    wl_event_source_remove(std::exchange(announcement_, nullptr));
  retry_.stop();
  wl_client* const client = seat_.keyboard_client();
  if (client == nullptr)
    return;
  // Others may set selection after selection while this one is busy.
  if (!has_room(client)) {
    retry_.start();
    return;
  }
  // What goes wrong here is that client's trouble, not the caller's.
  serve(client, [&] {
    for (Device* device : devices_)
      if (device->client() == client)
        device->send_selection(selection_);
  });
}

void DataDeviceManager::keyboard_client_changed(wl_client* /*client*/) {
  announce_selection();
}

void DataDeviceManager::source_destroyed(DataSource& source) noexcept {
  if (&source != selection_)
    return;
  selection_ = nullptr;
  try {
    announce_selection_soon();
  } catch (const std::bad_alloc&) {
    announce_selection();
  }
}

// --- requests

void DataDeviceManager::Resource::create_data_source(wl_resource* resource, std::uint32_t id) {
  DataSource::create(wl_resource_get_client(resource), wl_resource_get_version(resource), id);
}

void DataDeviceManager::Resource::get_data_device(wl_resource* resource, std::uint32_t id,
                                                  wl_resource* /*seat: there is only one*/) {
  wl_resource* device_resource =
      create_resource(wl_resource_get_client(resource), &wl_data_device_interface,
                      wl_resource_get_version(resource), id);
  Device& device = give_object(device_resource, &Device::requests,
                               std::make_unique<Device>(manager_, device_resource));
  if (device.client() == manager_.seat_.keyboard_client())
    device.send_selection(manager_.selection_);
}

DataDeviceManager::Device::Device(DataDeviceManager& manager, wl_resource* resource)
    : manager_{manager}, resource_{resource}, charge_{client(), Limit::Objects} {
  const auto same_client = [this](const Device* other) { return other->client() == client(); };
  if (std::count_if(manager_.devices_.begin(), manager_.devices_.end(), same_client) >=
      max_devices) {
    log::warning("a client makes more than %td data devices: disconnected", max_devices);
    throw LimitExceeded{"too many data devices"};
  }
  manager_.devices_.push_back(this);
}

DataDeviceManager::Device::~Device() {
  std::erase(manager_.devices_, this);
}

void DataDeviceManager::Device::send_selection(DataSource* source) {
  wl_resource* const offer = source != nullptr ? DataOffer::create(resource_, *source) : nullptr;
  wl_data_device_send_selection(resource_, offer);
}

void DataDeviceManager::Device::set_selection(wl_resource* source_resource, std::uint32_t serial) {
  DataSource* const source = DataSource::from(source_resource);
  if (source != nullptr && source->has_actions())
    throw ProtocolError{source_resource, WL_DATA_SOURCE_ERROR_INVALID_SOURCE,
                        "a source with actions is for drag-and-drop only"};
  if (manager_.may_set_selection(client(), serial)) {
    manager_.set_selection(source, serial);
  } else if (source != nullptr) {
    source->refuse();
  }
}

void DataDeviceManager::Device::start_drag(wl_resource* resource, wl_resource* source,
                                           wl_resource* origin, wl_resource* icon,
                                           std::uint32_t serial) {
  if (icon != nullptr) {
    const std::string& role = Surface::from(icon).role_name();
    if (!role.empty() && role != icon_role)
      throw ProtocolError{resource, WL_DATA_DEVICE_ERROR_ROLE, "the wl_surface already is " + role};
  }
  // With or without a grab nothing is dragged yet; a source that waits for an end gets one.
  static_cast<void>(origin);
  static_cast<void>(serial);
  if (source != nullptr)
    DataSource::from(source)->refuse();
}

}  // namespace demo
