#include "compositor-demo/protocol/xdg_shell.hpp"

#include <algorithm>

#include "compositor-demo/protocol/xdg_wm_base.hpp"
#include "xdg-shell-server-protocol.h"

namespace demo {
namespace {

constexpr int version = 5;

std::int64_t area(const Rect& rect) noexcept {
  return std::int64_t{rect.width} * rect.height;
}

}  // namespace

XdgShell::XdgShell(wl_display* display, Windows& windows)
    : display_{display},
      windows_{windows},
      global_{make_global<&XdgShell::bind>(display, &xdg_wm_base_interface, version, *this)} {}

Size XdgShell::window_bounds() const noexcept {
  return outputs_.empty() ? Size{} : outputs_.front().size();
}

std::optional<Rect> XdgShell::output_of(const Rect& window) const noexcept {
  const auto seen = [&window](const Rect& output) { return area(output.intersected(window)); };
  const auto best = std::max_element(
      outputs_.begin(), outputs_.end(),
      [&seen](const Rect& left, const Rect& right) { return seen(left) < seen(right); });
  if (best == outputs_.end())
    return std::nullopt;
  return *best;
}

void XdgShell::bind(wl_client* client, int bound_version, std::uint32_t id) {
  XdgWmBase::create(*this, client, bound_version, id);
}

}  // namespace demo
