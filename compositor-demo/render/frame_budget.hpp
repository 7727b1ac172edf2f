// Who makes so much work for one frame that all others would wait for it.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "compositor-demo/geometry.hpp"

namespace demo {

// What the pictures of a window cost, in pixels that are painted; see Renderer::work.
struct Work {
  pid_t process = 0;
  std::int64_t pixels = 0;
};

// What one process may make of a frame, all its windows together: 32 times the screen, blended.
// That is more than what shines through anything a user arranges, and some tenths of a second at
// most. A small screen is no reason to be strict: at least as much as a large one is a few times.
std::int64_t frame_budget(Size screen) noexcept;

// Which of these windows must go so that no process is over the budget: of each that is, those that
// cost most, and no more of them than needed.
std::vector<std::size_t> over_budget(std::span<const Work> windows, std::int64_t budget);

}  // namespace demo
