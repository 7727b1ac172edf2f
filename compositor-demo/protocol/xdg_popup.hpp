// xdg_popup: a menu, a tooltip. It is placed by the rules of a positioner, next to its parent.
//
// With an explicit grab it has the keyboard, and is dismissed when the user presses something that
// is not its client's.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>

#include <wayland-server-core.h>

#include "compositor-demo/geometry.hpp"
#include "compositor-demo/protocol/client_limits.hpp"
#include "compositor-demo/protocol/popup_placement.hpp"
#include "compositor-demo/protocol/xdg_surface.hpp"

namespace demo {

class XdgPopup final : public XdgSurface::Object {
 public:
  // `parent` may be null: then it must not be committed, as nobody else can give it one.
  static XdgPopup& create(XdgSurface& surface, int version, std::uint32_t id, XdgSurface* parent,
                          const PlacementRules& rules);

  XdgPopup(XdgSurface& surface, wl_resource* resource, XdgSurface* parent,
           const PlacementRules& rules);
  XdgPopup(const XdgPopup&) = delete;
  XdgPopup& operator=(const XdgPopup&) = delete;
  ~XdgPopup();

  // Null once it is dismissed.
  XdgSurface* parent() const noexcept { return parent_; }
  // Whether that is its surface, shown or not.
  bool is_made_of(const Surface& surface) const noexcept {
    return xdg_surface_ != nullptr && xdg_surface_->surface() == &surface;
  }
  // The surface, if there is something to show.
  Surface* shown_surface() const noexcept;
  wl_client* client() const noexcept { return wl_resource_get_client(resource_); }
  // Has the keyboard, as long as no other one is on it.
  bool grabbing() const noexcept { return grabbing_ && !dismissed_; }
  // Where the surface's top left goes, relative to that of the toplevel's window geometry.
  Point surface_position() const noexcept;

  // Takes it from the screen and tells the client, popups on it first. Only once.
  void dismiss() noexcept;
  // The bounds changed: if it is reactive it is placed anew.
  void reconstrain();
  void toplevel_destroyed() noexcept { toplevel_ = nullptr; }

  // XdgSurface::Object.
  std::string_view role_name() const noexcept override { return "xdg_popup"; }
  void send_configuration(std::uint32_t serial) override;
  void before_commit(bool initial, bool maps) override;
  void committed(std::optional<std::uint32_t> serial) override;
  void mapped() override;
  void unmapped() noexcept override;
  void tree_changed() override;
  bool may_be_shown() const noexcept override;
  XdgToplevel* toplevel() noexcept override { return toplevel_; }
  void xdg_surface_destroyed() noexcept override { xdg_surface_ = nullptr; }

  // Requests.
  void destroy(wl_resource* resource);
  void grab(wl_resource* resource, wl_resource* seat, std::uint32_t serial);
  void reposition(wl_resource* positioner, std::uint32_t token);

 private:
  struct Sent {
    std::uint32_t serial;
    Rect geometry;
  };

  wl_resource* wm_base_resource() const noexcept;
  // Of the window geometry, relative to that of the toplevel.
  Point position() const noexcept;
  std::optional<Size> future_parent_size() const noexcept;
  Rect placed() const noexcept;
  void leave() noexcept;

  XdgShell& shell_;
  XdgSurface* xdg_surface_;
  wl_resource* resource_;
  Charge charge_;
  XdgSurface* parent_ = nullptr;
  XdgToplevel* toplevel_ = nullptr;
  PlacementRules rules_;
  std::optional<std::uint32_t> token_;  // of a reposition that was not answered yet
  std::deque<Sent> sent_;               // configured and not committed, the oldest first
  Rect geometry_;  // of its window geometry, relative to the top left of the parent's
  int depth_ = 1;  // how many popups there are from here to the toplevel
  bool dismissed_ = false;
  bool grabbing_ = false;
  bool mapped_ = false;
};

}  // namespace demo
