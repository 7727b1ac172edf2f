#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "compositor-demo/app.hpp"

namespace demo {
namespace {

// The nearest length that a client wants; 0: no limit.
int limited(int length, int least, int most) noexcept {
  length = std::max({length, least, 1});
  return most > 0 ? std::min(length, std::max(most, 1)) : length;
}

// Where the middle of something so large is the middle of the area; its corner at the least.
Point centred(Size size, const Rect& area) noexcept {
  return area.origin() + Point{std::max(area.width - size.width, 0) / 2,
                               std::max(area.height - size.height, 0) / 2};
}

}  // namespace

// --------------------------------------------------------------------- windows that fill a screen

// The client is asked to draw itself so large; it goes there when it has.
void App::window_wants(WindowId window, WindowState state, const std::string& output) {
  const Shell::Window* const placed = find_window(window);
  if (placed == nullptr)
    return;
  if (state == WindowState::Floating) {
    const Size size = placed->floating ? placed->floating->size() : Size{};
    return protocol_.set_window_state(window, state, size);
  }
  filled_[window] = output;
  const Screen* const screen = screen_to_fill(*placed);
  protocol_.set_window_state(window, state,
                             screen == nullptr ? placed->size : screen->area().size());
}

void App::window_state_changed(WindowId window) {
  if (protocol_.window_state(window) == WindowState::Floating) {
    filled_.erase(window);
    shell_.restore(window);
    if (const Shell::Window* const placed = find_window(window))
      protocol_.set_position(window, placed->position);
  } else {
    place_filling(window);
  }
}

void App::place_filling(WindowId window) {
  const Shell::Window* const placed = find_window(window);
  const WindowState state = protocol_.window_state(window);
  if (placed == nullptr || state == WindowState::Floating)
    return;
  if (const Screen* const screen = screen_to_fill(*placed)) {
    const Point corner = state == WindowState::Fullscreen ? centred(placed->size, screen->area())
                                                          : screen->area().origin();
    shell_.fill(window, corner);
    protocol_.set_position(window, corner);
  }
}

// "the compositor must make sure that other screen content not part of the same surface tree [...]
// are not visible below the fullscreened surface", nor beside one that is smaller than the screen
// (xdg_toplevel.set_fullscreen). Null: it is not fullscreen.
const App::Screen* App::screen_behind(const Shell::Window& window) const noexcept {
  return protocol_.window_state(window.id) == WindowState::Fullscreen ? screen_to_fill(window)
                                                                      : nullptr;
}

// Screens are others, or elsewhere.
void App::refill_windows() {
  const std::vector<Shell::Window> windows{shell_.windows().begin(), shell_.windows().end()};
  for (const Shell::Window& window : windows) {
    const WindowState state = protocol_.window_state(window.id);
    const Screen* const screen = screen_to_fill(window);
    if (state == WindowState::Floating || screen == nullptr)
      continue;
    if (window.size != screen->area().size())
      protocol_.set_window_state(window.id, state, screen->area().size());
    place_filling(window.id);
  }
}

// The one that the client named, or that the window is on.
App::Screen* App::screen_to_fill(const Shell::Window& window) const noexcept {
  const auto filled = filled_.find(window.id);
  if (filled != filled_.end())
    for (const auto& screen : screens_)
      if (screen->info.name == filled->second)
        return screen.get();
  return screen_of(window);
}

// ----------------------------------------------------------------------- windows that are dragged

void App::window_grabbed(WindowId window, const WindowGrab& grab) {
  const Shell::Window* const placed = find_window(window);
  if (placed == nullptr || (drag_ && drag_->held) ||
      protocol_.window_state(window) != WindowState::Floating)
    return;
  Drag drag{.window = window,
            .grab = grab,
            .x = pointer_.x(),
            .y = pointer_.y(),
            .begin = Rect::at(placed->position, placed->size),
            .size = placed->size};
  if (grab.touch) {
    const auto finger = touched_.find(*grab.touch);
    if (finger == touched_.end())
      return;
    drag.x = finger->second.x;
    drag.y = finger->second.y;
  }
  drag_ = drag;
  if (grab.touch)
    protocol_.take_touch(*grab.touch);
  else
    protocol_.take_pointer();
}

bool App::drags(std::optional<std::int32_t> touch) const noexcept {
  return drag_ && drag_->held && drag_->grab.touch == touch;
}

void App::drag_to(double x, double y) {
  const Point by{static_cast<int>(std::lround(x - drag_->x)),
                 static_cast<int>(std::lround(y - drag_->y))};
  const std::uint32_t edges = drag_->grab.edges;
  const Rect& begin = drag_->begin;
  if (edges == 0)
    return move_window(drag_->window, begin.origin() + by);
  const auto along = [edges](int length, int distance, std::uint32_t low, std::uint32_t high) {
    return (edges & high) != 0  ? length + distance
           : (edges & low) != 0 ? length - distance
                                : length;
  };
  const auto [min, max] = protocol_.window_limits(drag_->window);
  drag_->size = {
      limited(along(begin.width, by.x, WindowGrab::Left, WindowGrab::Right), min.width, max.width),
      limited(along(begin.height, by.y, WindowGrab::Top, WindowGrab::Bottom), min.height,
              max.height)};
  protocol_.configure_resizing(drag_->window, drag_->size, true);
}

// Where the window will be when it has drawn its last size is where the user has put it: he need
// not wait for it.
void App::end_drag() {
  drag_->held = false;
  pointer_stale_ = true;
  if (drag_->grab.edges == 0 || find_window(drag_->window) == nullptr)
    return drag_.reset();
  protocol_.configure_resizing(drag_->window, drag_->size, false);
  hang_on_edge(drag_->size);
}

void App::keep_edge(WindowId window) {
  if (!drag_ || drag_->window != window || drag_->grab.edges == 0)
    return;
  hang_on_edge(protocol_.window_size(window));
  if (!drag_->held && !protocol_.window_resizing(window))
    drag_.reset();
}

// In this size the edge stays where it is that is not dragged.
void App::hang_on_edge(Size size) {
  const Rect& begin = drag_->begin;
  const std::uint32_t edges = drag_->grab.edges;
  move_window(drag_->window,
              {(edges & WindowGrab::Left) != 0 ? begin.right() - size.width : begin.x,
               (edges & WindowGrab::Top) != 0 ? begin.bottom() - size.height : begin.y});
}

}  // namespace demo
