#include "compositor-demo/output/frame_clock.hpp"

#include <algorithm>
#include <utility>

#include <calloop/sources/timer.hpp>

namespace demo {

FrameClock::FrameClock(const calloop::LoopHandle<>& loop, int refresh_mhz, Tick tick)
    : loop_{loop}, grid_{refresh_mhz}, tick_{std::move(tick)} {}

FrameClock::~FrameClock() {
  idle_.cancel();
}

void FrameClock::request() {
  if (requested_)
    return;
  const calloop::TimePoint next = grid_.moment(last_ + 1);
  if (!started_ || next <= loop_.now()) {
    idle_ = loop_.insert_idle([this] { tick_after_rest(); });
  } else {
    timer_ = {loop_, loop_.insert_source(calloop::Timer::at(next), [this] { tick_on_grid(); },
                                         {.name = "frame clock"})};
  }
  requested_ = true;
}

void FrameClock::tick_after_rest() {
  const calloop::TimePoint now = loop_.now();
  const std::int64_t rested =
      started_ ? (now - grid_.moment(last_)) / grid_.period() : std::int64_t{1};
  grid_.start(now);
  last_ = 0;
  started_ = true;
  tick(now, std::max<std::int64_t>(rested, 1));
}

void FrameClock::tick_on_grid() {
  const calloop::TimePoint due = grid_.moment(last_ + 1);
  const std::int64_t late = std::max<std::int64_t>((loop_.now() - due) / grid_.period(), 0);
  last_ += 1 + late;
  tick(grid_.moment(last_), 1 + late);
}

void FrameClock::tick(calloop::TimePoint time, std::int64_t refreshes) {
  sequence_ += static_cast<std::uint64_t>(refreshes);
  requested_ = false;
  tick_(time, sequence_);
}

}  // namespace demo
