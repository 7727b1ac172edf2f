#include "compositor-demo/shell/throttle.hpp"

#include <algorithm>

namespace demo {

void Throttle::wait(WindowId id, calloop::TimePoint now) {
  const auto known = std::ranges::find(covered_, id, &Covered::id);
  if (known == covered_.end()) {
    covered_.push_back({id, now, true});
  } else {
    known->waits = true;
  }
}

void Throttle::forget(WindowId id) noexcept {
  std::erase_if(covered_, [&](const Covered& c) { return c.id == id; });
}

std::optional<calloop::TimePoint> Throttle::next() const noexcept {
  std::optional<calloop::TimePoint> first;
  for (const Covered& c : covered_)
    if (c.waits && (!first || c.due < *first))
      first = c.due;
  return first;
}

std::optional<WindowId> Throttle::take(calloop::TimePoint now) noexcept {
  for (Covered& c : covered_) {
    if (!c.waits || c.due > now)
      continue;
    c.waits = false;
    c.due = now + period;
    return c.id;
  }
  return {};
}

}  // namespace demo
