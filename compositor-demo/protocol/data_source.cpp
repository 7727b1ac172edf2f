#include "compositor-demo/protocol/data_source.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "compositor-demo/log.hpp"
#include "compositor-demo/protocol/backlog.hpp"
#include "compositor-demo/protocol/data_offer.hpp"
#include "compositor-demo/protocol/resource.hpp"

#include <wayland-server-protocol.h>

namespace demo {
namespace {

// All of it is sent to the client with the keyboard in one go, on each of its devices: more than
// fits its socket would disconnect the wrong one. LibreOffice offers thirty formats of together two
// thousand bytes, one of them of 250.
constexpr std::size_t max_mime_types = 128;
constexpr std::size_t max_mime_length = 512;
constexpr std::size_t max_mime_bytes = 4096;
// What a name takes besides its characters, about.
constexpr std::size_t format_overhead = 64;
constexpr std::uint32_t all_actions = WL_DATA_DEVICE_MANAGER_DND_ACTION_COPY |
                                      WL_DATA_DEVICE_MANAGER_DND_ACTION_MOVE |
                                      WL_DATA_DEVICE_MANAGER_DND_ACTION_ASK;

const struct wl_data_source_interface requests = {
    .offer = request<&DataSource::offer>,
    .destroy = destroy_resource,
    .set_actions = request<&DataSource::set_actions>,
};

}  // namespace

void DataSource::create(wl_client* client, int version, std::uint32_t id) {
  wl_resource* resource = create_resource(client, &wl_data_source_interface, version, id);
  give_object(resource, &requests, std::make_unique<DataSource>(resource));
}

DataSource* DataSource::from(wl_resource* resource) noexcept {
  return object_of<DataSource>(resource);
}

DataSource::DataSource(wl_resource* resource)
    : resource_{resource},
      charge_{wl_resource_get_client(resource), Limit::Objects},
      formats_charge_{charge_.limits(), Limit::FormatBytes, 0} {}

DataSource::~DataSource() {
  end_offers();
  if (user_ != nullptr)
    user_->source_destroyed(*this);
}

void DataSource::end_offers() noexcept {
  for (DataOffer* offer : std::exchange(offers_, {}))
    offer->source_ended();
}

void DataSource::remove_offer(const DataOffer& offer) noexcept {
  std::erase(offers_, &offer);
}

bool DataSource::offers(std::string_view mime_type) const noexcept {
  return std::find(mime_types_.begin(), mime_types_.end(), mime_type) != mime_types_.end();
}

void DataSource::send(const char* mime_type, int fd) noexcept {
  if (has_room(wl_resource_get_client(resource_)))
    wl_data_source_send_send(resource_, mime_type, fd);
}

void DataSource::use_as_selection(DataSourceUser& user) noexcept {
  user_ = &user;
  used_ = true;
}

void DataSource::cancel() noexcept {
  user_ = nullptr;
  end_offers();
  wl_data_source_send_cancelled(resource_);
}

void DataSource::refuse() noexcept {
  if (user_ == nullptr && wl_resource_get_version(resource_) >= 3)
    wl_data_source_send_cancelled(resource_);
}

void DataSource::offer(const char* mime_type) {
  const std::string_view type{mime_type};
  if (offers(type))
    return;
  if (type.size() > max_mime_length || mime_types_.size() >= max_mime_types ||
      type.size() > max_mime_bytes - mime_bytes_) {
    log::warning(
        "a client offers data in more than %zu formats, with a name of more than %zu "
        "bytes, or of more than %zu bytes together: disconnected",
        max_mime_types, max_mime_length, max_mime_bytes);
    throw LimitExceeded{"too many or too long mime types"};
  }
  formats_charge_.resize(formats_charge_.amount() + type.size() + format_overhead);
  mime_types_.emplace_back(type);
  mime_bytes_ += type.size();
}

void DataSource::set_actions(wl_resource* resource, std::uint32_t actions) {
  if ((actions & ~all_actions) != 0)
    throw ProtocolError{resource, WL_DATA_SOURCE_ERROR_INVALID_ACTION_MASK, "no such action"};
  // "This request must be made once only, and can only be made on sources used in drag-and-drop, so
  // it must be performed before wl_data_device.start_drag."
  if (actions_ || used_)
    throw ProtocolError{resource, WL_DATA_SOURCE_ERROR_INVALID_SOURCE,
                        "actions are set once, before the source is used"};
  actions_ = actions;
}

}  // namespace demo
