// What changed on an output between two frames, found by comparing their lists of pictures.
#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "compositor-demo/geometry.hpp"
#include "compositor-demo/picture.hpp"

namespace demo {

// Surfaces report damage of their content alone; that one was moved, resized, turned, restacked,
// shown or closed is seen here, so no module has to announce it.
class DamageTracker {
 public:
  // The pixels of an output of `size` that this frame shows differently from the one before. All
  // of them in the first frame, after reset(), and when the size is another.
  Region update(std::span<const Picture> frame, Size size);

  // Forgets the last frame.
  void reset() noexcept { size_ = {}; }

 private:
  // What of a picture is compared with its successor in the next frame.
  struct Seen {
    PictureId id{};
    Rect area;
    int scale = 1;
    Transform transform = Transform::Normal;
    std::optional<SourceRect> source{};
    bool stays = false;

    bool looks_like(const Seen& other) const noexcept {
      return area == other.area && scale == other.scale && transform == other.transform &&
             source == other.source;
    }
  };
  struct Match {
    std::size_t before;  // index in last_
    std::size_t after;   // index in now_
  };

  void match_by_id();
  void match_restacked();

  std::vector<Seen> last_;
  std::vector<Seen> now_;
  Size size_;
  // Scratch memory of match_restacked().
  std::vector<std::pair<PictureId, std::size_t>> index_;
  std::vector<Match> matches_;
  std::vector<std::size_t> order_;
};

}  // namespace demo
