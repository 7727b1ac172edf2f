// The two strokes that a frame is made of.
#pragma once

#include <pixman.h>

#include "compositor-demo/geometry.hpp"
#include "compositor-demo/picture.hpp"

namespace demo {

// Both paint where `where` is, in target pixels, and nowhere else. Without memory for a clip they
// throw std::bad_alloc.
void paint_background(pixman_image_t* target, const Region& where, pixman_color_t colour);

// Copies where the picture is opaque and blends elsewhere. The access guard is open while the
// image is read. A picture whose image is smaller than it claims is transparent there.
void paint_picture(pixman_image_t* target, const Region& where, const Picture& picture);

}  // namespace demo
