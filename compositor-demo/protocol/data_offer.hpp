// wl_data_offer: the selection as another client sees it.
#pragma once

#include <cstdint>

#include <wayland-server-core.h>

#include "compositor-demo/protocol/client_limits.hpp"

namespace demo {

class DataSource;

class DataOffer {
 public:
  // Introduces a new offer to the client of a wl_data_device, with its formats, and returns its
  // resource, which owns the offer. Throws std::bad_alloc or LimitExceeded.
  static wl_resource* create(wl_resource* device, DataSource& source);

  DataOffer(wl_resource* resource, DataSource& source);
  DataOffer(const DataOffer&) = delete;
  DataOffer& operator=(const DataOffer&) = delete;
  ~DataOffer();

  // From now on whoever wants the data reads an empty file.
  void source_ended() noexcept { source_ = nullptr; }

  // Requests. All offers are of the selection, so those that belong to drag-and-drop are errors.
  void accept(std::uint32_t serial, const char* mime_type);
  void receive(const char* mime_type, std::int32_t fd);
  void finish(wl_resource* resource);
  void set_actions(wl_resource* resource, std::uint32_t actions, std::uint32_t preferred);

 private:
  Charge charge_;
  DataSource* source_;
};

}  // namespace demo
