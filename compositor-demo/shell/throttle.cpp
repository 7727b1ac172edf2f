#include "compositor-demo/shell/throttle.hpp"

namespace demo {

void Throttle::wait(WindowId id, calloop::TimePoint now) {
  covered_.try_emplace(id, Covered{now}).first->second.waits = true;
}

void Throttle::forget(WindowId id) noexcept {
  covered_.erase(id);
}

std::optional<calloop::TimePoint> Throttle::next() const noexcept {
  std::optional<calloop::TimePoint> first;
  for (const auto& [id, c] : covered_)
    if (c.waits && (!first || c.due < *first))
      first = c.due;
  return first;
}

std::vector<WindowId> Throttle::take(calloop::TimePoint now) {
  std::vector<WindowId> due;
  for (auto& [id, c] : covered_) {
    if (!c.waits || c.due > now)
      continue;
    due.push_back(id);
    c.waits = false;
    c.due = now + period;
  }
  return due;
}

}  // namespace demo
