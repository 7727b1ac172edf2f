#include "compositor-demo/protocol/cursor.hpp"

#include <utility>

namespace demo {

bool Cursor::set(Surface& surface, Point hotspot) {
  if (&surface != surface_) {
    if (!surface.set_role(name, *this))
      return false;
    reset();
    surface_ = &surface;
  }
  hotspot_ = hotspot;
  hidden_ = false;
  changed();
  return true;
}

void Cursor::hide() noexcept {
  reset();
  hidden_ = true;
  changed();
}

void Cursor::reset() noexcept {
  if (Surface* const surface = std::exchange(surface_, nullptr))
    surface->clear_role(*this);
  hidden_ = false;
  changed();
}

// "On surface.attach requests to the pointer surface, hotspot_x and hotspot_y are decremented by
// the x and y parameters passed to the request."
void Cursor::committed() {
  hotspot_ = hotspot_ - surface_->current().offset;
  changed();
}

}  // namespace demo
