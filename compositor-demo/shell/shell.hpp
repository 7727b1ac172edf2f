// The order of the windows on the screen, where they are, and who has the keyboard.
//
// It works on names and rectangles, and tells its owner what to do about them:
//
//   shell.add(window, {700, 500});        // mapped: placed, on top, focused
//   for (const Shell::Window& w : shell.windows()) ...   // back to front
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "compositor-demo/geometry.hpp"
#include "compositor-demo/picture.hpp"

namespace demo {

class Shell {
 public:
  class Host {
   public:
    // Nobody has the focus when the last window is gone.
    virtual void focus_changed(std::optional<WindowId> focus) = 0;
    // Position or order of the windows is another.
    virtual void arrangement_changed() = 0;

   protected:
    ~Host() = default;
  };
  struct Window {
    WindowId id{};
    Point position;                  // of the window geometry's top left corner, in output pixels
    Size size;                       // of the window geometry
    std::optional<Rect> floating{};  // where it goes back to, when it does not fill() any more
  };

  explicit Shell(Host& host) noexcept : host_{host} {}

  // The part of the screen that windows are placed in. Those that are there stay.
  void set_area(const Rect& area) noexcept { area_ = area; }

  // A window that is not there yet: gets a place, the top of the stack and the focus.
  void add(WindowId id, Size size);
  // Gives the focus to the next below if it was the window's. Unknown windows are ignored.
  void remove(WindowId id);
  // The window chose another size; its corner stays.
  void resize(WindowId id, Size size) noexcept;
  // Puts the window's corner there.
  void move(WindowId id, Point position);
  // The window has a screen for itself, and its corner there, until restore() puts it where it was.
  // Its size follows when it has drawn itself anew: see resize.
  void fill(WindowId id, Point corner);
  void restore(WindowId id);
  // To the top, with the focus.
  void raise(WindowId id);

  // Back to front. Valid until the next call that changes it.
  std::span<const Window> windows() const noexcept { return windows_; }
  std::optional<WindowId> focus() const noexcept { return focus_; }

 private:
  std::vector<Window>::iterator find(WindowId id) noexcept;
  void set_focus(std::optional<WindowId> focus);

  Host& host_;
  Rect area_;
  std::vector<Window> windows_;
  std::optional<WindowId> focus_;
  int cascaded_ = 0;
};

}  // namespace demo
