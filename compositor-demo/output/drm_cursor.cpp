#include "compositor-demo/output/drm_cursor.hpp"

#include <xf86drm.h>
#include <xf86drmMode.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace demo {
namespace {

// What drivers have that do not say.
constexpr int usual_side = 64;

int capability(int card, std::uint64_t name) noexcept {
  std::uint64_t value = 0;
  return drmGetCap(card, name, &value) == 0 && value > 0 && value <= 1024 ? static_cast<int>(value)
                                                                          : usual_side;
}

}  // namespace

DrmCursor::DrmCursor(int card, std::uint32_t crtc) : card_{card}, crtc_{crtc} {
  const Size size{capability(card, DRM_CAP_CURSOR_WIDTH), capability(card, DRM_CAP_CURSOR_HEIGHT)};
  for (auto& buffer : buffers_)
    buffer = std::make_unique<DumbBuffer>(card, size, DumbBuffer::Use::Cursor);
  // Taking away what is not there fails where there is no plane.
  if (drmModeSetCursor(card_, crtc_, 0, 0, 0) != 0)
    throw std::system_error{errno, std::generic_category(), "drmModeSetCursor"};
}

bool DrmCursor::show(pixman_image_t* image, Point hotspot) noexcept {
  const std::size_t next = 1 - shown_;
  pixman_image_t* const target = buffers_[next]->image();
  std::memset(pixman_image_get_data(target), 0,
              static_cast<std::size_t>(pixman_image_get_stride(target)) *
                  static_cast<std::size_t>(size().height));
  pixman_image_composite32(PIXMAN_OP_SRC, image, nullptr, target, 0, 0, 0, 0, 0, 0,
                           std::min(size().width, pixman_image_get_width(image)),
                           std::min(size().height, pixman_image_get_height(image)));
  shown_ = next;
  hotspot_ = hotspot;
  visible_ = true;
  return set();
}

bool DrmCursor::set() noexcept {
  const DumbBuffer& buffer = *buffers_[shown_];
  const auto width = static_cast<std::uint32_t>(buffer.size().width);
  const auto height = static_cast<std::uint32_t>(buffer.size().height);
  // A virtual machine's viewer wants to know what points; not every driver takes it.
  if (drmModeSetCursor2(card_, crtc_, buffer.handle(), width, height, hotspot_.x, hotspot_.y) !=
          0 &&
      drmModeSetCursor(card_, crtc_, buffer.handle(), width, height) != 0)
    return false;
  move(position_);
  return true;
}

void DrmCursor::hide() noexcept {
  if (!visible_)
    return;
  visible_ = false;
  drmModeSetCursor(card_, crtc_, 0, 0, 0);
}

void DrmCursor::move(Point position) noexcept {
  position_ = position;
  if (visible_)
    drmModeMoveCursor(card_, crtc_, position.x - hotspot_.x, position.y - hotspot_.y);
}

void DrmCursor::restore() noexcept {
  if (visible_)
    set();
}

}  // namespace demo
