// A screen, whatever it is made of: memory, a window of another compositor, a monitor.
#pragma once

#include <pixman.h>

#include <cstdint>

#include <calloop/clock.hpp>

#include "compositor-demo/geometry.hpp"

namespace demo {

// The order of calls for one frame:
//
//   request_frame()  ->  Host::frame()  ->  begin(), paint, commit()  ->  Host::presented()
//
// Outputs come and go; they are made with a LoopHandle<> and end their callbacks when destroyed.
class Output {
 public:
  // What is known about the moment when a frame became visible; wp_presentation_feedback.kind,
  // same values.
  enum PresentedFlags : std::uint32_t {
    Vsync = 1,
    HardwareClock = 2,
    HardwareCompletion = 4,
    ZeroCopy = 8,
  };

  class Host {
   public:
    // The time to paint, asked for by request_frame(). `time` is that of the output's clock.
    virtual void frame(Output& output, calloop::TimePoint time) = 0;
    // The frame that was committed last became visible. `sequence` counts the output's refreshes.
    virtual void presented(Output& output, calloop::TimePoint time, std::uint64_t sequence,
                           std::uint32_t flags) = 0;
    // It has another size: the next begin() returns an image of that size.
    virtual void resized(Output& output) = 0;
    // It is of no more use. May be destroyed in this call.
    virtual void gone(Output& output) = 0;

   protected:
    ~Host() = default;
  };
  // Where to paint. Borrowed until commit().
  struct Canvas {
    pixman_image_t* image = nullptr;
    int age = 0;  // its content is that of so many frames ago; 0: unknown
  };

  Output() = default;
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  virtual ~Output() = default;

  virtual Size size() const noexcept = 0;  // pixels
  virtual int scale() const noexcept = 0;  // pixels per logical pixel
  virtual int refresh_mhz() const noexcept = 0;

  // Asks for one Host::frame(): at once when the last frame was more than a period ago, else a
  // period after it. Asking again before it comes changes nothing.
  virtual void request_frame() = 0;
  virtual Canvas begin() = 0;
  // Shows what was painted; `damage` is where it differs from the frame before. An empty one is
  // presented like any other.
  virtual void commit(const Region& damage) = 0;
  // What is on the screen now. Borrowed until the next begin().
  virtual pixman_image_t* shown() = 0;
};

}  // namespace demo
