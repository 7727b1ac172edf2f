// xdg_surface: what windows and popups have in common. It holds the configure and acknowledge
// dialogue, the window geometry, and decides when the surface is mapped.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>
#include <vector>

#include <wayland-server-core.h>

#include "compositor-demo/geometry.hpp"
#include "compositor-demo/protocol/client_limits.hpp"
#include "compositor-demo/protocol/surface.hpp"

namespace demo {

class XdgPopup;
class XdgShell;
class XdgToplevel;
class XdgWmBase;

class XdgSurface final : public Surface::Role {
 public:
  // The xdg_toplevel or xdg_popup of an xdg_surface.
  class Object {
   public:
    virtual std::string_view role_name() const noexcept = 0;
    // Sends the events that come before xdg_surface.configure with this serial.
    virtual void send_configuration(std::uint32_t serial) = 0;
    // Before a commit takes effect; may throw ProtocolError. `initial`: the commit that asks for
    // the first configure. `maps`: it brings the first content.
    virtual void before_commit(bool initial, bool maps) = 0;
    // A commit took effect, and with it the configure that the client acknowledged last, if any.
    virtual void committed(std::optional<std::uint32_t> serial) = 0;
    virtual void mapped() = 0;
    // Not shown any more. What was set goes back to what it was when the object was new.
    virtual void unmapped() noexcept = 0;
    // Something visible changed in the tree of surfaces.
    virtual void tree_changed() = 0;
    // Whether the object wants to be shown, apart from having content.
    virtual bool may_be_shown() const noexcept = 0;
    // The window this belongs to; null if there is none (any more).
    virtual XdgToplevel* toplevel() noexcept = 0;
    // The xdg_surface goes first. This happens only when the client dies.
    virtual void xdg_surface_destroyed() noexcept = 0;

   protected:
    ~Object() = default;
  };

  static void create(XdgWmBase& wm_base, Surface& surface, std::uint32_t id);
  // From an argument of a request; null for a null argument.
  static XdgSurface* from(wl_resource* resource) noexcept;

  XdgSurface(XdgWmBase& wm_base, wl_resource* resource, Surface& surface);
  XdgSurface(const XdgSurface&) = delete;
  XdgSurface& operator=(const XdgSurface&) = delete;
  ~XdgSurface();

  XdgShell& shell() const noexcept { return shell_; }
  wl_resource* resource() const noexcept { return resource_; }
  // For errors whose codes are in xdg_wm_base. Valid within requests.
  wl_resource* wm_base_resource() const noexcept;
  // Null once the client has destroyed the wl_surface: then nothing is shown or configured any
  // more.
  Surface* surface() const noexcept { return surface_; }
  Object* object() const noexcept { return object_; }

  // What the user takes for the window, in surface-local coordinates: as set by the client, cut to
  // the bounds of all its content, or these bounds.
  Rect window_geometry() const noexcept;
  // The client has set it.
  bool has_window_geometry() const noexcept { return geometry_.has_value(); }
  // The initial commit was made and answered; configure() may be called.
  bool initialized() const noexcept { return initialized_; }
  // Sends one configure sequence: the object's events, then xdg_surface.configure.
  void configure();
  // Takes away content and mapping, as when the object is destroyed.
  void unmap() noexcept;

  // Popups whose parent this is, in the order they were made; none of them dismissed.
  const std::vector<XdgPopup*>& popups() const noexcept { return popups_; }
  void add_popup(XdgPopup& popup) { popups_.push_back(&popup); }
  void remove_popup(const XdgPopup& popup) noexcept;
  // The latest first.
  void dismiss_popups() noexcept;

  void object_destroyed() noexcept;
  void wm_base_destroyed() noexcept { wm_base_ = nullptr; }

  // Surface::Role.
  std::string_view role_name() const noexcept override;
  void before_attach() override;
  void before_commit(Surface::State& pending) override;
  void committed() override;
  void tree_changed() override;
  bool is_mapped() const noexcept override;
  void surface_destroyed() noexcept override;

  // Requests.
  void destroy(wl_resource* resource);
  void get_toplevel(std::uint32_t id);
  void get_popup(std::uint32_t id, wl_resource* parent, wl_resource* positioner);
  void set_window_geometry(std::int32_t x, std::int32_t y, std::int32_t width, std::int32_t height);
  void ack_configure(std::uint32_t serial);

 private:
  void check_constructible(std::string_view role);
  void check_constructed() const;

  XdgShell& shell_;
  XdgWmBase* wm_base_;
  wl_resource* resource_;
  Surface* surface_;
  Charge charge_;
  Object* object_ = nullptr;
  bool constructed_ = false;  // has, or had, an object
  bool initialized_ = false;
  bool mapped_ = false;
  std::deque<std::uint32_t> unacknowledged_;   // configures sent, the oldest first
  std::optional<std::uint32_t> acknowledged_;  // not committed yet
  std::optional<Rect> pending_geometry_;
  std::optional<Rect> geometry_;
  std::vector<XdgPopup*> popups_;
};

}  // namespace demo
