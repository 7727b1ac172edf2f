// Decisions about modes and CRTCs. Plain functions of what the kernel has said.
#pragma once

#include <xf86drmMode.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "compositor-demo/geometry.hpp"

namespace demo {

// Frames per second, in thousandths, from the pixel clock: the mode's own number is rounded to
// whole ones. At least 1.
int refresh_mhz(const drmModeModeInfo& mode) noexcept;

Size size_of(const drmModeModeInfo& mode) noexcept;

// The same picture at the same rate.
bool same_mode(const drmModeModeInfo& a, const drmModeModeInfo& b) noexcept;

// What a monitor shows best: the mode it prefers, else its first. Null if it has none.
const drmModeModeInfo* preferred_mode(std::span<const drmModeModeInfo> modes) noexcept;

// A connector that needs a CRTC: which it has, and which it could have, as a bit for each.
struct CrtcNeed {
  std::optional<std::size_t> current = std::nullopt;
  std::uint32_t possible = 0;
};
// A CRTC for as many as can have one at the same time. Who has one keeps it, if it can drive the
// connector: a screen that stays should not flicker for one that comes.
std::vector<std::optional<std::size_t>> assign_crtcs(std::span<const CrtcNeed> needs,
                                                     std::size_t crtcs);

}  // namespace demo
