#include "compositor-demo/protocol/windows.hpp"

#include <exception>

#include "compositor-demo/log.hpp"

namespace demo {

WindowId Windows::add(Window& window) {
  const WindowId id{last_ + 1};
  entries_.emplace(id, Entry{&window});
  ++last_;
  return id;
}

void Windows::remove(WindowId id) noexcept {
  try {
    unmapped(id);
  } catch (const std::exception& error) {
    log::error("a window went, and its news got lost: %s", error.what());
  } catch (...) {
    log::error("a window went, and its news got lost");
  }
  entries_.erase(id);
}

void Windows::mapped(WindowId id) {
  const auto entry = entries_.find(id);
  if (entry == entries_.end() || entry->second.mapped)
    return;
  entry->second.mapped = true;
  if (host_ != nullptr)
    host_->window_mapped(id);
}

void Windows::unmapped(WindowId id) {
  const auto entry = entries_.find(id);
  if (entry == entries_.end() || !entry->second.mapped)
    return;
  entry->second.mapped = false;
  if (host_ != nullptr)
    host_->window_unmapped(id);
}

void Windows::committed(WindowId id) {
  const auto entry = entries_.find(id);
  if (entry == entries_.end() || !entry->second.mapped)
    return;
  if (host_ != nullptr)
    host_->window_committed(id);
}

void Windows::grew(WindowId id, Point by) {
  if (find(id) != nullptr && host_ != nullptr)
    host_->window_grew(id, by);
}

void Windows::wants(WindowId id, WindowState state, const std::string& output) {
  if (find(id) != nullptr && host_ != nullptr)
    host_->window_wants(id, state, output);
}

void Windows::state_changed(WindowId id) {
  if (find(id) != nullptr && host_ != nullptr)
    host_->window_state_changed(id);
}

void Windows::grabbed(WindowId id, const WindowGrab& grab) {
  if (find(id) != nullptr && host_ != nullptr)
    host_->window_grabbed(id, grab);
}

Window* Windows::find(WindowId id) const noexcept {
  const auto entry = entries_.find(id);
  return entry == entries_.end() || !entry->second.mapped ? nullptr : entry->second.window;
}

std::optional<WindowId> Windows::of(Surface& surface) const noexcept {
  const Surface& root = surface.root();
  for (const auto& [id, entry] : entries_)
    if (entry.window->shows(root))
      return id;
  return std::nullopt;
}

}  // namespace demo
