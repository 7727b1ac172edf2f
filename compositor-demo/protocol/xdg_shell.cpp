#include "compositor-demo/protocol/xdg_shell.hpp"

#include <algorithm>

#include "compositor-demo/protocol/xdg_popup.hpp"
#include "compositor-demo/protocol/xdg_toplevel.hpp"
#include "compositor-demo/protocol/xdg_wm_base.hpp"
#include "xdg-shell-server-protocol.h"

namespace demo {
namespace {

constexpr int xdg_wm_base_version = 5;

std::int64_t area(const Rect& rect) noexcept {
  return std::int64_t{rect.width} * rect.height;
}

}  // namespace

XdgShell::XdgShell(wl_display* display, Windows& windows, const Outputs& outputs, Seat& seat)
    : display_{display},
      windows_{windows},
      all_outputs_{outputs},
      seat_{seat},
      global_{make_global<&XdgShell::bind>(display, &xdg_wm_base_interface, xdg_wm_base_version,
                                           *this)} {}

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

void XdgShell::remove_grab(const XdgPopup& popup) noexcept {
  if (std::erase(grabs_, &popup) != 0)
    grabs_changed();
}

void XdgShell::grabs_changed() const noexcept {
  if (grabs_changed_)
    grabs_changed_();
}

// The topmost first; with one those on it go, too.
template <class F>
void XdgShell::end_grabs(F chosen) noexcept {
  while (true) {
    const auto last = std::find_if(grabs_.rbegin(), grabs_.rend(), chosen);
    if (last == grabs_.rend())
      return;
    (*last)->dismiss();
  }
}

void XdgShell::end_grabs_but_of(const Window* window) noexcept {
  end_grabs([window](XdgPopup* popup) { return popup->toplevel() != window; });
}

void XdgShell::pressed(const wl_client* client) noexcept {
  end_grabs([client](const XdgPopup* popup) { return popup->client() != client; });
}

void XdgShell::bind(wl_client* client, int bound_version, std::uint32_t id) {
  XdgWmBase::create(*this, client, bound_version, id);
}

}  // namespace demo
