#include "compositor-demo/shell/shell.hpp"

#include <algorithm>

#include "compositor-demo/shell/placement.hpp"

namespace demo {

void Shell::add(WindowId id, Size size) {
  if (find(id) != windows_.end())
    return;
  std::vector<Rect> taken;
  taken.reserve(windows_.size());
  for (const Window& window : windows_)
    taken.push_back(Rect::at(window.position, window.size));
  if (taken.empty())
    cascaded_ = 0;
  const Placement placement = place_window(size, area_, taken, cascaded_);
  if (placement.cascaded)
    ++cascaded_;
  windows_.push_back({id, placement.position, size});
  host_.arrangement_changed();
  set_focus(id);
}

void Shell::remove(WindowId id) {
  const auto window = find(id);
  if (window == windows_.end())
    return;
  windows_.erase(window);
  host_.arrangement_changed();
  if (focus_ != id)
    return;
  set_focus(windows_.empty() ? std::nullopt : std::optional{windows_.back().id});
}

void Shell::resize(WindowId id, Size size) noexcept {
  if (const auto window = find(id); window != windows_.end())
    window->size = size;
}

void Shell::move(WindowId id, Point position) {
  const auto window = find(id);
  if (window == windows_.end() || window->position == position)
    return;
  window->position = position;
  host_.arrangement_changed();
}

void Shell::fill(WindowId id, Point corner) {
  const auto window = find(id);
  if (window == windows_.end())
    return;
  if (!window->floating)
    window->floating = Rect::at(window->position, window->size);
  move(id, corner);
}

void Shell::restore(WindowId id) {
  const auto window = find(id);
  if (window == windows_.end() || !window->floating)
    return;
  const Point corner = window->floating->origin();
  window->floating.reset();
  move(id, corner);
}

void Shell::raise(WindowId id) {
  const auto window = find(id);
  if (window == windows_.end())
    return;
  if (window + 1 != windows_.end()) {
    std::rotate(window, window + 1, windows_.end());
    host_.arrangement_changed();
  }
  set_focus(id);
}

std::vector<Shell::Window>::iterator Shell::find(WindowId id) noexcept {
  return std::ranges::find(windows_, id, &Window::id);
}

void Shell::set_focus(std::optional<WindowId> focus) {
  if (focus == focus_)
    return;
  focus_ = focus;
  host_.focus_changed(focus);
}

}  // namespace demo
