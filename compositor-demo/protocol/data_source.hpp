// wl_data_source: what a client has on the clipboard, or lets the user drag.
#pragma once

#include <cstdint>
#include <optional>

#include <wayland-server-core.h>

#include "compositor-demo/protocol/selection_source.hpp"

namespace demo {

class DataSource final : public SelectionSource {
 public:
  static void create(wl_client* client, int version, std::uint32_t id);
  // From an argument of a request; null for a null argument.
  static DataSource* from(wl_resource* resource) noexcept;

  explicit DataSource(wl_resource* resource) : SelectionSource{resource} {}

  // The client said what may be done with it: it is meant for drag-and-drop and nothing else.
  bool has_actions() const noexcept { return actions_.has_value(); }
  // Bits of wl_data_device_manager.dnd_action. Clients that do not know of them mean copying.
  std::uint32_t actions() const noexcept;

  // --- while it is dragged: what becomes of it, as far as the client knows the event. What others
  // think of it, however often they change their minds, it hears as long as it reads.
  void send_target(const char* mime_type) noexcept;
  void send_action(std::uint32_t action) noexcept;
  void send_dropped() noexcept;
  void send_finished() noexcept;

  // Requests.
  void offer(const char* mime_type) { SelectionSource::offer(mime_type); }
  void set_actions(wl_resource* resource, std::uint32_t actions);

 private:
  int version() const noexcept { return wl_resource_get_version(resource()); }
  void send_send(const char* mime_type, int fd) noexcept override;
  void send_cancelled() noexcept override;

  std::optional<std::uint32_t> actions_;
};

}  // namespace demo
