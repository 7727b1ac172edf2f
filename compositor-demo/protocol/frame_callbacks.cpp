#include "compositor-demo/protocol/frame_callbacks.hpp"

#include <memory>

#include <wayland-server-protocol.h>

#include "compositor-demo/protocol/client_limits.hpp"
#include "compositor-demo/protocol/resource.hpp"

namespace demo {

namespace {

void leave(wl_resource* resource) noexcept {
  wl_list_remove(wl_resource_get_link(resource));
  delete_object<Charge>(resource);
}

}  // namespace

FrameCallbacks& FrameCallbacks::operator=(FrameCallbacks&& other) noexcept {
  if (this == &other)
    return *this;
  clear();
  append(other);
  return *this;
}

void FrameCallbacks::add(wl_client* client, std::uint32_t id) {
  auto charge = std::make_unique<Charge>(client, Limit::FrameCallbacks);
  wl_resource* const callback = create_resource(client, &wl_callback_interface, 1, id);
  wl_resource_set_implementation(callback, nullptr, charge.release(), &leave);
  wl_list_insert(list_.prev, wl_resource_get_link(callback));
}

void FrameCallbacks::append(FrameCallbacks& other) noexcept {
  wl_list_insert_list(list_.prev, &other.list_);
  wl_list_init(&other.list_);
}

void FrameCallbacks::send_done(std::uint32_t milliseconds) noexcept {
  while (!empty()) {
    wl_resource* const callback = wl_resource_from_link(list_.next);
    wl_callback_send_done(callback, milliseconds);
    wl_resource_destroy(callback);
  }
}

void FrameCallbacks::clear() noexcept {
  while (!empty())
    wl_resource_destroy(wl_resource_from_link(list_.next));
}

}  // namespace demo
