#include "compositor-demo/render/renderer.hpp"

#include "compositor-demo/render/paint.hpp"

namespace demo {
namespace {

// How many plain pixels take as long as one that is looked up through a matrix, and as beginning
// with another rectangle.
constexpr std::int64_t turned_pixel = 8;
constexpr std::int64_t rectangle = 256;

std::int64_t work_of(const Region& where, const Picture& picture) noexcept {
  std::int64_t pixels = 0;
  std::int64_t rectangles = 0;
  for (const pixman_box32_t& box : where.rects()) {
    pixels += std::int64_t{box.x2 - box.x1} * (box.y2 - box.y1);
    ++rectangles;
  }
  return pixels * (picture.changed() ? turned_pixel : 1) + rectangles * rectangle;
}

}  // namespace

const Region& Renderer::plan(Size size, int age, std::span<const Picture> pictures) {
  const Rect screen = Rect::at({}, size);
  if (size != size_)
    ring_.clear();
  size_ = size;

  damage_ = tracker_.update(pictures, size);
  ring_.push(damage_);
  occlusion_.compute(pictures, screen);

  const Region repaint = ring_.since(age, screen);
  background_stroke_ = occlusion_.background.intersected(repaint);
  strokes_.resize(pictures.size());
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    Stroke& stroke = strokes_[i];
    stroke.where.clear();
    if (!repaint.empty() && !occlusion_.visible[i].empty())
      stroke.where = occlusion_.visible[i].intersected(repaint);
    stroke.work = work_of(stroke.where, pictures[i]);
  }
  return damage_;
}

void Renderer::leave_out(std::size_t index) noexcept {
  strokes_[index].where.clear();
  occlusion_.visible[index].clear();
}

void Renderer::paint(pixman_image_t* target, std::span<const Picture> pictures) const {
  paint_background(target, background_stroke_, background_);
  for (std::size_t i = 0; i < pictures.size(); ++i)
    paint_picture(target, strokes_[i].where, pictures[i]);
}

const Region& Renderer::render(pixman_image_t* target, int age, std::span<const Picture> pictures) {
  plan({pixman_image_get_width(target), pixman_image_get_height(target)}, age, pictures);
  paint(target, pictures);
  return damage_;
}

}  // namespace demo
