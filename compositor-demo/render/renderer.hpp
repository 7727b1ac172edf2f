// Paints pictures onto an output's image with pixman, touching only pixels that changed.
#pragma once

#include <pixman.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "compositor-demo/geometry.hpp"
#include "compositor-demo/picture.hpp"
#include "compositor-demo/render/damage_ring.hpp"
#include "compositor-demo/render/damage_tracker.hpp"
#include "compositor-demo/render/occlusion.hpp"

namespace demo {

// The memory of one output's frames: one Renderer for each. It knows pixels alone, no surface, no
// window and no output.
class Renderer {
 public:
  explicit Renderer(pixman_color_t background) noexcept : background_{background} {}

  // A frame in two steps. This finds out what there is to do; returns what render() does.
  const Region& plan(Size size, int age, std::span<const Picture> pictures);
  // What painting picture number `index` will cost, counted in pixels that are copied or blended.
  // Each of a turned or scaled picture counts for several.
  std::int64_t work(std::size_t index) const noexcept { return strokes_[index].work; }
  // It is not to be painted in this frame; where it is opaque stays what was there.
  void leave_out(std::size_t index) noexcept;
  // The same pictures.
  void paint(pixman_image_t* target, std::span<const Picture> pictures) const;

  // Both steps. Brings `target` up to the frame that these pictures are, back to front. Its content
  // is what the frame `age` frames ago left in it (0: unknown). Returns the pixels in which this
  // frame differs from the last, valid until the next call. The pictures' images are read during
  // the call only; it leaves them as they were.
  const Region& render(pixman_image_t* target, int age, std::span<const Picture> pictures);

  // Whether anything of the last frame's picture number `index` was on the screen, in this frame
  // or still from an earlier one.
  bool visible(std::size_t index) const noexcept { return !occlusion_.visible[index].empty(); }

 private:
  struct Stroke {
    Region where;
    std::int64_t work = 0;
  };

  DamageTracker tracker_;
  DamageRing ring_;
  Occlusion occlusion_;
  pixman_color_t background_;
  Size size_;
  Region damage_;
  Region background_stroke_;
  std::vector<Stroke> strokes_;  // for each picture
};

}  // namespace demo
