// A surface that may be destroyed at any time.
#pragma once

#include <functional>
#include <utility>

#include <wayland-server-core.h>

#include <calloop/adapters/wayland_server.hpp>

#include "compositor-demo/protocol/surface.hpp"

namespace demo {

// Forgets the surface the moment its destruction begins.
class SurfaceWatch {
 public:
  // `gone`, if given, is called then; it must not throw and finds get() null.
  explicit SurfaceWatch(std::function<void()> gone = {})
      : on_gone_{std::move(gone)}, destroyed_{[this](void*) noexcept { forget(); }} {}

  Surface* get() const noexcept { return surface_; }
  void watch(Surface* surface) noexcept {
    if (surface == surface_)
      return;
    destroyed_.disconnect();
    surface_ = surface;
    if (surface != nullptr)
      wl_resource_add_destroy_listener(surface->resource(), destroyed_.get());
  }

 private:
  void forget() noexcept {
    destroyed_.disconnect();
    surface_ = nullptr;
    if (on_gone_)
      on_gone_();
  }

  std::function<void()> on_gone_;
  Surface* surface_ = nullptr;
  calloop::wayland::Listener destroyed_;
};

}  // namespace demo
