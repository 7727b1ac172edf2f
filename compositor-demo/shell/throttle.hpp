// When windows that nobody can see are told to draw.
#pragma once

#include <chrono>
#include <optional>
#include <unordered_map>
#include <vector>

#include <calloop/clock.hpp>

#include "compositor-demo/picture.hpp"

namespace demo {

// A covered window must not draw at the rate of the screen, and must not starve either: many
// clients do nothing else while they wait for a frame callback. So it gets one a second.
class Throttle {
 public:
  static constexpr calloop::Duration period = std::chrono::seconds{1};

  // A covered window wants a frame. Its first is due at once, the next a period after that.
  void wait(WindowId id, calloop::TimePoint now);
  // It is gone or on the screen again: nothing is due.
  void forget(WindowId id) noexcept;

  // When the next frame is due; nothing if nobody waits.
  std::optional<calloop::TimePoint> next() const noexcept;
  // The windows whose frames are due by now. They do not wait any more.
  std::vector<WindowId> take(calloop::TimePoint now);

 private:
  struct Covered {
    calloop::TimePoint due;
    bool waits = false;
  };
  std::unordered_map<WindowId, Covered> covered_;
};

}  // namespace demo
