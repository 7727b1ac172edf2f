#include "compositor-demo/render/missed_damage.hpp"

#include <utility>

namespace demo {

void MissedDamage::add(std::span<const Picture> pictures) {
  if (too_much_)
    return;
  for (const Picture& picture : pictures)
    if (!picture.damage.empty())
      missed_[picture.id].unite_roughly(picture.damage, most_pieces);
  if (missed_.size() > most_pictures) {
    missed_.clear();
    too_much_ = true;
  }
}

bool MissedDamage::take_into(std::span<Picture> pictures) {
  if (!missed_.empty()) {
    for (Picture& picture : pictures)
      if (const auto missed = missed_.find(picture.id); missed != missed_.end())
        picture.damage.unite(missed->second);
    missed_.clear();
  }
  return !std::exchange(too_much_, false);
}

}  // namespace demo
