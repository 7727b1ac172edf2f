#include "compositor-demo/render/frame_budget.hpp"

#include <algorithm>
#include <functional>
#include <numeric>
#include <tuple>

namespace demo {

std::int64_t frame_budget(Size screen) noexcept {
  constexpr std::int64_t screens = 32;
  constexpr std::int64_t least = 64'000'000;
  return std::max(least, screens * screen.width * screen.height);
}

std::vector<std::size_t> over_budget(std::span<const Work> windows, std::int64_t budget) {
  std::vector<std::size_t> order(windows.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto process = [&](std::size_t i) { return windows[i].process; };
  std::ranges::sort(order, std::greater{}, [&](std::size_t i) {
    return std::tuple{windows[i].process, windows[i].pixels};
  });

  std::vector<std::size_t> found;
  for (auto begin = order.begin(); begin != order.end();) {
    const auto end = std::find_if(begin, order.end(),
                                  [&](std::size_t i) { return process(i) != process(*begin); });
    std::int64_t all = 0;
    for (auto i = begin; i != end; ++i)
      all += windows[*i].pixels;
    for (; begin != end && all > budget; ++begin) {
      all -= windows[*begin].pixels;
      found.push_back(*begin);
    }
    begin = end;
  }
  return found;
}

}  // namespace demo
