// The surface that is the pointer's image, and its hot spot.
#pragma once

#include <functional>
#include <string_view>
#include <utility>

#include "compositor-demo/geometry.hpp"
#include "compositor-demo/protocol/surface.hpp"

namespace demo {

// wl_pointer.set_cursor gives a surface this role; one surface at a time plays it.
class Cursor final : public Surface::Role {
 public:
  static constexpr std::string_view name = "wl_pointer_cursor";

  Cursor() = default;
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;
  ~Cursor() { reset(); }

  // Called when it looks different, or may. It must not throw.
  void on_change(std::function<void()> changed) { changed_ = std::move(changed); }

  // False, and nothing changes, if the surface has another role.
  bool set(Surface& surface, Point hotspot);
  // The client wants none to be seen.
  void hide() noexcept;
  // Nobody has said anything: the compositor's own image.
  void reset() noexcept;

  // Null if it is hidden or nobody has set it.
  Surface* surface() const noexcept { return surface_; }
  bool hidden() const noexcept { return hidden_; }
  // The pointer's position in the surface's coordinates.
  Point hotspot() const noexcept { return hotspot_; }

  // Surface::Role.
  std::string_view role_name() const noexcept override { return name; }
  void committed() override;
  void surface_destroyed() noexcept override {
    surface_ = nullptr;
    changed();
  }

 private:
  void changed() const noexcept {
    if (changed_)
      changed_();
  }

  std::function<void()> changed_;
  Surface* surface_ = nullptr;
  Point hotspot_;
  bool hidden_ = false;
};

}  // namespace demo
