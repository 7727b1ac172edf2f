#include "compositor-demo/output/drm_mode.hpp"

#include <algorithm>

namespace demo {
namespace {

// Gives connector `index` a CRTC, if need be one whose owner can have another. `asked` are the
// CRTCs that were tried on the way.
bool find_crtc(std::size_t index, std::span<const CrtcNeed> needs,
               std::vector<std::optional<std::size_t>>& owner, std::uint32_t& asked) {
  for (const bool taken : {false, true}) {  // free ones first
    for (std::size_t crtc = 0; crtc < owner.size(); ++crtc) {
      const std::uint32_t bit = std::uint32_t{1} << crtc;
      if (owner[crtc].has_value() != taken || (needs[index].possible & bit) == 0 ||
          (asked & bit) != 0)
        continue;
      asked |= bit;
      if (!taken || find_crtc(*owner[crtc], needs, owner, asked)) {
        owner[crtc] = index;
        return true;
      }
    }
  }
  return false;
}

}  // namespace

int refresh_mhz(const drmModeModeInfo& mode) noexcept {
  const std::uint64_t pixels = std::uint64_t{mode.htotal} * mode.vtotal;
  if (mode.clock == 0 || pixels == 0)
    return std::max(1, static_cast<int>(mode.vrefresh) * 1000);
  std::uint64_t mhz = std::uint64_t{mode.clock} * 1'000'000;  // of kHz
  if ((mode.flags & DRM_MODE_FLAG_INTERLACE) != 0)
    mhz *= 2;
  if ((mode.flags & DRM_MODE_FLAG_DBLSCAN) != 0)
    mhz /= 2;
  if (mode.vscan > 1)
    mhz /= mode.vscan;
  return static_cast<int>(std::clamp<std::uint64_t>((mhz + pixels / 2) / pixels, 1, 1'000'000'000));
}

Size size_of(const drmModeModeInfo& mode) noexcept {
  return {mode.hdisplay, mode.vdisplay};
}

bool same_mode(const drmModeModeInfo& a, const drmModeModeInfo& b) noexcept {
  return size_of(a) == size_of(b) && refresh_mhz(a) == refresh_mhz(b) && a.flags == b.flags;
}

const drmModeModeInfo* preferred_mode(std::span<const drmModeModeInfo> modes) noexcept {
  if (modes.empty())
    return nullptr;
  const auto preferred = std::ranges::find_if(modes, [](const drmModeModeInfo& mode) {
    return (mode.type & DRM_MODE_TYPE_PREFERRED) != 0;
  });
  return preferred != modes.end() ? &*preferred : &modes.front();
}

std::vector<std::optional<std::size_t>> assign_crtcs(std::span<const CrtcNeed> needs,
                                                     std::size_t crtcs) {
  std::vector<std::optional<std::size_t>> owner(std::min<std::size_t>(crtcs, 32));
  std::vector<std::size_t> without;
  for (std::size_t index = 0; index < needs.size(); ++index) {
    const auto current = needs[index].current;
    const bool keeps = current && *current < owner.size() && !owner[*current] &&
                       (needs[index].possible >> *current & 1) != 0;
    if (keeps)
      owner[*current] = index;
    else
      without.push_back(index);
  }
  for (const std::size_t index : without) {
    std::uint32_t asked = 0;
    find_crtc(index, needs, owner, asked);
  }
  std::vector<std::optional<std::size_t>> result(needs.size());
  for (std::size_t crtc = 0; crtc < owner.size(); ++crtc)
    if (owner[crtc])
      result[*owner[crtc]] = crtc;
  return result;
}

}  // namespace demo
