// zwp_relative_pointer: how far the pointer was moved, also where it cannot go.
#pragma once

#include <cstdint>
#include <vector>

#include <wayland-server-core.h>

#include <calloop/clock.hpp>

#include "compositor-demo/protocol/client_limits.hpp"
#include "compositor-demo/protocol/protocol.hpp"
#include "compositor-demo/protocol/resource.hpp"

namespace demo {

// The global. Outlives its clients.
class RelativePointers {
 public:
  // Advertises zwp_relative_pointer_manager_v1. Throws std::runtime_error.
  explicit RelativePointers(wl_display* display);
  RelativePointers(const RelativePointers&) = delete;
  RelativePointers& operator=(const RelativePointers&) = delete;

  // To this client, which has the pointer; a wl_pointer.frame is to follow. Whether it was told.
  bool send(const wl_client* client, const RelativeMotion& motion,
            calloop::TimePoint time) const noexcept;

  void bind(wl_client* client, int version, std::uint32_t id);

 private:
  friend class RelativePointerBinding;
  std::vector<wl_resource*> resources_;  // zwp_relative_pointer_v1, of all clients
  Global global_;
};

// What a client bound of it.
class RelativePointerBinding {
 public:
  RelativePointerBinding(RelativePointers& owner, wl_client* client)
      : owner_{owner}, charge_{client, Limit::Bindings} {}
  void get_relative_pointer(wl_resource* resource, std::uint32_t id, wl_resource* pointer);

 private:
  RelativePointers& owner_;
  Charge charge_;
};

}  // namespace demo
