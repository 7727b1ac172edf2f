#include "compositor-demo/protocol/data_device.hpp"

#include <memory>
#include <string>

#include <wayland-server-protocol.h>

#include "compositor-demo/protocol/data_offer.hpp"
#include "compositor-demo/protocol/data_source.hpp"
#include "compositor-demo/protocol/surface.hpp"

namespace demo {
namespace {

constexpr int wl_data_device_manager_version = 3;

const struct wl_data_device_interface wl_data_device_requests = {
    .start_drag = request<&DataDevice::start_drag>,
    .set_selection = request<&DataDevice::set_selection>,
    .release = destroy_resource,
};

}  // namespace

const struct wl_data_device_manager_interface DataDeviceManager::Resource::requests = {
    .create_data_source = request<&DataDeviceManager::Resource::create_data_source>,
    .get_data_device = request<&DataDeviceManager::Resource::get_data_device>,
};

DataDeviceManager::DataDeviceManager(wl_display* display, Seat& seat)
    : clipboard_{display, seat},
      drag_{seat, devices_},
      global_{make_global<&DataDeviceManager::bind>(display, &wl_data_device_manager_interface,
                                                    wl_data_device_manager_version, *this)} {}

void DataDeviceManager::bind(wl_client* client, int bound_version, std::uint32_t id) {
  wl_resource* resource =
      create_resource(client, &wl_data_device_manager_interface, bound_version, id);
  give_object(resource, &Resource::requests, std::make_unique<Resource>(*this, client));
}

void DataDeviceManager::Resource::create_data_source(wl_resource* resource, std::uint32_t id) {
  DataSource::create(wl_resource_get_client(resource), wl_resource_get_version(resource), id);
}

void DataDeviceManager::Resource::get_data_device(wl_resource* resource, std::uint32_t id,
                                                  wl_resource* /*seat: there is only one*/) {
  wl_resource* const device =
      create_resource(wl_resource_get_client(resource), &wl_data_device_interface,
                      wl_resource_get_version(resource), id);
  give_object(device, &wl_data_device_requests, std::make_unique<DataDevice>(manager_, device));
}

DataDevice::DataDevice(DataDeviceManager& manager, wl_resource* resource)
    : Selection::Device{manager.clipboard_, resource}, manager_{manager} {
  manager_.devices_.push_back(this);
  made();
}

DataDevice::~DataDevice() {
  std::erase(manager_.devices_, this);
  manager_.drag_.device_destroyed(*this);
}

void DataDevice::send_selection(SelectionSource* source) {
  wl_data_device_send_selection(
      resource(), source == nullptr
                      ? nullptr
                      : DataOffer::create(resource(), static_cast<DataSource&>(*source),
                                          DataOffer::Of::Selection)
                            .resource());
}

void DataDevice::set_selection(wl_resource* source_resource, std::uint32_t serial) {
  DataSource* const source = DataSource::from(source_resource);
  if (source != nullptr && source->has_actions())
    throw ProtocolError{source_resource, WL_DATA_SOURCE_ERROR_INVALID_SOURCE,
                        "a source with actions is for drag-and-drop only"};
  Selection::Device::set_selection(source, serial);
}

void DataDevice::start_drag(wl_resource* resource, wl_resource* source_resource,
                            wl_resource* origin, wl_resource* icon_resource, std::uint32_t serial) {
  Surface* const icon = icon_resource == nullptr ? nullptr : &Surface::from(icon_resource);
  if (icon != nullptr && ((!icon->role_name().empty() && icon->role_name() != DragIcon::name) ||
                          icon->role() != nullptr))
    throw ProtocolError{resource, WL_DATA_DEVICE_ERROR_ROLE,
                        "the wl_surface already is " + icon->role_name()};
  DataSource* const source = DataSource::from(source_resource);
  // "The drag-and-drop operation is cancelled" that has not begun.
  if (!manager_.drag_.begin(source, Surface::from(origin), icon, serial) && source != nullptr)
    source->refuse();
}

}  // namespace demo
