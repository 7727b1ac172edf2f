#include "calloop/examples/modules/keyboard.hpp"

#include <utility>

#include <calloop/sources/timer.hpp>

namespace modules {

using calloop::TimeoutAction;
using calloop::TimePoint;

Keyboard::Keyboard(calloop::LoopHandle<Keyboard> loop, Host& host, Rate rate)
    : loop_{loop}, host_{host}, rate_{rate} {}

void Keyboard::press(char key) {
  release();
  // The callback is given this Keyboard, as a part of what the application lends to its loop.
  repetition_ = loop_.insert_source(calloop::Timer::after(rate_.delay),
                                    [key](TimePoint deadline, Keyboard& keyboard) {
                                      keyboard.host_.key_pressed(key);
                                      return TimeoutAction::at(deadline + keyboard.rate_.interval);
                                    });
  host_.key_pressed(key);
}

void Keyboard::release() {
  loop_.remove(repetition_);  // nothing happens if there is none; also from key_pressed()
}

}  // namespace modules
