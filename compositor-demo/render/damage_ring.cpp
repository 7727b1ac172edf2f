#include "compositor-demo/render/damage_ring.hpp"

#include <algorithm>
#include <utility>

namespace demo {

void DamageRing::push(Region damage) noexcept {
  newest_ = (newest_ + 1) % depth;
  frames_[newest_] = std::move(damage);
  count_ = std::min(count_ + 1, depth);
}

Region DamageRing::since(int age, const Rect& whole) const {
  if (age <= 0 || static_cast<std::size_t>(age) > count_)
    return whole;
  Region sum;
  for (std::size_t i = 0; i < static_cast<std::size_t>(age); ++i)
    sum.unite(frames_[(newest_ + depth - i) % depth]);
  return sum.intersect(whole);
}

}  // namespace demo
