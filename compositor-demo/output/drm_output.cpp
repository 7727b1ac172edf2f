#include "compositor-demo/output/drm_output.hpp"

#include <xf86drm.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <utility>

#include "compositor-demo/log.hpp"
#include "compositor-demo/output/drm_mode.hpp"

namespace demo {
namespace {

void copy(pixman_image_t* from, pixman_image_t* to, const Region& where) {
  for (const pixman_box32_t& box : where.rects())
    pixman_image_composite32(PIXMAN_OP_SRC, from, nullptr, to, box.x1, box.y1, 0, 0, box.x1, box.y1,
                             box.x2 - box.x1, box.y2 - box.y1);
}

}  // namespace

DrmOutput::DrmOutput(const calloop::LoopHandle<>& loop, Host& host, int card, void* flip_data,
                     std::uint32_t crtc, Monitor monitor)
    : loop_{loop},
      host_{host},
      card_{card},
      flip_data_{flip_data},
      crtc_{crtc},
      monitor_{std::move(monitor)},
      screens_{make_screens(size_of(monitor_.mode))},
      shadow_{make_image(size_of(monitor_.mode))} {
  try {
    cursor_.emplace(card_, crtc_);
  } catch (const std::exception& error) {
    log::info("%s: no cursor plane (%s), the cursor is painted", monitor_.name.c_str(),
              error.what());
  }
}

DrmOutput::~DrmOutput() {
  idle_.cancel();
}

std::array<DrmOutput::Screen, 2> DrmOutput::make_screens(Size size) const {
  std::array<Screen, 2> screens;
  for (Screen& screen : screens)
    screen = {std::make_unique<DumbBuffer>(card_, size, DumbBuffer::Use::Screen),
              Rect::at({}, size)};
  return screens;
}

Size DrmOutput::size() const noexcept {
  return size_of(monitor_.mode);
}

int DrmOutput::refresh_mhz() const noexcept {
  return demo::refresh_mhz(monitor_.mode);
}

// -------------------------------------------------------------------------------- whose card it is

bool DrmOutput::start() {
  running_ = set_crtc();
  if (!running_)
    return false;
  flipping_ = flip_again_ = false;
  clock_.emplace(loop_, refresh_mhz(),
                 [this](calloop::TimePoint time, std::uint64_t) { tick(time); });
  // Whoever had the card may have painted over what is ours.
  for (Screen& screen : screens_)
    screen.stale = Rect::at({}, size());
  if (cursor_)
    cursor_->restore();
  wanted_ = false;
  request_frame();
  return true;
}

void DrmOutput::stop() noexcept {
  // What was committed and is not shown yet will be, with the first frame afterwards.
  wanted_ = true;
  running_ = flipping_ = flip_again_ = false;
  clock_.reset();
  idle_.cancel();
}

void DrmOutput::turn_off() noexcept {
  if (cursor_)
    cursor_->hide();
  drmModeSetCrtc(card_, crtc_, 0, 0, 0, nullptr, 0, nullptr);
  stop();
}

bool DrmOutput::set_crtc() {
  if (drmModeSetCrtc(card_, crtc_, screens_[front_].buffer->framebuffer(), 0, 0,
                     &monitor_.connector, 1, &monitor_.mode) == 0)
    return true;
  log::error("%s: drmModeSetCrtc %dx%d: %s", monitor_.name.c_str(), size().width, size().height,
             std::strerror(errno));
  return false;
}

void DrmOutput::change_mode(const drmModeModeInfo& mode) {
  const Size size = size_of(mode);
  auto screens = make_screens(size);
  Image shadow = make_image(size);
  monitor_.mode = mode;
  std::swap(screens_, screens);
  std::swap(shadow_, shadow);
  painted_ = false;
  front_ = 0;
  if (running_) {
    stop();
    start();
  }
  // Only now nobody scans the former ones out.
  host_.resized(*this);
}

// ------------------------------------------------------------------------------------------ frames

void DrmOutput::request_frame() {
  if (!running_ || flipping_) {
    wanted_ = true;
  } else if (counted_) {
    if (!std::exchange(wanted_, true))
      idle_ = loop_.insert_idle([this] { tick(loop_.now()); });
  } else {
    clock_->request();
  }
}

void DrmOutput::tick(calloop::TimePoint time) {
  wanted_ = false;
  host_.frame(*this, time);
}

Output::Canvas DrmOutput::begin() {
  return {shadow_.get(), painted_ ? 1 : 0};
}

void DrmOutput::commit(const Region& damage) {
  painted_ = true;
  for (Screen& screen : screens_)
    screen.stale.unite(damage);
  if (!running_)
    return;
  Screen& back = screens_[1 - front_];
  copy(shadow_.get(), back.buffer->image(), back.stale);
  back.stale.clear();
  if (flip())
    front_ = 1 - front_;
}

bool DrmOutput::flip() {
  const std::uint32_t framebuffer = screens_[1 - front_].buffer->framebuffer();
  if (drmModePageFlip(card_, crtc_, framebuffer, DRM_MODE_PAGE_FLIP_EVENT, flip_data_) != 0) {
    flip_failed(errno);
    return false;
  }
  flipping_ = true;
  return true;
}

void DrmOutput::flip_failed(int error) {
  switch (error) {
    case EBUSY:  // a flip of the CRTC's former owner, or of the one before, is not through
      flipping_ = flip_again_ = true;
      return;
    case EACCES:
    case EPERM:
    case ENODEV:  // the card is being taken away, or is gone: that is about to be told
      stop();
      return;
    default:
      log::error("%s: drmModePageFlip: %s", monitor_.name.c_str(), std::strerror(error));
      stop();
  }
}

void DrmOutput::flipped(calloop::TimePoint time, std::uint32_t sequence) {
  if (!flipping_)
    return;
  flipping_ = false;
  if (std::exchange(flip_again_, false)) {
    if (flip())
      front_ = 1 - front_;
    return;
  }
  counted_ = sequence != 0;
  if (counted_) {
    // The kernel counts in 32 bits.
    const auto last = static_cast<std::uint32_t>(sequence_);
    sequence_ += static_cast<std::uint32_t>(sequence - last);
  } else {
    ++sequence_;
  }
  host_.presented(*this, time, sequence_,
                  counted_ ? Vsync | HardwareClock | HardwareCompletion : 0U);
  if (!std::exchange(wanted_, false) || !running_ || flipping_)
    return;
  if (counted_)
    tick(loop_.now());
  else
    clock_->request();
}

}  // namespace demo
