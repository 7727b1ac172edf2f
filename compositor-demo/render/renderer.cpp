#include "compositor-demo/render/renderer.hpp"

#include "compositor-demo/render/paint.hpp"

namespace demo {

const Region& Renderer::render(pixman_image_t* target, int age, std::span<const Picture> pictures) {
  const Size size{pixman_image_get_width(target), pixman_image_get_height(target)};
  const Rect screen = Rect::at({}, size);
  if (size != size_)
    ring_.clear();
  size_ = size;

  damage_ = tracker_.update(pictures, size);
  ring_.push(damage_);
  occlusion_.compute(pictures, screen);

  const Region repaint = ring_.since(age, screen);
  if (repaint.empty())
    return damage_;
  paint_background(target, occlusion_.background.intersected(repaint), background_);
  for (std::size_t i = 0; i < pictures.size(); ++i)
    paint_picture(target, occlusion_.visible[i].intersected(repaint), pictures[i]);
  return damage_;
}

}  // namespace demo
