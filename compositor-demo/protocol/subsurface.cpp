#include "compositor-demo/protocol/subsurface.hpp"

#include <algorithm>
#include <exception>
#include <memory>
#include <string>

#include <wayland-server-protocol.h>

#include "compositor-demo/log.hpp"

namespace demo {

namespace {

const struct wl_subcompositor_interface wl_subcompositor_requests = {
    .destroy = destroy_resource,
    .get_subsurface = request<&SubcompositorBinding::get_subsurface>,
};

const struct wl_subsurface_interface wl_subsurface_requests = {
    .destroy = destroy_resource,
    .set_position = request<&Subsurface::set_position>,
    .place_above = request<&Subsurface::place_above>,
    .place_below = request<&Subsurface::place_below>,
    .set_sync = request<&Subsurface::set_sync>,
    .set_desync = request<&Subsurface::set_desync>,
};

}  // namespace

Subcompositor::Subcompositor(wl_display* display)
    : global_{make_global<&Subcompositor::bind>(display, &wl_subcompositor_interface, 1, *this)} {}

void Subcompositor::bind(wl_client* client, int version, std::uint32_t id) {
  auto binding = std::make_unique<SubcompositorBinding>(client);
  give_object(create_resource(client, &wl_subcompositor_interface, version, id),
              &wl_subcompositor_requests, std::move(binding));
}

void SubcompositorBinding::get_subsurface(wl_resource* resource, std::uint32_t id,
                                          wl_resource* surface_resource,
                                          wl_resource* parent_resource) {
  Surface& surface = Surface::from(surface_resource);
  Surface& parent = Surface::from(parent_resource);
  const auto refuse = [resource](const std::string& why) {
    throw ProtocolError{resource, WL_SUBCOMPOSITOR_ERROR_BAD_SURFACE, why};
  };
  if (surface.is_ancestor_of(parent))
    refuse("the parent is the surface itself, or below it");
  if (surface.role() != nullptr ||
      (!surface.role_name().empty() && surface.role_name() != "wl_subsurface"))
    refuse("the surface has a role already: " + surface.role_name());

  wl_client* const client = wl_resource_get_client(resource);
  auto subsurface = std::make_unique<Subsurface>(client, surface, parent);
  give_object(
      create_resource(client, &wl_subsurface_interface, wl_resource_get_version(resource), id),
      &wl_subsurface_requests, std::move(subsurface));
}

Subsurface::Subsurface(wl_client* client, Surface& surface, Surface& parent)
    : charge_{client, Limit::Objects}, surface_{&surface}, parent_{&parent} {
  int level = 1 + surface.levels_below();
  for (const Surface* above = &parent; above != nullptr; above = above->parent())
    ++level;
  if (level > deepest) {
    log::warning("client with pid %d nests more than %d subsurfaces: disconnected",
                 charge_.limits()->pid(), deepest);
    throw LimitExceeded{"more than " + std::to_string(deepest) + " levels of subsurfaces"};
  }
  parent.pending_stack_.push_back(this);
  surface.set_role(role_name(), *this);
  surface.subsurface_ = this;
}

Subsurface::~Subsurface() {
  if (surface_ != nullptr) {
    surface_->subsurface_ = nullptr;
    surface_->clear_role(*this);
    surface_->drop_content();
  }
  leave_parent();
}

void Subsurface::surface_destroyed() noexcept {
  surface_ = nullptr;
  leave_parent();
}

void Subsurface::leave_parent() noexcept {
  if (parent_ == nullptr)
    return;
  std::erase(parent_->pending_stack_, this);
  std::erase(parent_->committed_stack_, this);
  const bool was_there = std::erase(parent_->stack_, this) != 0;
  Surface& parent = *parent_;
  parent_ = nullptr;
  if (!was_there)
    return;
  try {
    parent.tree_changed();
  } catch (const std::exception& error) {
    log::error("a subsurface went, and its news got lost: %s", error.what());
  } catch (...) {
    log::error("a subsurface went, and its news got lost");
  }
}

bool Subsurface::behaves_synchronized() const noexcept {
  for (const Subsurface* at = this; at != nullptr;
       at = at->parent_ == nullptr ? nullptr : at->parent_->subsurface_)
    if (at->synchronized_)
      return true;
  return false;
}

void Subsurface::content_moved(Point by) noexcept {
  position_ = position_ + by;
  committed_position_ = committed_position_ + by;
  pending_position_ = pending_position_ + by;
}

void Subsurface::tree_changed() {
  if (parent_ != nullptr)
    parent_->tree_changed();
}

void Subsurface::set_position(std::int32_t x, std::int32_t y) {
  pending_position_ = {x, y};
}

void Subsurface::place_above(wl_resource* resource, wl_resource* sibling) {
  place(resource, sibling, true);
}

void Subsurface::place_below(wl_resource* resource, wl_resource* sibling) {
  place(resource, sibling, false);
}

void Subsurface::place(wl_resource* resource, wl_resource* sibling_resource, bool above) {
  if (surface_ == nullptr || parent_ == nullptr)
    return;
  const Surface& sibling = Surface::from(sibling_resource);
  // In the stack the parent itself is a null.
  Subsurface* const reference = &sibling == parent_ ? nullptr : sibling.subsurface_;
  const bool is_sibling =
      reference != nullptr && reference != this && reference->parent_ == parent_;
  if (&sibling != parent_ && !is_sibling)
    throw ProtocolError{resource, WL_SUBSURFACE_ERROR_BAD_SURFACE,
                        "the reference is neither the parent nor another child of it"};
  auto& stack = parent_->pending_stack_;
  std::erase(stack, this);
  const auto at = std::find(stack.begin(), stack.end(), reference);
  stack.insert(above ? at + 1 : at, this);  // into the place it just left: never allocates
}

void Subsurface::set_desync() {
  synchronized_ = false;
  if (surface_ != nullptr)
    surface_->release_cached();
}

}  // namespace demo
