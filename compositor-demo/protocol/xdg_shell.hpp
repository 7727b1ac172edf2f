// xdg-shell: the global through which clients make windows and their popups.
//
// Who is who: XdgShell is the global, XdgWmBase what one client bound of it, XdgSurface the part
// that windows and popups share, XdgToplevel and XdgPopup the two kinds. Each object belongs to its
// wl_resource; all know that the others may go first, as happens when a client dies.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <wayland-server-core.h>

#include "compositor-demo/geometry.hpp"
#include "compositor-demo/protocol/resource.hpp"
#include "compositor-demo/protocol/windows.hpp"

namespace demo {

class XdgPopup;

// Outlives its clients: destroy the clients, then this, then the display.
class XdgShell {
 public:
  // Advertises xdg_wm_base. Mapped toplevels are reported to `windows`. Throws std::runtime_error
  // if libwayland cannot.
  XdgShell(wl_display* display, Windows& windows);
  XdgShell(const XdgShell&) = delete;
  XdgShell& operator=(const XdgShell&) = delete;

  // Popups are kept inside the output their window is on, and new windows hear how large they
  // should be at most: as large as the first output. In the coordinates in which windows are drawn.
  void add_output(const Rect& area) { outputs_.push_back(area); }
  void set_outputs(std::vector<Rect> areas) { outputs_ = std::move(areas); }

  Windows& windows() const noexcept { return windows_; }
  std::uint32_t next_serial() const noexcept { return wl_display_next_serial(display_); }
  // As sent with configure_bounds; empty: unknown.
  Size window_bounds() const noexcept;
  // The output that shows most of a window there.
  std::optional<Rect> output_of(const Rect& window) const noexcept;
  // Popups with an explicit grab, of all clients, the latest last.
  std::vector<XdgPopup*>& grabs() noexcept { return grabs_; }

  void bind(wl_client* client, int version, std::uint32_t id);

 private:
  wl_display* display_;
  Windows& windows_;
  std::vector<Rect> outputs_;
  std::vector<XdgPopup*> grabs_;
  Global global_;
};

}  // namespace demo
