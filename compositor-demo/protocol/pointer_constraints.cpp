#include "compositor-demo/protocol/pointer_constraints.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "compositor-demo/protocol/region.hpp"
#include "pointer-constraints-unstable-v1-server-protocol.h"

namespace demo {
namespace {

constexpr int pointer_constraints_version = 1;

const struct zwp_pointer_constraints_v1_interface pointer_constraints_requests = {
    .destroy = destroy_resource,
    .lock_pointer = request<&PointerConstraintsBinding::lock_pointer>,
    .confine_pointer = request<&PointerConstraintsBinding::confine_pointer>,
};

const struct zwp_locked_pointer_v1_interface locked_pointer_requests = {
    .destroy = destroy_resource,
    .set_cursor_position_hint = request<&PointerConstraint::set_cursor_position_hint>,
    .set_region = request<&PointerConstraint::set_region>,
};

const struct zwp_confined_pointer_v1_interface confined_pointer_requests = {
    .destroy = destroy_resource,
    .set_region = request<&PointerConstraint::set_region>,
};

Point pixel(double x, double y) noexcept {
  return {static_cast<int>(std::floor(x)), static_cast<int>(std::floor(y))};
}

// There, or at the corner of the first or last pixel.
double within(double at, int begin, int end) noexcept {
  return at < begin ? begin : at >= end ? end - 1 : at;
}

}  // namespace

// ---------------------------------------------------------------------------------- a constraint

PointerConstraint::PointerConstraint(PointerConstraints& all, wl_resource* resource, Kind kind,
                                     Surface& surface, std::shared_ptr<const Region> region,
                                     bool persistent)
    : all_{all},
      resource_{resource},
      charge_{wl_resource_get_client(resource), Limit::Objects},
      kind_{kind},
      persistent_{persistent} {
  // The first region takes effect at once.
  pending_.region = current_.region = std::move(region);
  all_.constraints_.push_back(this);
  try {
    surface.add_extension(*this);
  } catch (...) {
    all_.constraints_.pop_back();
    throw;
  }
  surface_.watch(&surface);
}

// "the compositor may warp the cursor position to the set cursor position hint".
PointerConstraint::~PointerConstraint() {
  std::erase(all_.constraints_, this);
  Surface* const surface = surface_.get();
  if (surface == nullptr)
    return;
  surface->remove_extension(*this);
  if (active_ && kind_ == Kind::Lock && current_.hint && all_.warp_) {
    const auto [x, y] = *current_.hint;
    if (area().contains(pixel(x, y)))
      all_.warp_(*surface, x, y);
  }
  if (active_)
    all_.changed();
}

void PointerConstraint::surface_gone() noexcept {
  active_ = false;
  used_up_ = true;
}

// "The intersection of the region passed with this request and the input region of the surface".
Region PointerConstraint::area() const {
  Region area{Rect::at({}, surface_.get()->size())};
  if (const auto& input = surface_.get()->current().input)
    area.intersect(*input);
  if (current_.region)
    area.intersect(*current_.region);
  return area;
}

bool PointerConstraint::may_activate(double x, double y) const {
  return !used_up_ && surface_.get() != nullptr && area().contains(pixel(x, y));
}

void PointerConstraint::activate() noexcept {
  active_ = true;
  if (kind_ == Kind::Lock)
    zwp_locked_pointer_v1_send_locked(resource_);
  else
    zwp_confined_pointer_v1_send_confined(resource_);
}

void PointerConstraint::deactivate() noexcept {
  active_ = false;
  used_up_ = !persistent_;
  if (kind_ == Kind::Lock)
    zwp_locked_pointer_v1_send_unlocked(resource_);
  else
    zwp_confined_pointer_v1_send_unconfined(resource_);
}

std::pair<double, double> PointerConstraint::nearest(double x, double y) const {
  std::pair<double, double> best{x, y};
  double shortest = std::numeric_limits<double>::infinity();
  const Region allowed = area();
  for (const pixman_box32_t& box : allowed.rects()) {
    const double at_x = within(x, box.x1, box.x2);
    const double at_y = within(y, box.y1, box.y2);
    const double distance = std::hypot(at_x - x, at_y - y);
    if (distance < shortest) {
      shortest = distance;
      best = {at_x, at_y};
    }
  }
  return best;
}

void PointerConstraint::set_region(wl_resource* region) {
  pending_.region = RegionObject::from(region);
}

void PointerConstraint::set_cursor_position_hint(wl_fixed_t x, wl_fixed_t y) {
  pending_.hint = {wl_fixed_to_double(x), wl_fixed_to_double(y)};
}

void PointerConstraint::surface_applied() {
  current_ = pending_;
  all_.changed();
}

// ------------------------------------------------------------------------------------ all of them

PointerConstraints::PointerConstraints(wl_display* display)
    : global_{make_global<&PointerConstraints::bind>(display, &zwp_pointer_constraints_v1_interface,
                                                     pointer_constraints_version, *this)} {}

PointerConstraint* PointerConstraints::active() const noexcept {
  const auto found = std::ranges::find_if(
      constraints_, [](const PointerConstraint* constraint) { return constraint->active(); });
  return found == constraints_.end() ? nullptr : *found;
}

void PointerConstraints::update(Surface* focus, double x, double y, bool chosen) {
  if (PointerConstraint* const now = active()) {
    if (chosen && now->surface() == focus && now->area().contains(pixel(x, y)))
      return;
    now->deactivate();
  }
  if (focus == nullptr || !chosen)
    return;
  for (PointerConstraint* const constraint : constraints_)
    if (constraint->surface() == focus && constraint->may_activate(x, y))
      return constraint->activate();
}

void PointerConstraints::bind(wl_client* client, int bound_version, std::uint32_t id) {
  auto binding = std::make_unique<PointerConstraintsBinding>(*this, client);
  give_object(create_resource(client, &zwp_pointer_constraints_v1_interface, bound_version, id),
              &pointer_constraints_requests, std::move(binding));
}

void PointerConstraintsBinding::lock_pointer(wl_resource* resource, std::uint32_t id,
                                             wl_resource* surface, wl_resource* /*pointer*/,
                                             wl_resource* region, std::uint32_t lifetime) {
  constrain(resource, id, PointerConstraint::Kind::Lock, Surface::from(surface), region, lifetime);
}

void PointerConstraintsBinding::confine_pointer(wl_resource* resource, std::uint32_t id,
                                                wl_resource* surface, wl_resource* /*pointer*/,
                                                wl_resource* region, std::uint32_t lifetime) {
  constrain(resource, id, PointerConstraint::Kind::Confinement, Surface::from(surface), region,
            lifetime);
}

void PointerConstraintsBinding::constrain(wl_resource* resource, std::uint32_t id,
                                          PointerConstraint::Kind kind, Surface& surface,
                                          wl_resource* region, std::uint32_t lifetime) {
  const bool constrained = std::ranges::any_of(
      owner_.constraints_,
      [&surface](const PointerConstraint* other) { return other->surface() == &surface; });
  if (constrained)
    throw ProtocolError{resource, ZWP_POINTER_CONSTRAINTS_V1_ERROR_ALREADY_CONSTRAINED,
                        "the surface already has a constraint"};
  const bool locks = kind == PointerConstraint::Kind::Lock;
  wl_resource* const constraint =
      create_resource(wl_resource_get_client(resource),
                      locks ? &zwp_locked_pointer_v1_interface : &zwp_confined_pointer_v1_interface,
                      pointer_constraints_version, id);
  const void* const requests = locks ? static_cast<const void*>(&locked_pointer_requests)
                                     : static_cast<const void*>(&confined_pointer_requests);
  give_object(constraint, requests,
              std::make_unique<PointerConstraint>(
                  owner_, constraint, kind, surface, RegionObject::from(region),
                  lifetime == ZWP_POINTER_CONSTRAINTS_V1_LIFETIME_PERSISTENT));
  owner_.changed();
}

}  // namespace demo
