// Who can be seen: nothing is painted under a picture that will hide it.
#pragma once

#include <span>
#include <vector>

#include "compositor-demo/geometry.hpp"
#include "compositor-demo/picture.hpp"

namespace demo {

// Whether pixman can read it: it refuses images of 32767 and more pixels a side.
bool paintable(const Picture& picture) noexcept;

// Where nothing shines through a picture, in output pixels: what the client promised, or all of
// it if its format has no alpha.
Region opaque_part(const Picture& picture);

struct Occlusion {
  std::vector<Region> visible;  // of each picture, in output pixels; more among very many pieces
  Region background;            // what no opaque picture covers

  // Goes through the list front to back on an output that shows `screen`. Reuses its memory.
  void compute(std::span<const Picture> pictures, const Rect& screen);
};

}  // namespace demo
