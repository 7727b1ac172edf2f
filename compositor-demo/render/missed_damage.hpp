// Damage that one output has seen and another has not.
#pragma once

#include <cstddef>
#include <span>
#include <unordered_map>

#include "compositor-demo/geometry.hpp"
#include "compositor-demo/picture.hpp"

namespace demo {

// A surface's damage is that since it was shown last, on whichever output. Where there are several,
// each keeps what the frames of the others have had, until it paints itself.
class MissedDamage {
 public:
  // Another output is about to show these.
  void add(std::span<const Picture> pictures);
  // This one is: adds what was missed to what the pictures say. False if too much was missed to
  // know it: then everything is damaged.
  [[nodiscard]] bool take_into(std::span<Picture> pictures);

 private:
  // Of an output that does not paint while clients come and go.
  static constexpr std::size_t most_pictures = 4096;
  static constexpr std::size_t most_pieces = 32;

  std::unordered_map<PictureId, Region> missed_;
  bool too_much_ = false;
};

}  // namespace demo
