#include "compositor-demo/protocol/relative_pointer.hpp"

#include <chrono>
#include <memory>

#include "compositor-demo/protocol/fixed.hpp"
#include "relative-pointer-unstable-v1-server-protocol.h"

namespace demo {
namespace {

constexpr int relative_pointer_manager_version = 1;

class RelativePointer {
 public:
  RelativePointer(std::vector<wl_resource*>& all, wl_resource* resource)
      : all_{all}, resource_{resource}, charge_{wl_resource_get_client(resource), Limit::Objects} {
    all_.push_back(resource);
  }
  RelativePointer(const RelativePointer&) = delete;
  RelativePointer& operator=(const RelativePointer&) = delete;
  ~RelativePointer() { std::erase(all_, resource_); }

 private:
  std::vector<wl_resource*>& all_;
  wl_resource* resource_;
  Charge charge_;
};

const struct zwp_relative_pointer_manager_v1_interface relative_pointer_manager_requests = {
    .destroy = destroy_resource,
    .get_relative_pointer = request<&RelativePointerBinding::get_relative_pointer>,
};

const struct zwp_relative_pointer_v1_interface relative_pointer_requests = {.destroy =
                                                                                destroy_resource};

}  // namespace

RelativePointers::RelativePointers(wl_display* display)
    : global_{make_global<&RelativePointers::bind>(display,
                                                   &zwp_relative_pointer_manager_v1_interface,
                                                   relative_pointer_manager_version, *this)} {}

void RelativePointers::bind(wl_client* client, int bound_version, std::uint32_t id) {
  auto binding = std::make_unique<RelativePointerBinding>(*this, client);
  give_object(
      create_resource(client, &zwp_relative_pointer_manager_v1_interface, bound_version, id),
      &relative_pointer_manager_requests, std::move(binding));
}

// There is one seat, and so one pointer.
void RelativePointerBinding::get_relative_pointer(wl_resource* resource, std::uint32_t id,
                                                  wl_resource* /*pointer*/) {
  wl_resource* const pointer =
      create_resource(wl_resource_get_client(resource), &zwp_relative_pointer_v1_interface,
                      relative_pointer_manager_version, id);
  give_object(pointer, &relative_pointer_requests,
              std::make_unique<RelativePointer>(owner_.resources_, pointer));
}

bool RelativePointers::send(const wl_client* client, const RelativeMotion& motion,
                            calloop::TimePoint time) const noexcept {
  const auto microseconds = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count());
  bool told = false;
  for (wl_resource* const resource : resources_) {
    if (wl_resource_get_client(resource) != client)
      continue;
    told = true;
    zwp_relative_pointer_v1_send_relative_motion(
        resource, static_cast<std::uint32_t>(microseconds >> 32U),
        static_cast<std::uint32_t>(microseconds), fixed(motion.dx), fixed(motion.dy),
        fixed(motion.unaccelerated_dx), fixed(motion.unaccelerated_dy));
  }
  return told;
}

}  // namespace demo
