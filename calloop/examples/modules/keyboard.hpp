// A module: key repeat. It knows the loop, itself and what it needs from its owner; nothing of the
// application, and nothing of the other module.
#pragma once

#include <calloop/clock.hpp>
#include <calloop/loop_handle.hpp>
#include <calloop/token.hpp>

namespace modules {

class Keyboard {
 public:
  /// What it needs from whoever owns it.
  class Host {
   public:
    virtual void key_pressed(char key) = 0;

   protected:
    ~Host() = default;
  };
  struct Rate {
    calloop::Duration delay;     ///< until the first repetition
    calloop::Duration interval;  ///< from one to the next
  };

  /// `loop` is a handle on the application's loop through which only a Keyboard can be reached.
  Keyboard(calloop::LoopHandle<Keyboard> loop, Host& host, Rate rate);
  /// Tells the host of `key` now, and again and again until release().
  void press(char key);
  void release();

 private:
  calloop::LoopHandle<Keyboard> loop_;
  Host& host_;
  Rate rate_;
  calloop::RegistrationToken repetition_;
};

}  // namespace modules
