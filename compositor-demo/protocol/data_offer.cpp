#include "compositor-demo/protocol/data_offer.hpp"

#include <bit>
#include <memory>

#include <wayland-server-protocol.h>

#include <calloop/fd.hpp>

#include "compositor-demo/protocol/data_source.hpp"
#include "compositor-demo/protocol/resource.hpp"

namespace demo {
namespace {

constexpr std::uint32_t all_actions = WL_DATA_DEVICE_MANAGER_DND_ACTION_COPY |
                                      WL_DATA_DEVICE_MANAGER_DND_ACTION_MOVE |
                                      WL_DATA_DEVICE_MANAGER_DND_ACTION_ASK;

const struct wl_data_offer_interface requests = {
    .accept = request<&DataOffer::accept>,
    .receive = request<&DataOffer::receive>,
    .destroy = destroy_resource,
    .finish = request<&DataOffer::finish>,
    .set_actions = request<&DataOffer::set_actions>,
};

}  // namespace

wl_resource* DataOffer::create(wl_resource* device, DataSource& source) {
  wl_resource* resource = create_resource(wl_resource_get_client(device), &wl_data_offer_interface,
                                          wl_resource_get_version(device), 0);
  try {
    give_object(resource, &requests, std::make_unique<DataOffer>(resource, source));
  } catch (...) {
    wl_resource_destroy(resource);  // the client does not know of it
    throw;
  }
  wl_data_device_send_data_offer(device, resource);
  for (const std::string& type : source.mime_types())
    wl_data_offer_send_offer(resource, type.c_str());
  return resource;
}

DataOffer::DataOffer(wl_resource* resource, DataSource& source)
    : charge_{wl_resource_get_client(resource), Limit::Objects}, source_{&source} {
  source.add_offer(*this);
}

DataOffer::~DataOffer() {
  if (source_ != nullptr)
    source_->remove_offer(*this);
}

void DataOffer::accept(std::uint32_t /*serial*/, const char* /*mime_type*/) {}

void DataOffer::receive(const char* mime_type, std::int32_t fd) {
  const calloop::OwnedFd owned{fd};  // ours to close; libwayland sends a duplicate
  if (source_ != nullptr && source_->offers(mime_type))
    source_->send(mime_type, owned.get());
}

void DataOffer::finish(wl_resource* resource) {
  throw ProtocolError{resource, WL_DATA_OFFER_ERROR_INVALID_FINISH,
                      "the offer is not of a drag-and-drop operation"};
}

void DataOffer::set_actions(wl_resource* resource, std::uint32_t actions, std::uint32_t preferred) {
  if ((actions & ~all_actions) != 0)
    throw ProtocolError{resource, WL_DATA_OFFER_ERROR_INVALID_ACTION_MASK, "no such action"};
  if (preferred != 0 && (!std::has_single_bit(preferred) || (preferred & actions) == 0))
    throw ProtocolError{resource, WL_DATA_OFFER_ERROR_INVALID_ACTION,
                        "the preferred action must be one of the actions"};
  throw ProtocolError{resource, WL_DATA_OFFER_ERROR_INVALID_OFFER,
                      "the offer is not of a drag-and-drop operation"};
}

}  // namespace demo
