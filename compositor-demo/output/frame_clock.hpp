// Says when to paint, for outputs whose hardware does not: at most at the refresh rate, at once
// after a rest, and never when nobody asked.
#pragma once

#include <cstdint>
#include <functional>

#include <calloop/clock.hpp>
#include <calloop/loop_handle.hpp>
#include <calloop/scoped_registration.hpp>

#include "compositor-demo/output/refresh.hpp"

namespace demo {

// While frames are asked for without a pause their moments are exact multiples of the period after
// the first (a late one does not delay the next; one that would be a whole period late is left
// out). A frame asked for later than that comes when the loop is done with its present events, and
// starts the grid anew. Between frames there is no timer.
class FrameClock {
 public:
  // `tick` gets the moment of the frame and the number of refreshes before it. It may ask for the
  // next frame, and may destroy the clock.
  using Tick = std::function<void(calloop::TimePoint, std::uint64_t)>;
  FrameClock(const calloop::LoopHandle<>& loop, int refresh_mhz, Tick tick);
  FrameClock(const FrameClock&) = delete;
  FrameClock& operator=(const FrameClock&) = delete;
  ~FrameClock();

  int refresh_mhz() const noexcept { return grid_.mhz(); }
  // One tick. Asking again before it comes changes nothing.
  void request();

 private:
  void tick_after_rest();
  void tick_on_grid();
  void tick(calloop::TimePoint time, std::int64_t refreshes);

  calloop::LoopHandle<> loop_;
  Refresh grid_;
  Tick tick_;
  std::int64_t last_ = 0;  // number of the last frame on the grid
  std::uint64_t sequence_ = 0;
  bool started_ = false;
  bool requested_ = false;
  calloop::ScopedRegistration timer_;
  calloop::Idle idle_;
};

}  // namespace demo
