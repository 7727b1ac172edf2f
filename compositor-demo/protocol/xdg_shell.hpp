// xdg-shell: the global through which clients make windows and their popups.
//
// Who is who: XdgShell is the global, XdgWmBase what one client bound of it, XdgSurface the part
// that windows and popups share, XdgToplevel and XdgPopup the two kinds. Each object belongs to its
// wl_resource; all know that the others may go first, as happens when a client dies.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include <wayland-server-core.h>

#include "compositor-demo/geometry.hpp"
#include "compositor-demo/protocol/resource.hpp"
#include "compositor-demo/protocol/windows.hpp"

namespace demo {

class Outputs;
class Seat;
class XdgPopup;

// Outlives its clients: destroy the clients, then this, then the display.
class XdgShell {
 public:
  // Advertises xdg_wm_base. Mapped toplevels are reported to `windows`. Throws std::runtime_error
  // if libwayland cannot.
  XdgShell(wl_display* display, Windows& windows, const Outputs& outputs, Seat& seat);
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
  const Outputs& outputs() const noexcept { return all_outputs_; }
  Seat& seat() const noexcept { return seat_; }

  // --- popups with an explicit grab: menus, which have the keyboard and go when somebody clicks
  // elsewhere

  // Of all clients, the latest last.
  const std::vector<XdgPopup*>& grabs() const noexcept { return grabs_; }
  void add_grab(XdgPopup& popup) { grabs_.push_back(&popup); }
  void remove_grab(const XdgPopup& popup) noexcept;
  // Called when another popup may have the keyboard. It must not throw.
  void on_grabs_change(std::function<void()> changed) { grabs_changed_ = std::move(changed); }
  void grabs_changed() const noexcept;
  // Dismisses those that are not of this window's; null: all.
  void end_grabs_but_of(const Window* window) noexcept;
  // The user has pressed something on this client's surface, or on none: dismisses the others'.
  void pressed(const wl_client* client) noexcept;

  void bind(wl_client* client, int version, std::uint32_t id);

 private:
  wl_display* display_;
  template <class F>
  void end_grabs(F chosen) noexcept;

  Windows& windows_;
  const Outputs& all_outputs_;
  Seat& seat_;
  std::vector<Rect> outputs_;
  std::vector<XdgPopup*> grabs_;
  std::function<void()> grabs_changed_;
  Global global_;
};

}  // namespace demo
