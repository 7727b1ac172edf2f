#include "compositor-demo/protocol/primary_selection.hpp"

#include <memory>
#include <string>

#include "primary-selection-unstable-v1-server-protocol.h"

namespace demo {
namespace {

constexpr int primary_selection_device_manager_version = 1;

class Source final : public SelectionSource {
 public:
  explicit Source(wl_resource* resource) : SelectionSource{resource} {}
  void offer(const char* mime_type) { SelectionSource::offer(mime_type); }

 private:
  void send_send(const char* mime_type, int fd) noexcept override {
    zwp_primary_selection_source_v1_send_send(resource(), mime_type, fd);
  }
  void send_cancelled() noexcept override {
    zwp_primary_selection_source_v1_send_cancelled(resource());
  }
};

class Offer final : public SelectionOffer {
 public:
  Offer(wl_resource* resource, SelectionSource& source)
      : SelectionOffer{wl_resource_get_client(resource), source} {}
  void receive(const char* mime_type, std::int32_t fd) { SelectionOffer::receive(mime_type, fd); }
};

class Device final : public Selection::Device {
 public:
  Device(Selection& selection, wl_resource* resource) : Selection::Device{selection, resource} {
    made();
  }
  void set_selection(wl_resource* source, std::uint32_t serial) {
    Selection::Device::set_selection(object_of<Source>(source), serial);
  }

 private:
  void send_selection(SelectionSource* source) override;
};

const struct zwp_primary_selection_source_v1_interface primary_selection_source_requests = {
    .offer = request<&Source::offer>,
    .destroy = destroy_resource,
};

const struct zwp_primary_selection_offer_v1_interface primary_selection_offer_requests = {
    .receive = request<&Offer::receive>,
    .destroy = destroy_resource,
};

const struct zwp_primary_selection_device_v1_interface primary_selection_device_requests = {
    .set_selection = request<&Device::set_selection>,
    .destroy = destroy_resource,
};

const struct zwp_primary_selection_device_manager_v1_interface
    primary_selection_device_manager_requests = {
        .create_source = request<&PrimarySelectionBinding::create_source>,
        .get_device = request<&PrimarySelectionBinding::get_device>,
        .destroy = destroy_resource,
};

void Device::send_selection(SelectionSource* source) {
  if (source == nullptr)
    return zwp_primary_selection_device_v1_send_selection(resource(), nullptr);
  wl_resource* const offer = create_resource(client(), &zwp_primary_selection_offer_v1_interface,
                                             primary_selection_device_manager_version, 0);
  try {
    give_object(offer, &primary_selection_offer_requests, std::make_unique<Offer>(offer, *source));
  } catch (...) {
    wl_resource_destroy(offer);  // the client does not know of it
    throw;
  }
  zwp_primary_selection_device_v1_send_data_offer(resource(), offer);
  for (const std::string& type : source->mime_types())
    zwp_primary_selection_offer_v1_send_offer(offer, type.c_str());
  zwp_primary_selection_device_v1_send_selection(resource(), offer);
}

}  // namespace

PrimarySelection::PrimarySelection(wl_display* display, Seat& seat)
    : selection_{display, seat},
      global_{make_global<&PrimarySelection::bind>(
          display, &zwp_primary_selection_device_manager_v1_interface,
          primary_selection_device_manager_version, *this)} {}

void PrimarySelection::bind(wl_client* client, int bound_version, std::uint32_t id) {
  auto object = std::make_unique<PrimarySelectionBinding>(*this, client);
  give_object(create_resource(client, &zwp_primary_selection_device_manager_v1_interface,
                              bound_version, id),
              &primary_selection_device_manager_requests, std::move(object));
}

void PrimarySelectionBinding::create_source(wl_resource* resource, std::uint32_t id) {
  wl_resource* const source =
      create_resource(wl_resource_get_client(resource), &zwp_primary_selection_source_v1_interface,
                      primary_selection_device_manager_version, id);
  give_object(source, &primary_selection_source_requests, std::make_unique<Source>(source));
}

void PrimarySelectionBinding::get_device(wl_resource* resource, std::uint32_t id,
                                         wl_resource* /*seat: there is only one*/) {
  wl_resource* const device =
      create_resource(wl_resource_get_client(resource), &zwp_primary_selection_device_v1_interface,
                      primary_selection_device_manager_version, id);
  give_object(device, &primary_selection_device_requests,
              std::make_unique<Device>(owner_.selection_, device));
}

}  // namespace demo
