// The images of the pointer that an xcursor theme has.
#pragma once

#include <string>

#include "compositor-demo/geometry.hpp"
#include "compositor-demo/output/image.hpp"

namespace demo {

struct CursorPicture {
  Image image;    // with alpha, premultiplied
  Point hotspot;  // the pixel that points
};

// The image of that name ("left_ptr") in a theme, of about that many pixels a side. Empty names
// and 0 ask for what XCURSOR_THEME and XCURSOR_SIZE say, or else "default" and 24. Where no theme
// has it, an arrow of our own. Throws std::bad_alloc.
CursorPicture load_cursor(const std::string& name, const std::string& theme = {}, int size = 0);

}  // namespace demo
