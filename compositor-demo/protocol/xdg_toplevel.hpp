// xdg_toplevel: a window.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <wayland-server-core.h>

#include "compositor-demo/geometry.hpp"
#include "compositor-demo/picture.hpp"
#include "compositor-demo/protocol/client_limits.hpp"
#include "compositor-demo/protocol/surface.hpp"
#include "compositor-demo/protocol/windows.hpp"
#include "compositor-demo/protocol/xdg_surface.hpp"

namespace demo {

// Is in the register of windows as long as it is mapped: each mapping is a new window.
class XdgToplevel final : public XdgSurface::Object, public Window {
 public:
  static XdgToplevel& create(XdgSurface& surface, int version, std::uint32_t id);
  // From an argument of a request; null for a null argument.
  static XdgToplevel* from(wl_resource* resource) noexcept;

  XdgToplevel(XdgSurface& surface, wl_resource* resource);
  XdgToplevel(const XdgToplevel&) = delete;
  XdgToplevel& operator=(const XdgToplevel&) = delete;
  ~XdgToplevel();

  // While it is mapped.
  std::optional<WindowId> id() const noexcept { return id_; }
  const std::string& app_id() const noexcept { return app_id_; }
  // The window this one should stay above.
  XdgToplevel* parent() const noexcept { return parent_; }
  // Where its popups may be: the output it is on, or will be in that size, relative to the top left
  // of its window geometry. Nothing before it was drawn once.
  std::optional<Rect> popup_bounds(std::optional<Size> size) const noexcept;
  // The configure of this serial has not taken effect yet.
  bool awaits(std::uint32_t serial) const noexcept;

  // Its popups, and popups on these, in the order they were made.
  void add_popup(XdgPopup& popup) { popups_.push_back(&popup); }
  void remove_popup(const XdgPopup& popup) noexcept;

  // Window. Configurations that say nothing new are not sent again, and none is before the client
  // asks for the first.
  Surface& surface() const noexcept override { return *xdg_surface_->surface(); }
  Rect geometry() const noexcept override;
  // At most 1024 bytes; as the client sent it, so not necessarily UTF-8.
  std::string title() const override { return title_; }
  void configure(Size size) override;
  void configure_resizing(Size size, bool resizing) override;
  void set_state(WindowState state, Size size) override;
  WindowState state() const noexcept override { return current_.state; }
  bool resizing() const noexcept override { return current_.resizing; }
  // As committed, of the window geometry.
  SizeLimits limits() const noexcept override { return limits_; }
  void close() override;
  void set_activated(bool activated) override;
  Surface& keyboard_surface() noexcept override;
  bool shows(const Surface& root) const noexcept override;
  void moved_to(Point origin) override;
  std::optional<Point> former_position() const noexcept override { return former_origin_; }
  void append_pictures(Point origin, std::vector<Picture>& pictures) override;
  void frame_shown(const FrameTime& frame) noexcept override;
  void frame_unseen(const FrameTime& frame) noexcept override;
  bool shown_since_last_commit() const noexcept override;
  bool frame_wanted() const noexcept override;
  std::optional<Surface::Hit> hit(double x, double y) noexcept override;

  // XdgSurface::Object.
  std::string_view role_name() const noexcept override { return "xdg_toplevel"; }
  void send_configuration(std::uint32_t serial) override;
  void before_commit(bool initial, bool maps) override;
  void committed(std::optional<std::uint32_t> serial) override;
  void mapped() override;
  void unmapped() noexcept override;
  void tree_changed() override;
  bool may_be_shown() const noexcept override { return true; }
  XdgToplevel* toplevel() noexcept override { return this; }
  void xdg_surface_destroyed() noexcept override { xdg_surface_ = nullptr; }

  // Requests. What we do not do (menus, minimizing) is not among the capabilities that the client
  // is told.
  void set_parent(wl_resource* resource, wl_resource* parent);
  void set_title(const char* title);
  void set_app_id(const char* app_id);
  void show_window_menu(wl_resource* seat, std::uint32_t serial, std::int32_t x, std::int32_t y);
  void move(wl_resource* seat, std::uint32_t serial);
  void set_maximized();
  void unset_maximized();
  void resize(wl_resource* resource, wl_resource* seat, std::uint32_t serial, std::uint32_t edges);
  void set_max_size(wl_resource* resource, std::int32_t width, std::int32_t height);
  void set_min_size(wl_resource* resource, std::int32_t width, std::int32_t height);
  void set_fullscreen(wl_resource* output);
  void unset_fullscreen();
  void set_minimized();

 private:
  // What a configure event says.
  struct Configuration {
    Size size;
    WindowState state = WindowState::Floating;
    bool activated = false;
    bool resizing = false;
    bool operator==(const Configuration&) const noexcept = default;
  };

  bool initialized() const noexcept { return xdg_surface_ && xdg_surface_->initialized(); }
  void configure_if_changed();
  void want(WindowState state, const std::string& output = {});
  void let_user_drag(std::uint32_t serial, std::uint32_t edges);
  void set_text(std::string& text, const char* value, const char* what);
  void set_parent_window(XdgToplevel* parent);
  void leave_family() noexcept;
  template <class F>
  void for_each_part(F&& f) const;

  XdgShell& shell_;
  XdgSurface* xdg_surface_;
  wl_resource* resource_;
  Charge charge_;
  std::optional<WindowId> id_;
  std::string title_;
  std::string app_id_;
  bool cut_reported_ = false;  // that a text is too long is logged once
  XdgToplevel* parent_ = nullptr;
  std::vector<XdgToplevel*> children_;
  std::vector<XdgPopup*> popups_;
  std::optional<Point> origin_;         // on the screen
  std::optional<Point> former_origin_;  // when it was unmapped
  Point unsaid_origin_;                 // of geometry(), where the client has not set it
  SizeLimits pending_limits_;
  SizeLimits limits_;
  Configuration wanted_;
  Configuration sent_;
  Configuration current_;  // acknowledged and committed
  std::deque<std::pair<std::uint32_t, Configuration>> unacknowledged_;  // by serial
  bool maximized_ = false;  // the client wants it to be; also when it is not fullscreen any more
  Size bounds_sent_;
  bool capabilities_sent_ = false;
};

}  // namespace demo
