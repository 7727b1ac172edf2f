#include "compositor-demo/render/damage_tracker.hpp"

#include <algorithm>

namespace demo {
namespace {

// Thousands of windows that change here and there: then it is everything between them.
constexpr std::size_t most_pieces = 256;

}  // namespace

Region DamageTracker::update(std::span<const Picture> frame, Size size) {
  const Rect screen = Rect::at({}, size);
  now_.clear();
  for (const Picture& picture : frame)
    now_.push_back({picture.id, picture.area(), picture.scale, picture.transform, picture.source});

  Region damage;
  if (size != size_) {
    damage = screen;
  } else {
    match_by_id();
    for (const Seen& before : last_)
      if (!before.stays)
        damage.unite_roughly(before.area, most_pieces);
    for (std::size_t i = 0; i < now_.size(); ++i) {
      const Seen& after = now_[i];
      if (!after.stays)
        damage.unite_roughly(after.area, most_pieces);
      else if (!frame[i].damage.empty())
        damage.unite_roughly(frame[i].damage.translated(after.area.origin()).intersect(after.area),
                             most_pieces);
    }
    damage.intersect(screen);
  }
  size_ = size;
  last_.swap(now_);
  return damage;
}

// Marks in both lists what stays where it was; everything else counts as gone and new.
void DamageTracker::match_by_id() {
  for (Seen& before : last_)
    before.stays = false;
  if (!std::ranges::equal(last_, now_, {}, &Seen::id, &Seen::id)) {
    match_restacked();
    return;
  }
  // Nearly always: the same pictures in the same order.
  for (std::size_t i = 0; i < now_.size(); ++i)
    last_[i].stays = now_[i].stays = now_[i].looks_like(last_[i]);
}

// Looks only at pictures that both frames have. Of two that changed places in the stack at least
// one has another rank among them, and it is enough to repaint that one.
void DamageTracker::match_restacked() {
  index_.clear();
  for (std::size_t i = 0; i < now_.size(); ++i)
    index_.emplace_back(now_[i].id, i);
  std::ranges::sort(index_);

  matches_.clear();
  order_.clear();
  for (std::size_t i = 0; i < last_.size(); ++i) {
    const auto found = std::ranges::lower_bound(index_, last_[i].id, {},
                                                &std::pair<PictureId, std::size_t>::first);
    if (found == index_.end() || found->first != last_[i].id)
      continue;
    matches_.push_back({i, found->second});
    order_.push_back(found->second);
  }
  std::ranges::sort(order_);
  for (std::size_t rank = 0; rank < matches_.size(); ++rank) {
    const auto [before, after] = matches_[rank];
    last_[before].stays = now_[after].stays =
        after == order_[rank] && now_[after].looks_like(last_[before]);
  }
}

}  // namespace demo
