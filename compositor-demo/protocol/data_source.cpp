#include "compositor-demo/protocol/data_source.hpp"

#include <memory>

#include <wayland-server-protocol.h>

#include "compositor-demo/protocol/backlog.hpp"
#include "compositor-demo/protocol/resource.hpp"

namespace demo {
namespace {

constexpr std::uint32_t all_actions = WL_DATA_DEVICE_MANAGER_DND_ACTION_COPY |
                                      WL_DATA_DEVICE_MANAGER_DND_ACTION_MOVE |
                                      WL_DATA_DEVICE_MANAGER_DND_ACTION_ASK;

const struct wl_data_source_interface wl_data_source_requests = {
    .offer = request<&DataSource::offer>,
    .destroy = destroy_resource,
    .set_actions = request<&DataSource::set_actions>,
};

}  // namespace

void DataSource::create(wl_client* client, int version, std::uint32_t id) {
  wl_resource* resource = create_resource(client, &wl_data_source_interface, version, id);
  give_object(resource, &wl_data_source_requests, std::make_unique<DataSource>(resource));
}

DataSource* DataSource::from(wl_resource* resource) noexcept {
  return object_of<DataSource>(resource);
}

std::uint32_t DataSource::actions() const noexcept {
  if (version() < WL_DATA_SOURCE_ACTION_SINCE_VERSION)
    return WL_DATA_DEVICE_MANAGER_DND_ACTION_COPY;
  return actions_.value_or(WL_DATA_DEVICE_MANAGER_DND_ACTION_NONE);
}

void DataSource::send_target(const char* mime_type) noexcept {
  if (has_room(client()))
    wl_data_source_send_target(resource(), mime_type);
}

void DataSource::send_action(std::uint32_t action) noexcept {
  if (version() >= WL_DATA_SOURCE_ACTION_SINCE_VERSION && has_room(client()))
    wl_data_source_send_action(resource(), action);
}

void DataSource::send_dropped() noexcept {
  if (version() >= WL_DATA_SOURCE_DND_DROP_PERFORMED_SINCE_VERSION)
    wl_data_source_send_dnd_drop_performed(resource());
}

void DataSource::send_finished() noexcept {
  if (version() >= WL_DATA_SOURCE_DND_FINISHED_SINCE_VERSION)
    wl_data_source_send_dnd_finished(resource());
}

void DataSource::send_send(const char* mime_type, int fd) noexcept {
  wl_data_source_send_send(resource(), mime_type, fd);
}

// "For objects of version 2 or older, wl_data_source.cancelled will only be emitted if the data
// source was replaced by another data source."
void DataSource::send_cancelled() noexcept {
  if (was_selected() || version() >= WL_DATA_SOURCE_ACTION_SINCE_VERSION)
    wl_data_source_send_cancelled(resource());
}

void DataSource::set_actions(wl_resource* resource, std::uint32_t actions) {
  if ((actions & ~all_actions) != 0)
    throw ProtocolError{resource, WL_DATA_SOURCE_ERROR_INVALID_ACTION_MASK, "no such action"};
  // "This request must be made once only, and can only be made on sources used in drag-and-drop, so
  // it must be performed before wl_data_device.start_drag."
  if (actions_ || was_used())
    throw ProtocolError{resource, WL_DATA_SOURCE_ERROR_INVALID_SOURCE,
                        "actions are set once, before the source is used"};
  actions_ = actions;
}

}  // namespace demo
