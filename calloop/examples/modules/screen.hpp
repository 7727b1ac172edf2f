// Another module: shows text, at most so often.
#pragma once

#include <string>
#include <string_view>

#include <calloop/clock.hpp>
#include <calloop/loop_handle.hpp>

namespace modules {

class Screen {
 public:
  /// What it needs from whoever owns it.
  class Host {
   public:
    virtual void shown(std::string_view text) = 0;

   protected:
    ~Host() = default;
  };

  Screen(calloop::LoopHandle<Screen> loop, Host& host, calloop::Duration frame);
  /// Appears with the next frame.
  void write(char character);

 private:
  calloop::LoopHandle<Screen> loop_;
  Host& host_;
  calloop::Duration frame_;
  std::string text_;
  bool frame_is_due_ = false;
};

}  // namespace modules
