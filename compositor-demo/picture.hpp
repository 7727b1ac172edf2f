// What the protocol module hands to the renderer, by way of the application: surfaces reduced to
// pixels. A frame is a list of them, back to front.
#pragma once

#include <pixman.h>

#include <compare>
#include <cstdint>
#include <optional>

#include "compositor-demo/geometry.hpp"

namespace demo {

// A mapped window, as every module names it. Never used again for another one.
enum class WindowId : std::uint64_t {};

// A surface, in the same way: by it the renderer knows a picture again in the next frame.
enum class PictureId : std::uint64_t {};

// Memory that a client can take away at any time. Everything that reads pixels does so between
// begin() and end(), one read at a time: never two of them open at once.
class Access {
 public:
  virtual void begin() noexcept = 0;
  // False if the memory vanished meanwhile (SIGBUS): what was read is blank, and that client is
  // disconnected later, not before the list that this belongs to is gone.
  virtual bool end() noexcept = 0;

 protected:
  ~Access() = default;
};

// A part of a picture; between pixels, too.
struct SourceRect {
  double x = 0;
  double y = 0;
  double width = 0;
  double height = 0;
  bool operator==(const SourceRect&) const noexcept = default;
};

// One surface with content.
struct Picture {
  PictureId id{};
  pixman_image_t* image = nullptr;          // borrowed, alive as long as the list
  Point position;                           // of the top left corner, in output pixels
  Size size;                                // in surface-local pixels
  int scale = 1;                            // the image is `scale` times as large as `size` ...
  Transform transform = Transform::Normal;  // ... and turned by this
  // The part of the image, so scaled and turned, that is stretched to `size`. None: all of it,
  // which is that large.
  std::optional<SourceRect> source{};
  Region opaque;             // surface-local; where nothing shines through
  Region damage;             // surface-local; changed since the last frame that showed it
  Access* access = nullptr;  // borrowed; null: this memory cannot vanish

  // It does not go onto the screen pixel by pixel.
  bool changed() const noexcept {
    return scale != 1 || transform != Transform::Normal || source.has_value();
  }
  Rect area() const noexcept { return Rect::at(position, size); }
};

}  // namespace demo
