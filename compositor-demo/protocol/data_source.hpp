// wl_data_source: what a client has on offer, in which formats.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <wayland-server-core.h>

#include "compositor-demo/protocol/client_limits.hpp"

namespace demo {

class DataOffer;
class DataSource;

// Who uses a source hears when it is destroyed.
class DataSourceUser {
 public:
  virtual void source_destroyed(DataSource& source) noexcept = 0;

 protected:
  ~DataSourceUser() = default;
};

class DataSource {
 public:
  static void create(wl_client* client, int version, std::uint32_t id);
  // From an argument of a request; null for a null argument.
  static DataSource* from(wl_resource* resource) noexcept;

  explicit DataSource(wl_resource* resource);
  DataSource(const DataSource&) = delete;
  DataSource& operator=(const DataSource&) = delete;
  ~DataSource();

  wl_resource* resource() const noexcept { return resource_; }
  const std::vector<std::string>& mime_types() const noexcept { return mime_types_; }
  bool offers(std::string_view mime_type) const noexcept;
  // The client said what may be done with it: it is meant for drag-and-drop and nothing else.
  bool has_actions() const noexcept { return actions_.has_value(); }

  // Asks the client to write the data, unless it has not read yet what was asked before: then the
  // reader finds an empty file. However often somebody asks, the client is not disconnected for it.
  // The descriptor is borrowed.
  void send(const char* mime_type, int fd) noexcept;
  // It is the selection from now on; not for sources with actions.
  void use_as_selection(DataSourceUser& user) noexcept;
  // Its use is over, and the client is told. Offers made of it give nothing any more.
  void cancel() noexcept;
  // The same for a source that is not used at all; does nothing for clients that cannot know that
  // this happens (before version 3).
  void refuse() noexcept;

  void add_offer(DataOffer& offer) { offers_.push_back(&offer); }
  void remove_offer(const DataOffer& offer) noexcept;

  // Requests.
  void offer(const char* mime_type);
  void set_actions(wl_resource* resource, std::uint32_t actions);

 private:
  void end_offers() noexcept;

  wl_resource* resource_;
  Charge charge_;
  Charge formats_charge_;
  std::vector<std::string> mime_types_;
  std::size_t mime_bytes_ = 0;
  std::vector<DataOffer*> offers_;
  DataSourceUser* user_ = nullptr;
  bool used_ = false;
  std::optional<std::uint32_t> actions_;
};

}  // namespace demo
