// What a client has on offer, in which formats, and what others know of it: shared by the
// clipboard, the primary selection and drag-and-drop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <wayland-server-core.h>

#include "compositor-demo/protocol/client_limits.hpp"

namespace demo {

class SelectionOffer;
class SelectionSource;

// Who uses a source hears when it is destroyed.
class SelectionSourceUser {
 public:
  virtual void source_destroyed(SelectionSource& source) noexcept = 0;

 protected:
  ~SelectionSourceUser() = default;
};

// A source object of one of the protocols, which derives from this.
class SelectionSource {
 public:
  SelectionSource(const SelectionSource&) = delete;
  SelectionSource& operator=(const SelectionSource&) = delete;

  wl_resource* resource() const noexcept { return resource_; }
  wl_client* client() const noexcept { return wl_resource_get_client(resource_); }
  const std::vector<std::string>& mime_types() const noexcept { return mime_types_; }
  bool offers(std::string_view mime_type) const noexcept;

  // Asks the client to write the data, unless it has not read yet what was asked before: then the
  // reader finds an empty file. However often somebody asks, the client is not disconnected for it.
  // The descriptor is borrowed.
  void send(const char* mime_type, int fd) noexcept;
  // Somebody uses it from now on. At most one at a time.
  void use(SelectionSourceUser& user) noexcept;
  bool was_used() const noexcept { return used_; }
  // It is, or was, a selection.
  bool was_selected() const noexcept { return selected_; }
  void mark_selected() noexcept { selected_ = true; }
  // The user has done with it, and leaves it to those who have offers of it.
  void leave_to_offers() noexcept { user_ = nullptr; }
  // Nobody does any more, and nobody can read what was offered of it.
  void end_use() noexcept;
  // The same, and the client is told.
  void cancel() noexcept;
  // Tells the client that it is not used at all.
  void refuse() noexcept;

  // Who has offers of it reads empty files from now on.
  void end_offers() noexcept;
  void add_offer(SelectionOffer& offer) { offers_.push_back(&offer); }
  void remove_offer(const SelectionOffer& offer) noexcept;

  // Request.
  void offer(const char* mime_type);

 protected:
  explicit SelectionSource(wl_resource* resource);
  ~SelectionSource();

 private:
  virtual void send_send(const char* mime_type, int fd) noexcept = 0;
  virtual void send_cancelled() noexcept = 0;

  wl_resource* resource_;
  Charge charge_;
  Charge formats_charge_;
  std::vector<std::string> mime_types_;
  std::size_t mime_bytes_ = 0;
  std::vector<SelectionOffer*> offers_;
  SelectionSourceUser* user_ = nullptr;
  bool used_ = false;
  bool selected_ = false;
};

// An offer object of one of the protocols, which derives from this: a source as another client sees
// it.
class SelectionOffer {
 public:
  SelectionOffer(const SelectionOffer&) = delete;
  SelectionOffer& operator=(const SelectionOffer&) = delete;

  // From now on whoever wants the data reads an empty file.
  virtual void source_ended() noexcept { source_ = nullptr; }

  // Request. The descriptor is ours to close.
  void receive(const char* mime_type, std::int32_t fd);

 protected:
  SelectionOffer(wl_client* client, SelectionSource& source);
  ~SelectionOffer();

  // Null when that is gone, or not to be read any more.
  SelectionSource* source() const noexcept { return source_; }

 private:
  Charge charge_;
  SelectionSource* source_;
};

}  // namespace demo
