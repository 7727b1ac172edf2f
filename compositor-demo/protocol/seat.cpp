#include "compositor-demo/protocol/seat.hpp"

namespace demo {
namespace {

constexpr int wl_seat_version = 8;

}  // namespace

const struct wl_seat_interface Seat::Resource::requests = {
    .get_pointer = request<&Seat::Resource::get_pointer>,
    .get_keyboard = request<&Seat::Resource::get_keyboard>,
    .get_touch = request<&Seat::Resource::get_touch>,
    .release = destroy_resource,
};

Seat::Seat(wl_display* display)
    : serials_{display},
      pointer_{serials_},
      keyboard_{serials_},
      touch_{serials_},
      keyboard_client_gone_{[this](void*) noexcept {
        keyboard_client_gone_.disconnect();
        keyboard_client_ = nullptr;
      }},
      global_{make_global<&Seat::bind>(display, &wl_seat_interface, wl_seat_version, *this)} {}

Seat::Resource::Resource(Seat& seat, wl_resource* resource)
    : seat_{seat}, resource_{resource}, charge_{wl_resource_get_client(resource), Limit::Bindings} {
  seat_.resources_.push_back(resource);
}

void Seat::bind(wl_client* client, int bound_version, std::uint32_t id) {
  wl_resource* resource = create_resource(client, &wl_seat_interface, bound_version, id);
  give_object(resource, &Resource::requests, std::make_unique<Resource>(*this, resource));
  if (bound_version >= WL_SEAT_NAME_SINCE_VERSION)
    wl_seat_send_name(resource, "seat0");
  send_capabilities(resource);
}

void Seat::send_capabilities(wl_resource* resource) const noexcept {
  std::uint32_t capabilities = WL_SEAT_CAPABILITY_POINTER | WL_SEAT_CAPABILITY_KEYBOARD;
  if (has_touch_)
    capabilities |= WL_SEAT_CAPABILITY_TOUCH;
  wl_seat_send_capabilities(resource, capabilities);
}

void Seat::set_has_touch(bool has_touch) {
  if (has_touch == has_touch_)
    return;
  has_touch_ = has_touch;
  had_touch_ = true;
  if (!has_touch)
    touch_.cancel();
  for (wl_resource* const resource : resources_)
    send_capabilities(resource);
}

void Seat::set_keyboard_focus(Surface* surface) {
  wl_client* const client = surface != nullptr ? surface->client() : nullptr;
  if (client != keyboard_client_) {
    // The old client must not hear of keys while the clipboard already is another's.
    keyboard_.set_focus(nullptr);
    focus_client_changed(client);
  }
  keyboard_.set_focus(surface);
}

void Seat::focus_client_changed(wl_client* client) {
  keyboard_client_gone_.disconnect();
  keyboard_client_ = client;
  if (client != nullptr)
    wl_client_add_destroy_listener(client, keyboard_client_gone_.get());
  for (FocusObserver* const observer : observers_)
    observer->keyboard_client_changed(client);
}

void Seat::Resource::get_pointer(wl_resource* resource, std::uint32_t id) {
  seat_.pointer_.create_resource(wl_resource_get_client(resource),
                                 wl_resource_get_version(resource), id);
}

void Seat::Resource::get_keyboard(wl_resource* resource, std::uint32_t id) {
  seat_.keyboard_.create_resource(wl_resource_get_client(resource),
                                  wl_resource_get_version(resource), id);
}

// "It is a protocol violation to issue this request on a seat that has never had the touch
// capability."
void Seat::Resource::get_touch(wl_resource* resource, std::uint32_t id) {
  if (!seat_.had_touch_)
    throw ProtocolError{resource, WL_SEAT_ERROR_MISSING_CAPABILITY, "the seat never had touch"};
  seat_.touch_.create_resource(wl_resource_get_client(resource), wl_resource_get_version(resource),
                               id);
}

}  // namespace demo
