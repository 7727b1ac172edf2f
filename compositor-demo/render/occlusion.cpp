#include "compositor-demo/render/occlusion.hpp"

#include <cstddef>
#include <cstdint>

namespace demo {
namespace {

// What is painted under something opaque is only wasted; but every further picture is cut with what
// is left of the background, so that must not fall into thousands of pieces.
constexpr std::size_t most_pieces = 256;

}  // namespace

bool paintable(const Picture& picture) noexcept {
  constexpr std::int64_t limit = 32766;
  const std::int64_t scale = picture.source ? 1 : picture.scale;
  return picture.size.width * scale <= limit && picture.size.height * scale <= limit &&
         pixman_image_get_width(picture.image) <= limit &&
         pixman_image_get_height(picture.image) <= limit;
}

Region opaque_part(const Picture& picture) {
  const bool has_alpha = PIXMAN_FORMAT_A(pixman_image_get_format(picture.image)) != 0;
  if (!has_alpha)
    return picture.area();
  if (picture.opaque.empty())
    return {};
  return picture.opaque.translated(picture.position).intersect(picture.area());
}

void Occlusion::compute(std::span<const Picture> pictures, const Rect& screen) {
  visible.resize(pictures.size());
  background = screen;
  for (std::size_t i = pictures.size(); i-- > 0;) {
    visible[i].clear();
    if (!paintable(pictures[i]))
      continue;
    visible[i] = background.intersected(pictures[i].area());
    if (!visible[i].empty() && background.rects().size() <= most_pieces)
      background.subtract(opaque_part(pictures[i]));
  }
}

}  // namespace demo
