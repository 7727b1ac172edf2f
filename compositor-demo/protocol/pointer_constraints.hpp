// zwp_pointer_constraints: surfaces that hold the pointer where it is, or keep it within.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <wayland-server-core.h>

#include "compositor-demo/geometry.hpp"
#include "compositor-demo/protocol/client_limits.hpp"
#include "compositor-demo/protocol/resource.hpp"
#include "compositor-demo/protocol/surface.hpp"
#include "compositor-demo/protocol/surface_watch.hpp"

namespace demo {

class PointerConstraints;

// A zwp_locked_pointer_v1 or zwp_confined_pointer_v1.
class PointerConstraint final : private Surface::Extension {
 public:
  enum class Kind { Lock, Confinement };

  PointerConstraint(PointerConstraints& all, wl_resource* resource, Kind kind, Surface& surface,
                    std::shared_ptr<const Region> region, bool persistent);
  PointerConstraint(const PointerConstraint&) = delete;
  PointerConstraint& operator=(const PointerConstraint&) = delete;
  ~PointerConstraint();

  Kind kind() const noexcept { return kind_; }
  // Null when it was destroyed: then this does nothing any more.
  Surface* surface() const noexcept { return surface_.get(); }
  bool active() const noexcept { return active_; }
  // Where the pointer must be for it to be active, surface-local.
  Region area() const;
  bool may_activate(double x, double y) const;
  void activate() noexcept;
  // A oneshot one is of no more use.
  void deactivate() noexcept;
  // The nearest place that the pointer may go to.
  std::pair<double, double> nearest(double x, double y) const;

  // Requests.
  void set_region(wl_resource* region);
  void set_cursor_position_hint(wl_fixed_t x, wl_fixed_t y);

 private:
  // State that waits for a commit of the surface.
  struct State {
    std::shared_ptr<const Region> region;  // null: all of the surface
    std::optional<std::pair<double, double>> hint;
  };

  void surface_applied() override;
  void surface_gone() noexcept;

  PointerConstraints& all_;
  wl_resource* resource_;
  Charge charge_;
  Kind kind_;
  bool persistent_;
  bool active_ = false;
  bool used_up_ = false;
  State pending_;
  State current_;
  SurfaceWatch surface_{[this] { surface_gone(); }};
};

// The global, and all constraints. Outlives its clients.
class PointerConstraints {
 public:
  // Advertises zwp_pointer_constraints_v1. Throws std::runtime_error.
  explicit PointerConstraints(wl_display* display);
  PointerConstraints(const PointerConstraints&) = delete;
  PointerConstraints& operator=(const PointerConstraints&) = delete;

  // Called when one may become active, or is not what it was: update() is to be called. It must not
  // throw.
  void on_change(std::function<void()> changed) { changed_ = std::move(changed); }
  // Called when a lock ends whose client has said where the pointer should be then, in the
  // coordinates of the surface. It must not throw.
  void on_warp(std::function<void(Surface&, double x, double y)> warp) { warp_ = std::move(warp); }

  // The pointer is there on this surface, or on none; `chosen`: it is of the window that the user
  // works with.
  void update(Surface* focus, double x, double y, bool chosen);
  // At most one is.
  PointerConstraint* active() const noexcept;

  void bind(wl_client* client, int version, std::uint32_t id);

 private:
  friend class PointerConstraint;
  friend class PointerConstraintsBinding;
  void changed() const noexcept {
    if (changed_)
      changed_();
  }

  std::function<void()> changed_;
  std::function<void(Surface&, double, double)> warp_;
  std::vector<PointerConstraint*> constraints_;  // of all clients
  Global global_;
};

// What a client bound of it.
class PointerConstraintsBinding {
 public:
  PointerConstraintsBinding(PointerConstraints& owner, wl_client* client)
      : owner_{owner}, charge_{client, Limit::Bindings} {}
  void lock_pointer(wl_resource* resource, std::uint32_t id, wl_resource* surface,
                    wl_resource* pointer, wl_resource* region, std::uint32_t lifetime);
  void confine_pointer(wl_resource* resource, std::uint32_t id, wl_resource* surface,
                       wl_resource* pointer, wl_resource* region, std::uint32_t lifetime);

 private:
  void constrain(wl_resource* resource, std::uint32_t id, PointerConstraint::Kind kind,
                 Surface& surface, wl_resource* region, std::uint32_t lifetime);

  PointerConstraints& owner_;
  Charge charge_;
};

}  // namespace demo
