// wl_data_offer: the clipboard, or what is dragged, as another client sees it.
#pragma once

#include <cstdint>

#include <wayland-server-core.h>

#include "compositor-demo/protocol/selection_source.hpp"

namespace demo {

class DataSource;

class DataOffer final : public SelectionOffer {
 public:
  enum class Of { Selection, Drag };

  // Introduces a new offer to the client of a wl_data_device, with its formats; its resource owns
  // it. Throws std::bad_alloc or LimitExceeded.
  static DataOffer& create(wl_resource* device, DataSource& source, Of of);

  DataOffer(wl_resource* resource, DataSource& source, Of of);
  ~DataOffer();

  wl_resource* resource() const noexcept { return resource_; }

  // --- of what is dragged
  // It may be dropped here: a format was accepted, and there is something that both sides want
  // done.
  bool wants_drop() const noexcept;
  // It was: from now on the client may finish.
  void dropped() noexcept { dropped_ = true; }

  // Requests.
  void accept(std::uint32_t serial, const char* mime_type);
  void receive(const char* mime_type, std::int32_t fd) { SelectionOffer::receive(mime_type, fd); }
  void finish(wl_resource* resource);
  void set_actions(wl_resource* resource, std::uint32_t actions, std::uint32_t preferred);

 private:
  int version() const noexcept { return wl_resource_get_version(resource_); }
  DataSource* data_source() const noexcept;
  void choose_action() noexcept;

  wl_resource* resource_;
  Of of_;
  bool accepted_ = false;
  bool dropped_ = false;
  bool finished_ = false;
  std::uint32_t actions_ = 0;  // what the client wants; see wl_data_device_manager.dnd_action
  std::uint32_t preferred_ = 0;
  std::uint32_t action_ = 0;  // what both were told
};

}  // namespace demo
