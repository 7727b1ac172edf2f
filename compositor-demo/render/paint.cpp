#include "compositor-demo/render/paint.hpp"

#include <algorithm>
#include <cstdint>
#include <new>

#include "compositor-demo/render/occlusion.hpp"

namespace demo {
namespace {

// The matrix that leads from a surface-local pixel to the image's: from the size that it has to
// that of the part that is shown, then turn, then scale.
pixman_transform_t surface_to_image(const Picture& picture) {
  const Size image{pixman_image_get_width(picture.image) / picture.scale,
                   pixman_image_get_height(picture.image) / picture.scale};
  const Size whole = transformed(image, picture.transform);
  const SourceRect source = picture.source.value_or(
      SourceRect{0, 0, double(picture.size.width), double(picture.size.height)});
  const double across = source.width / picture.size.width;
  const double along = source.height / picture.size.height;
  // Where the corner and the two axes go when it is turned.
  const auto place = [&](int x, int y) {
    return transformed(Rect{x, y, 0, 0}, picture.transform, whole).origin();
  };
  const Point origin = place(0, 0);
  const Point right = place(1, 0) - origin;
  const Point down = place(0, 1) - origin;
  const auto fixed = [&](double v) { return pixman_double_to_fixed(v * picture.scale); };
  return {{{fixed(right.x * across), fixed(down.x * along),
            fixed(origin.x + right.x * source.x + down.x * source.y)},
           {fixed(right.y * across), fixed(down.y * along),
            fixed(origin.y + right.y * source.x + down.y * source.y)},
           {0, 0, pixman_fixed_1}}};
}

// Turns and scales a borrowed image for as long as this lives.
class Turned {
 public:
  explicit Turned(const Picture& picture) : image_{picture.image} {
    if (!picture.changed())
      return;
    const pixman_transform_t matrix = surface_to_image(picture);
    if (!pixman_image_set_transform(image_, &matrix))
      throw std::bad_alloc{};
    // More or fewer image pixels than output pixels: between them is better than the nearest, but
    // not between the last one and nothing.
    if (picture.scale > 1 || picture.source) {
      pixman_image_set_filter(image_, PIXMAN_FILTER_BILINEAR, nullptr, 0);
      pixman_image_set_repeat(image_, PIXMAN_REPEAT_PAD);
    }
    turned_ = true;
  }
  Turned(const Turned&) = delete;
  Turned& operator=(const Turned&) = delete;
  ~Turned() {
    if (!turned_)
      return;
    pixman_image_set_transform(image_, nullptr);
    pixman_image_set_filter(image_, PIXMAN_FILTER_NEAREST, nullptr, 0);
    pixman_image_set_repeat(image_, PIXMAN_REPEAT_NONE);
  }

 private:
  pixman_image_t* image_;
  bool turned_ = false;
};

class Reading {
 public:
  explicit Reading(Access* access) noexcept : access_{access} {
    if (access_)
      access_->begin();
  }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;
  // A client whose memory vanished is dealt with by whoever gave us the picture.
  ~Reading() {
    if (access_)
      access_->end();
  }

 private:
  Access* access_;
};

// Confines painting on the target to a region.
class Clipped {
 public:
  Clipped(pixman_image_t* target, const Region& where) : target_{target} {
    if (!pixman_image_set_clip_region32(target_, where.c()))
      throw std::bad_alloc{};
  }
  Clipped(const Clipped&) = delete;
  Clipped& operator=(const Clipped&) = delete;
  ~Clipped() { pixman_image_set_clip_region32(target_, nullptr); }

 private:
  pixman_image_t* target_;
};

void composite(pixman_op_t op, pixman_image_t* target, const Region& where,
               const Picture& picture) {
  if (where.empty())
    return;
  const Clipped clipped{target, where};
  const Rect box = where.extents();
  pixman_image_composite32(op, picture.image, nullptr, target, box.x - picture.position.x,
                           box.y - picture.position.y, 0, 0, box.x, box.y, box.width, box.height);
}

}  // namespace

void paint_background(pixman_image_t* target, const Region& where, pixman_color_t colour) {
  const auto boxes = where.rects();
  if (boxes.empty())
    return;
  if (!pixman_image_fill_boxes(PIXMAN_OP_SRC, target, &colour, static_cast<int>(boxes.size()),
                               boxes.data()))
    throw std::bad_alloc{};
}

void paint_picture(pixman_image_t* target, const Region& where, const Picture& picture) {
  if (where.empty())
    return;
  const Region opaque = opaque_part(picture).intersect(where);
  const Turned turned{picture};
  const Reading reading{picture.access};
  composite(PIXMAN_OP_SRC, target, opaque, picture);
  composite(PIXMAN_OP_OVER, target, where.subtracted(opaque), picture);
}

}  // namespace demo
