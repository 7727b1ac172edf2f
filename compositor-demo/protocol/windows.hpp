// The windows of all clients by their number. Protocol's face asks here; what a window is (an
// xdg_toplevel) is implemented by those who bring them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "compositor-demo/geometry.hpp"
#include "compositor-demo/picture.hpp"
#include "compositor-demo/protocol/protocol.hpp"
#include "compositor-demo/protocol/surface.hpp"

namespace demo {

class Window {
 public:
  // The surface with the window's content.
  virtual Surface& surface() const noexcept = 0;
  // Of the window geometry, in the coordinates of surface(). Its size is Protocol::window_size.
  virtual Rect geometry() const noexcept = 0;
  virtual std::string title() const = 0;
  virtual void configure(Size size) = 0;
  virtual void configure_resizing(Size size, bool resizing) = 0;
  virtual void set_state(WindowState state, Size size) = 0;
  virtual WindowState state() const noexcept = 0;
  virtual bool resizing() const noexcept = 0;
  virtual SizeLimits limits() const noexcept = 0;
  virtual void close() = 0;
  virtual void set_activated(bool activated) = 0;
  // Which of its surfaces gets the keys: that of a popup with a grab, or the content.
  virtual Surface& keyboard_surface() noexcept = 0;
  // Whether this is the content, or that of one of its popups.
  virtual bool shows(const Surface& root) const noexcept = 0;
  // Where the top left of geometry() is on the screen from now on; popups are kept on it.
  virtual void moved_to(Point origin) = 0;
  // Where that was when it was unmapped before.
  virtual std::optional<Point> former_position() const noexcept = 0;
  // With popups. `origin` is where the top left of geometry() goes.
  virtual void append_pictures(Point origin, std::vector<Picture>& pictures) = 0;
  // Popups too; see Surface.
  virtual void frame_shown(const FrameTime& frame) noexcept = 0;
  virtual void frame_unseen(const FrameTime& frame) noexcept = 0;
  virtual bool shown_since_last_commit() const noexcept = 0;
  virtual bool frame_wanted() const noexcept = 0;
  // The topmost surface under a point in the coordinates of geometry()'s top left; popups too.
  virtual std::optional<Surface::Hit> hit(double x, double y) noexcept = 0;

 protected:
  ~Window() = default;
};

class Windows {
 public:
  explicit Windows(Protocol::Host& host) noexcept : host_{&host} {}

  // A number for a window that may be mapped some day. Throws std::bad_alloc.
  WindowId add(Window& window);
  // The window is gone; the host hears of it if it was mapped. Never throws: a host that does has
  // lost the news.
  void remove(WindowId id) noexcept;

  // What the window reports; the host hears of it.
  void mapped(WindowId id);
  void unmapped(WindowId id);
  void committed(WindowId id);  // ignored as long as it is not mapped
  void grew(WindowId id, Point by);
  void wants(WindowId id, WindowState state, const std::string& output);
  void state_changed(WindowId id);
  void grabbed(WindowId id, const WindowGrab& grab);

  // The window, if it is mapped.
  Window* find(WindowId id) const noexcept;
  // The number of the window that this surface belongs to.
  std::optional<WindowId> of(Surface& surface) const noexcept;

  // The host hears nothing any more.
  void mute() noexcept { host_ = nullptr; }

 private:
  struct Entry {
    Window* window;
    bool mapped = false;
  };
  std::unordered_map<WindowId, Entry> entries_;
  std::uint64_t last_ = 0;
  Protocol::Host* host_;
};

}  // namespace demo
