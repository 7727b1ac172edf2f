// An output in memory: what is painted can be looked at in a screenshot.
#pragma once

#include <cstdint>

#include <calloop/loop_handle.hpp>

#include "compositor-demo/geometry.hpp"
#include "compositor-demo/output/frame_clock.hpp"
#include "compositor-demo/output/image.hpp"
#include "compositor-demo/output/output.hpp"

namespace demo {

// Has one buffer (nobody scans it out while it is painted), so its age is always 1, and a clock of
// its own. A frame is presented within commit().
class HeadlessOutput final : public Output {
 public:
  // Throws std::bad_alloc.
  HeadlessOutput(const calloop::LoopHandle<>& loop, Host& host, Size size, int refresh_mhz);

  Size size() const noexcept override { return size_; }
  int scale() const noexcept override { return 1; }
  int refresh_mhz() const noexcept override { return clock_.refresh_mhz(); }
  void request_frame() override { clock_.request(); }
  Canvas begin() override;
  void commit(const Region& damage) override;
  pixman_image_t* shown() override { return image_.get(); }

 private:
  Host& host_;
  Size size_;
  Image image_;
  bool painted_ = false;
  calloop::TimePoint time_;
  std::uint64_t sequence_ = 0;
  FrameClock clock_;
};

}  // namespace demo
