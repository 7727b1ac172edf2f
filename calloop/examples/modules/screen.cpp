#include "calloop/examples/modules/screen.hpp"

#include <utility>

#include <calloop/sources/timer.hpp>

namespace modules {

Screen::Screen(calloop::LoopHandle<Screen> loop, Host& host, calloop::Duration frame)
    : loop_{loop}, host_{host}, frame_{frame} {}

void Screen::write(char character) {
  text_ += character;
  if (std::exchange(frame_is_due_, true))
    return;
  // A callback that returns nothing lets its timer go: one frame, and no wake-up while idle.
  loop_.insert_source(calloop::Timer::after(frame_), [](Screen& screen) {
    screen.frame_is_due_ = false;
    screen.host_.shown(screen.text_);
  });
}

}  // namespace modules
