#include "compositor-demo/protocol/pointer.hpp"

#include <algorithm>
#include <string>

#include "compositor-demo/protocol/fixed.hpp"
#include "compositor-demo/protocol/resource.hpp"

namespace demo {
namespace {

void send_frame(wl_resource* resource) noexcept {
  if (wl_resource_get_version(resource) >= WL_POINTER_FRAME_SINCE_VERSION)
    wl_pointer_send_frame(resource);
}

void send_source(wl_resource* resource, Pointer::Scroll::Source source) noexcept {
  using Source = Pointer::Scroll::Source;
  const int version = wl_resource_get_version(resource);
  if (source == Source::Unknown || version < WL_POINTER_AXIS_SOURCE_SINCE_VERSION)
    return;
  if (source == Source::WheelTilt) {
    if (version >= WL_POINTER_AXIS_SOURCE_WHEEL_TILT_SINCE_VERSION)
      wl_pointer_send_axis_source(resource, WL_POINTER_AXIS_SOURCE_WHEEL_TILT);
    return;
  }
  wl_pointer_send_axis_source(resource, source == Source::Wheel ? WL_POINTER_AXIS_SOURCE_WHEEL
                                        : source == Source::Finger
                                            ? WL_POINTER_AXIS_SOURCE_FINGER
                                            : WL_POINTER_AXIS_SOURCE_CONTINUOUS);
}

void send_axis(wl_resource* resource, wl_pointer_axis which, const Pointer::Scroll::Axis& axis,
               std::uint32_t milliseconds) noexcept {
  const int version = wl_resource_get_version(resource);
  if (axis.value120 != 0) {
    if (version >= WL_POINTER_AXIS_VALUE120_SINCE_VERSION) {
      wl_pointer_send_axis_value120(resource, which, axis.value120);
    } else if (version >= WL_POINTER_AXIS_DISCRETE_SINCE_VERSION && axis.value120 / 120 != 0) {
      wl_pointer_send_axis_discrete(resource, which, axis.value120 / 120);
    }
  }
  if (axis.stop) {
    if (version >= WL_POINTER_AXIS_STOP_SINCE_VERSION)
      wl_pointer_send_axis_stop(resource, milliseconds, which);
    return;
  }
  wl_pointer_send_axis(resource, milliseconds, which, fixed(axis.value));
}

}  // namespace

const struct wl_pointer_interface Pointer::Resource::requests = {
    .set_cursor = request<&Pointer::Resource::set_cursor>,
    .release = destroy_resource,
};

Pointer::Resource::Resource(Pointer& pointer, wl_resource* resource)
    : pointer_{pointer},
      resource_{resource},
      charge_{wl_resource_get_client(resource), Limit::Objects} {
  pointer_.resources_.push_back(resource_);
}

Pointer::Resource::~Resource() {
  std::erase(pointer_.resources_, resource_);
  std::erase(pointer_.focused_, resource_);
}

Pointer::Pointer(InputSerials& serials) : serials_{serials} {}

void Pointer::create_resource(wl_client* client, int version, std::uint32_t id) {
  wl_resource* resource = demo::create_resource(client, &wl_pointer_interface, version, id);
  give_object(resource, &Resource::requests, std::make_unique<Resource>(*this, resource));
  if (!is_focused(resource))
    return;
  focused_.push_back(resource);
  wl_pointer_send_enter(resource, enter_serial_, focus()->resource(), fixed(x_), fixed(y_));
  send_frame(resource);
}

bool Pointer::is_focused(wl_resource* resource) const noexcept {
  return focus() != nullptr && wl_resource_get_client(resource) == focus()->client();
}

void Pointer::set_focus(Surface* surface, double x, double y) {
  x_ = x;
  y_ = y;
  if (surface == focus())
    return;
  const wl_client* const old_client = focus() != nullptr ? focus()->client() : nullptr;
  if (Surface* const left = focus()) {
    const std::uint32_t serial = serials_.next(left->client());
    for (wl_resource* resource : focused_) {
      wl_pointer_send_leave(resource, serial, left->resource());
      // Within a client leave and enter are one event, in one frame.
      if (surface == nullptr || surface->client() != old_client)
        send_frame(resource);
    }
  }
  focused_.clear();
  focus_.watch(surface);
  // "When a seat's focus enters a surface, the pointer image is undefined".
  if (surface == nullptr || surface->client() != old_client)
    cursor_.reset();
  if (surface == nullptr)
    return;
  enter_serial_ = serials_.next(surface->client());
  for (wl_resource* resource : resources_) {
    if (!is_focused(resource))
      continue;
    focused_.push_back(resource);
    wl_pointer_send_enter(resource, enter_serial_, surface->resource(), fixed(x), fixed(y));
    send_frame(resource);
  }
}

void Pointer::motion(const std::optional<Surface::Hit>& under, std::uint32_t milliseconds) {
  Surface* const surface = under ? under->surface : nullptr;
  const double x = under ? under->x : 0;
  const double y = under ? under->y : 0;
  if (grabbed()) {
    under_.watch(surface);
    under_x_ = x;
    under_y_ = y;
    if (surface != nullptr && surface == focus())
      send_motion(x, y, milliseconds);
    return;
  }
  if (surface != focus()) {
    set_focus(surface, x, y);
  } else if (surface != nullptr) {
    send_motion(x, y, milliseconds);
  }
}

void Pointer::grabbed_motion(double x, double y, std::uint32_t milliseconds) {
  if (grabbed() && focus() != nullptr)
    send_motion(x, y, milliseconds);
}

void Pointer::send_motion(double x, double y, std::uint32_t milliseconds) {
  if (x == x_ && y == y_)
    return;
  x_ = x;
  y_ = y;
  for (wl_resource* resource : focused_) {
    wl_pointer_send_motion(resource, milliseconds, fixed(x), fixed(y));
    send_frame(resource);
  }
}

void Pointer::frame() const noexcept {
  for (wl_resource* const resource : focused_)
    send_frame(resource);
}

void Pointer::button(std::uint32_t button, bool pressed, std::uint32_t milliseconds) {
  const auto down = std::find(pressed_.begin(), pressed_.end(), button);
  if ((down != pressed_.end()) == pressed)
    return;
  const bool first = pressed_.empty();
  if (pressed) {
    pressed_.push_back(button);
  } else {
    pressed_.erase(down);
  }
  if (focus() != nullptr) {
    const std::uint32_t serial = serials_.next(focus()->client());
    if (pressed && first)
      grab_serial_ = serial;
    for (wl_resource* resource : focused_) {
      wl_pointer_send_button(
          resource, serial, milliseconds, button,
          pressed ? WL_POINTER_BUTTON_STATE_PRESSED : WL_POINTER_BUTTON_STATE_RELEASED);
      send_frame(resource);
    }
  }
  if (pressed && first) {
    under_.watch(focus());
    under_x_ = x_;
    under_y_ = y_;
  } else if (pressed_.empty()) {
    set_focus(under_.get(), under_x_, under_y_);
    under_.watch(nullptr);
  }
}

void Pointer::scroll(const Scroll& scroll, std::uint32_t milliseconds) {
  for (wl_resource* resource : focused_) {
    send_source(resource, scroll.source);
    if (scroll.vertical)
      send_axis(resource, WL_POINTER_AXIS_VERTICAL_SCROLL, *scroll.vertical, milliseconds);
    if (scroll.horizontal)
      send_axis(resource, WL_POINTER_AXIS_HORIZONTAL_SCROLL, *scroll.horizontal, milliseconds);
    send_frame(resource);
  }
}

void Pointer::Resource::set_cursor(wl_resource* resource, std::uint32_t serial,
                                   wl_resource* surface, std::int32_t hotspot_x,
                                   std::int32_t hotspot_y) {
  Surface* const image = surface != nullptr ? &Surface::from(surface) : nullptr;
  if (image != nullptr && !image->role_name().empty() && image->role_name() != Cursor::name)
    throw ProtocolError{resource, WL_POINTER_ERROR_ROLE,
                        "the wl_surface already is " + image->role_name()};
  if (!pointer_.is_focused(resource) || serial != pointer_.enter_serial_)
    return;
  if (image == nullptr) {
    pointer_.cursor_.hide();
  } else if (!pointer_.cursor_.set(*image, {hotspot_x, hotspot_y})) {
    throw ProtocolError{resource, WL_POINTER_ERROR_ROLE, "the wl_surface already has a role"};
  }
}

}  // namespace demo
