// A monitor on a connector of a graphics card.
#pragma once

#include <xf86drmMode.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <calloop/clock.hpp>
#include <calloop/loop_handle.hpp>

#include "compositor-demo/geometry.hpp"
#include "compositor-demo/output/drm_cursor.hpp"
#include "compositor-demo/output/dumb_buffer.hpp"
#include "compositor-demo/output/frame_clock.hpp"
#include "compositor-demo/output/image.hpp"
#include "compositor-demo/output/output.hpp"

namespace demo {

// What the kernel says about a connector with a monitor.
struct Monitor {
  std::uint32_t connector = 0;
  std::string name;   // "HDMI-A-1"
  std::string make;   // three letters; empty: unknown
  std::string model;  // empty: unknown
  Size millimetres;   // may be empty
  drmModeModeInfo mode{};
};

// Frames are painted in ordinary memory (reading from the card's is slow) and copied into one of
// two buffers, between which the card flips. On a card that flips with the monitor's refresh the
// next frame is painted when the one before has become visible; drivers of virtual cards flip at
// once and count nothing, so there a clock keeps the rate.
//
// It paints only between start() and stop(); frames that are asked for otherwise come after the
// next start(). Between frames nothing is armed.
class DrmOutput final : public Output {
 public:
  // The card's descriptor is borrowed; `flip_data` is what its flip events will have for user data.
  // Nothing is on the screen before start(). Throws std::system_error if there can be no buffers of
  // that size.
  DrmOutput(const calloop::LoopHandle<>& loop, Host& host, int card, void* flip_data,
            std::uint32_t crtc, Monitor monitor);
  ~DrmOutput() override;

  Size size() const noexcept override;
  int scale() const noexcept override { return 1; }
  int refresh_mhz() const noexcept override;
  void request_frame() override;
  Canvas begin() override;
  void commit(const Region& damage) override;
  pixman_image_t* shown() override { return shadow_.get(); }

  const Monitor& monitor() const noexcept { return monitor_; }
  std::uint32_t crtc() const noexcept { return crtc_; }
  // Null if the card has none.
  DrmCursor* cursor() noexcept { return cursor_ ? &*cursor_ : nullptr; }

  // Takes the CRTC, with what was shown last. False, and a line in the log, if that fails.
  bool start();
  bool running() const noexcept { return running_; }
  // The card is somebody else's from now on.
  void stop() noexcept;
  // Turns the screen off.
  void turn_off() noexcept;
  // The monitor wants another mode now. Host::resized follows if there are buffers for it; else
  // everything stays as it was. Throws std::system_error.
  void change_mode(const drmModeModeInfo& mode);
  // The kernel says that what was committed last is visible. `sequence` is 0 where nobody counts.
  void flipped(calloop::TimePoint time, std::uint32_t sequence);

 private:
  struct Screen {
    std::unique_ptr<DumbBuffer> buffer;
    Region stale;  // where the shadow is newer
  };

  std::array<Screen, 2> make_screens(Size size) const;
  bool set_crtc();
  bool flip();
  void flip_failed(int error);
  void tick(calloop::TimePoint time);

  calloop::LoopHandle<> loop_;
  Host& host_;
  int card_;
  void* flip_data_;
  std::uint32_t crtc_;
  Monitor monitor_;
  std::array<Screen, 2> screens_;
  std::size_t front_ = 0;
  Image shadow_;
  bool painted_ = false;
  std::optional<DrmCursor> cursor_;

  std::optional<FrameClock> clock_;  // while it runs
  calloop::Idle idle_;
  bool running_ = false;
  bool flipping_ = false;    // an event is to come
  bool flip_again_ = false;  // when it has: the kernel was not ready for what was committed
  bool wanted_ = false;      // a frame was asked for that cannot be painted now
  bool counted_ = false;     // the card flips with the monitor
  std::uint64_t sequence_ = 0;
};

}  // namespace demo
