#include "compositor-demo/protocol/selection.hpp"

#include <algorithm>
#include <cstddef>
#include <new>
#include <utility>

#include "compositor-demo/log.hpp"
#include "compositor-demo/protocol/resource.hpp"

namespace demo {
namespace {

// Each is told of the selection; clients have one for each seat.
constexpr std::ptrdiff_t max_devices = 8;

// Serials count upwards and wrap around.
bool older(std::uint32_t left, std::uint32_t right) noexcept {
  return static_cast<std::int32_t>(left - right) < 0;
}

}  // namespace

Selection::Selection(wl_display* display, Seat& seat)
    : display_{display}, seat_{seat}, retry_{display, [this] { announce(); }} {
  seat_.observe_focus(*this);
}

Selection::~Selection() {
  seat_.ignore_focus(*this);
}

// The client with the keyboard acts for the user. So does, once for each event, one that answers an
// event it got lately: it may have lost the keyboard meanwhile. Who answers an older event than the
// one that set the selection is too late. Where there is none, anybody may set one: nobody loses
// anything, and clients without a window can be pasted from.
bool Selection::may_set(const wl_client* client, std::uint32_t& serial) const noexcept {
  const bool has_keyboard = client == seat_.keyboard_client();
  if (!seat_.serials().sent_to(client, serial)) {
    if (!has_keyboard && current_ != nullptr)
      return false;
    serial = seat_.serials().latest();
  }
  return !was_set_ || older(serial_, serial) || (has_keyboard && serial == serial_);
}

void Selection::set(SelectionSource* source, std::uint32_t serial) {
  announce_soon();
  serial_ = serial;
  was_set_ = true;
  SelectionSource* const replaced = std::exchange(current_, source);
  if (replaced != nullptr && replaced != source)
    replaced->cancel();
  if (source != nullptr) {
    source->use(*this);
    source->mark_selected();
  }
}

void Selection::announce_soon() {
  if (announcement_ != nullptr || seat_.keyboard_client() == nullptr)
    return;
  const auto announce_now = [](void* self) {
    static_cast<Selection*>(self)->announcement_ = nullptr;  // it runs once
    static_cast<Selection*>(self)->announce();
  };
  announcement_ = wl_event_loop_add_idle(wl_display_get_event_loop(display_), announce_now, this);
  if (announcement_ == nullptr)
    throw std::bad_alloc{};
}

void Selection::announce() noexcept {
  if (announcement_ != nullptr)
    wl_event_source_remove(std::exchange(announcement_, nullptr));
  retry_.stop();
  wl_client* const client = seat_.keyboard_client();
  if (client == nullptr)
    return;
  // Others may set selection after selection while this one is busy.
  if (!has_room(client)) {
    retry_.start();
    return;
  }
  // What goes wrong here is that client's trouble, not the caller's.
  serve(client, [&] {
    for (Device* device : devices_)
      if (device->client() == client)
        device->send_selection(current_);
  });
}

void Selection::keyboard_client_changed(wl_client* /*client*/) {
  announce();
}

void Selection::source_destroyed(SelectionSource& source) noexcept {
  if (&source != current_)
    return;
  current_ = nullptr;
  try {
    announce_soon();
  } catch (const std::bad_alloc&) {
    announce();
  }
}

Selection::Device::Device(Selection& selection, wl_resource* resource)
    : selection_{selection}, resource_{resource}, charge_{client(), Limit::Objects} {
  const auto same_client = [this](const Device* other) { return other->client() == client(); };
  auto& devices = selection_.devices_;
  if (std::count_if(devices.begin(), devices.end(), same_client) >= max_devices) {
    log::warning("a client makes more than %td data devices: disconnected", max_devices);
    throw LimitExceeded{"too many data devices"};
  }
  devices.push_back(this);
}

Selection::Device::~Device() {
  std::erase(selection_.devices_, this);
}

void Selection::Device::made() {
  if (client() == selection_.seat_.keyboard_client())
    send_selection(selection_.current_);
}

void Selection::Device::set_selection(SelectionSource* source, std::uint32_t serial) {
  if (selection_.may_set(client(), serial))
    selection_.set(source, serial);
  else if (source != nullptr)
    source->refuse();
}

}  // namespace demo
