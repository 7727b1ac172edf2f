#include "compositor-demo/protocol/drag.hpp"

#include <algorithm>
#include <utility>

#include <wayland-server-protocol.h>

#include "compositor-demo/protocol/data_device.hpp"
#include "compositor-demo/protocol/data_offer.hpp"
#include "compositor-demo/protocol/data_source.hpp"
#include "compositor-demo/protocol/fixed.hpp"
#include "compositor-demo/protocol/resource.hpp"
#include "compositor-demo/protocol/seat.hpp"

namespace demo {

// ----------------------------------------------------------------------------------- the picture

bool DragIcon::set(Surface& surface) {
  if (!surface.set_role(name, *this))
    return false;
  surface_ = &surface;
  offset_ = {};
  changed_();
  return true;
}

void DragIcon::reset() noexcept {
  if (Surface* const surface = std::exchange(surface_, nullptr)) {
    surface->clear_role(*this);
    surface->drop_content();
    changed_();
  }
}

// "Initially, the top-left corner of the icon surface is placed at the cursor hotspot, but
// subsequent wl_surface.attach request can move the relative position."
void DragIcon::committed() {
  offset_ = offset_ + surface_->current().offset;
  changed_();
}

void DragIcon::surface_destroyed() noexcept {
  surface_ = nullptr;
  changed_();
}

// --------------------------------------------------------------------------------- the operation

bool Drag::begin(DataSource* source, Surface& origin, Surface* icon, std::uint32_t serial) {
  if (active_ || (source != nullptr && source->was_used()))
    return false;
  const bool by_pointer = seat_.pointer().grabbed_with(serial) == &origin;
  const std::optional<std::int32_t> finger =
      by_pointer ? std::nullopt : seat_.touch().put_down_with(serial);
  if (!by_pointer && (!finger || seat_.touch().surface_of(*finger) != &origin))
    return false;
  if (icon != nullptr)
    icon_.set(*icon);
  active_ = true;
  touch_ = finger;
  origin_.watch(&origin);
  source_ = source;
  if (source != nullptr)
    source->use(*this);
  if (by_pointer)
    seat_.pointer().take_away();
  else
    seat_.touch().cancel(origin.client());
  changed();
  return true;
}

void Drag::motion(const std::optional<Surface::Hit>& under, std::uint32_t milliseconds) {
  if (!active_)
    return;
  Surface* const surface = under ? under->surface : nullptr;
  if (surface != focus_.get()) {
    leave();
    // "If the source is NULL, enter, leave and motion events are sent only to the client that
    // initiated the drag".
    const Surface* const origin = origin_.get();
    const bool told = source_ != nullptr || (surface != nullptr && origin != nullptr &&
                                             surface->client() == origin->client());
    if (surface != nullptr && told)
      enter(*surface, under->x, under->y);
  } else if (surface != nullptr) {
    for (const Told& told : told_)
      wl_data_device_send_motion(told.device->resource(), milliseconds, fixed(under->x),
                                 fixed(under->y));
  }
}

void Drag::enter(Surface& surface, double x, double y) {
  focus_.watch(&surface);
  wl_client* const client = surface.client();
  const std::uint32_t serial = seat_.serials().next(client);
  // What goes wrong here is that client's trouble.
  serve(client, [&] {
    for (DataDevice* const device : devices_) {
      if (device->client() != client)
        continue;
      DataOffer* const offer = source_ == nullptr ? nullptr
                                                  : &DataOffer::create(device->resource(), *source_,
                                                                       DataOffer::Of::Drag);
      told_.push_back({device, offer});
      wl_data_device_send_enter(device->resource(), serial, surface.resource(), fixed(x), fixed(y),
                                offer == nullptr ? nullptr : offer->resource());
    }
  });
}

// What was offered cannot be read any more: it is carried on.
void Drag::leave() noexcept {
  if (focus_.get() == nullptr && told_.empty())
    return;
  for (const Told& told : std::exchange(told_, {}))
    wl_data_device_send_leave(told.device->resource());
  focus_.watch(nullptr);
  if (source_ != nullptr) {
    source_->end_offers();
    source_->send_target(nullptr);
  }
}

void Drag::drop() noexcept {
  if (!active_)
    return;
  const bool wanted =
      !told_.empty() && (source_ == nullptr || std::ranges::any_of(told_, [](const Told& told) {
                           return told.offer != nullptr && told.offer->wants_drop();
                         }));
  if (!wanted)
    return cancel();
  for (const Told& told : std::exchange(told_, {})) {
    wl_data_device_send_drop(told.device->resource());
    wl_data_device_send_leave(told.device->resource());
    if (told.offer != nullptr)
      told.offer->dropped();
  }
  if (DataSource* const source = std::exchange(source_, nullptr)) {
    source->send_dropped();
    source->leave_to_offers();
  }
  end();
}

void Drag::cancel() noexcept {
  if (!active_)
    return;
  leave();
  if (DataSource* const source = std::exchange(source_, nullptr))
    source->cancel();
  end();
}

void Drag::end() noexcept {
  active_ = false;
  touch_.reset();
  told_.clear();
  origin_.watch(nullptr);
  focus_.watch(nullptr);
  icon_.reset();
  changed();
}

// Its client is gone, or has thought better of it.
void Drag::source_destroyed(SelectionSource& /*source*/) noexcept {
  source_ = nullptr;
  cancel();
}

// What has a source goes on without the window that it came from.
void Drag::origin_gone() noexcept {
  if (source_ == nullptr)
    cancel();
}

void Drag::device_destroyed(const DataDevice& device) noexcept {
  std::erase_if(told_, [&device](const Told& told) { return told.device == &device; });
}

}  // namespace demo
