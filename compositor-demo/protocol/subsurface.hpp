// wl_subcompositor and wl_subsurface: surfaces that are parts of other surfaces.
//
// A Subsurface is the role of one surface and knows its place in another; the stack itself, and the
// state that waits for the parent, are in Surface.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include <wayland-server-core.h>

#include "compositor-demo/geometry.hpp"
#include "compositor-demo/protocol/client_limits.hpp"
#include "compositor-demo/protocol/resource.hpp"
#include "compositor-demo/protocol/surface.hpp"

namespace demo {

// The global. Outlives its clients.
class Subcompositor {
 public:
  // Advertises wl_subcompositor 1. Throws std::runtime_error.
  explicit Subcompositor(wl_display* display);
  void bind(wl_client* client, int version, std::uint32_t id);

 private:
  Global global_;
};

// What a client bound of it.
class SubcompositorBinding {
 public:
  explicit SubcompositorBinding(wl_client* client) : charge_{client, Limit::Bindings} {}
  void get_subsurface(wl_resource* resource, std::uint32_t id, wl_resource* surface,
                      wl_resource* parent);

 private:
  Charge charge_;
};

class Subsurface final : public Surface::Role {
 public:
  // Surfaces below surfaces: deeper than any client goes, and every walk over them is recursive.
  static constexpr int deepest = 64;

  Subsurface(wl_client* client, Surface& surface, Surface& parent);
  Subsurface(const Subsurface&) = delete;
  Subsurface& operator=(const Subsurface&) = delete;
  ~Subsurface();

  // Null when it was destroyed; then this does nothing any more, and is in no stack.
  Surface* surface() const noexcept { return surface_; }
  Surface* parent() const noexcept { return parent_; }
  // Of the top left, in the parent's coordinates.
  Point position() const noexcept { return position_; }
  // Whether commits wait for the parent's: its own mode, or that of one above it.
  bool behaves_synchronized() const noexcept;

  // From the parent surface. Its state was committed, and with it where this one is to be.
  void parent_committed() noexcept { committed_position_ = pending_position_; }
  // That took effect: whether it moved this one.
  bool parent_applied() noexcept {
    return std::exchange(position_, committed_position_) != position_;
  }
  void parent_destroyed() noexcept { parent_ = nullptr; }
  // A commit moved the content by wl_surface.offset.
  void content_moved(Point by) noexcept;

  // Surface::Role.
  std::string_view role_name() const noexcept override { return "wl_subsurface"; }
  void tree_changed() override;
  bool is_mapped() const noexcept override { return parent_ != nullptr && parent_->is_mapped(); }
  void surface_destroyed() noexcept override;

  // Requests.
  void set_position(std::int32_t x, std::int32_t y);
  void place_above(wl_resource* resource, wl_resource* sibling);
  void place_below(wl_resource* resource, wl_resource* sibling);
  void set_sync() noexcept { synchronized_ = true; }
  void set_desync();

 private:
  void place(wl_resource* resource, wl_resource* sibling, bool above);
  void leave_parent() noexcept;

  Charge charge_;
  Surface* surface_;
  Surface* parent_;
  bool synchronized_ = true;
  Point position_;
  Point committed_position_;
  Point pending_position_;
};

}  // namespace demo
