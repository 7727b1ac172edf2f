#include "compositor-demo/protocol/data_offer.hpp"

#include <bit>
#include <memory>
#include <string>
#include <utility>

#include <wayland-server-protocol.h>

#include "compositor-demo/protocol/data_source.hpp"
#include "compositor-demo/protocol/resource.hpp"

namespace demo {
namespace {

constexpr std::uint32_t copy = WL_DATA_DEVICE_MANAGER_DND_ACTION_COPY;
constexpr std::uint32_t move = WL_DATA_DEVICE_MANAGER_DND_ACTION_MOVE;
constexpr std::uint32_t ask = WL_DATA_DEVICE_MANAGER_DND_ACTION_ASK;

const struct wl_data_offer_interface wl_data_offer_requests = {
    .accept = request<&DataOffer::accept>,
    .receive = request<&DataOffer::receive>,
    .destroy = destroy_resource,
    .finish = request<&DataOffer::finish>,
    .set_actions = request<&DataOffer::set_actions>,
};

}  // namespace

DataOffer& DataOffer::create(wl_resource* device, DataSource& source, Of of) {
  wl_resource* const resource = create_resource(
      wl_resource_get_client(device), &wl_data_offer_interface, wl_resource_get_version(device), 0);
  DataOffer* offer = nullptr;
  try {
    offer = &give_object(resource, &wl_data_offer_requests,
                         std::make_unique<DataOffer>(resource, source, of));
  } catch (...) {
    wl_resource_destroy(resource);  // the client does not know of it
    throw;
  }
  wl_data_device_send_data_offer(device, resource);
  for (const std::string& type : source.mime_types())
    wl_data_offer_send_offer(resource, type.c_str());
  if (of == Of::Drag) {
    if (offer->version() >= WL_DATA_OFFER_SOURCE_ACTIONS_SINCE_VERSION)
      wl_data_offer_send_source_actions(resource, source.actions());
    offer->choose_action();
  }
  return *offer;
}

DataOffer::DataOffer(wl_resource* resource, DataSource& source, Of of)
    : SelectionOffer{wl_resource_get_client(resource), source}, resource_{resource}, of_{of} {
  // Who does not know of actions copies.
  if (version() < WL_DATA_OFFER_ACTION_SINCE_VERSION)
    actions_ = preferred_ = copy;
}

// "The drag-and-drop operation is considered finished" by a client that cannot say so when it
// destroys what it was dropped; by one that could have, it was cancelled.
DataOffer::~DataOffer() {
  DataSource* const dropped = dropped_ && !finished_ ? data_source() : nullptr;
  if (dropped == nullptr)
    return;
  if (version() < WL_DATA_OFFER_FINISH_SINCE_VERSION)
    dropped->send_finished();
  else
    dropped->refuse();
}

DataSource* DataOffer::data_source() const noexcept {
  return static_cast<DataSource*>(source());
}

bool DataOffer::wants_drop() const noexcept {
  return source() != nullptr && accepted_ && action_ != 0;
}

void DataOffer::accept(std::uint32_t /*serial*/, const char* mime_type) {
  DataSource* const dragged = of_ == Of::Drag ? data_source() : nullptr;
  if (dragged == nullptr)
    return;
  accepted_ = mime_type != nullptr;
  dragged->send_target(mime_type);
}

void DataOffer::finish(wl_resource* resource) {
  const auto refuse = [resource](const std::string& why) {
    throw ProtocolError{resource, WL_DATA_OFFER_ERROR_INVALID_FINISH, why};
  };
  if (of_ != Of::Drag)
    refuse("the offer is not of a drag-and-drop operation");
  if (!dropped_ || finished_)
    refuse("nothing was dropped, or it is finished already");
  // The user has dropped it here because it was wanted.
  if (source() != nullptr && (!accepted_ || action_ == 0 || action_ == ask))
    refuse("it was not accepted, or what is to be done with it was not said");
  finished_ = true;
  if (DataSource* const dropped = data_source()) {
    dropped->send_finished();
    dropped->end_use();
  }
}

void DataOffer::set_actions(wl_resource* resource, std::uint32_t actions, std::uint32_t preferred) {
  if ((actions & ~(copy | move | ask)) != 0)
    throw ProtocolError{resource, WL_DATA_OFFER_ERROR_INVALID_ACTION_MASK, "no such action"};
  if (preferred != 0 && (!std::has_single_bit(preferred) || (preferred & actions) == 0))
    throw ProtocolError{resource, WL_DATA_OFFER_ERROR_INVALID_ACTION,
                        "the preferred action must be one of the actions"};
  if (of_ != Of::Drag)
    throw ProtocolError{resource, WL_DATA_OFFER_ERROR_INVALID_OFFER,
                        "the offer is not of a drag-and-drop operation"};
  // What was dropped can only be decided about where the user is to be asked.
  if (finished_ || (dropped_ && action_ != ask))
    return;
  actions_ = actions;
  preferred_ = preferred;
  choose_action();
}

// What the target prefers, or else the first that both want.
void DataOffer::choose_action() noexcept {
  DataSource* const dragged = data_source();
  if (dragged == nullptr)
    return;
  const std::uint32_t both = dragged->actions() & actions_;
  std::uint32_t chosen = (both & preferred_) != 0 ? preferred_ : 0;
  for (const std::uint32_t action : {copy, move, ask})
    if (chosen == 0)
      chosen = both & action;
  if (std::exchange(action_, chosen) == chosen)
    return;
  dragged->send_action(chosen);
  if (version() >= WL_DATA_OFFER_ACTION_SINCE_VERSION)
    wl_data_offer_send_action(resource_, chosen);
}

}  // namespace demo
