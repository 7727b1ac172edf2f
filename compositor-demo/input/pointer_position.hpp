// Where the pointer is, in the space of all outputs.
#pragma once

#include <span>
#include <vector>

#include "compositor-demo/geometry.hpp"

namespace demo {

// Always on an output, if there is one: it goes from one to the next where they touch, and stops at
// all other edges.
class PointerPosition {
 public:
  double x() const noexcept { return x_; }
  double y() const noexcept { return y_; }
  // The pixel.
  Point pixel() const noexcept;

  // The outputs are these now. A pointer that is on none of them goes to the nearest.
  void set_areas(std::span<const Rect> areas);
  void move_by(double dx, double dy) noexcept;
  void place(double x, double y) noexcept { go_to(x, y); }
  // To a place on the whole of what is there, given as parts of it from 0 to 1: that is what a
  // device means which knows no other space than its own.
  void move_to(double part_x, double part_y) noexcept;
  // The smallest rectangle around all outputs.
  Rect everything() const noexcept;

 private:
  void go_to(double x, double y) noexcept;

  std::vector<Rect> areas_;
  double x_ = 0;
  double y_ = 0;
};

}  // namespace demo
