#include "compositor-demo/shell/placement.hpp"

#include <span>
#include <vector>

#include <gtest/gtest.h>

namespace demo {
namespace {

constexpr Rect screen{0, 0, 1280, 720};

// Places windows one after the other, as the shell does.
std::vector<Rect> place(const std::vector<Size>& sizes, const Rect& area) {
  std::vector<Rect> windows;
  int cascaded = 0;
  for (const Size& size : sizes) {
    const Placement p = place_window(size, area, windows, cascaded);
    if (p.cascaded)
      ++cascaded;
    windows.push_back(Rect::at(p.position, size));
  }
  return windows;
}

void expect_apart(const std::vector<Rect>& windows, const Rect& area) {
  for (std::size_t i = 0; i < windows.size(); ++i) {
    EXPECT_TRUE(area.contains(windows[i])) << i;
    for (std::size_t j = 0; j < i; ++j)
      EXPECT_FALSE(windows[i].intersects(windows[j])) << i;
  }
}

TEST(Placement, ThreeUsualWindowsStandSideBySideInAnyOrder) {
  const std::vector<Size> usual{{700, 500}, {200, 200}, {250, 250}};
  const std::vector<std::vector<std::size_t>> orders{{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                                     {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
  for (const auto& order : orders) {
    std::vector<Size> sizes;
    for (const std::size_t i : order)
      sizes.push_back(usual[i]);
    const auto windows = place(sizes, screen);
    expect_apart(windows, screen);
    for (const Rect& window : windows)
      EXPECT_EQ(window.y, placement_gap);
  }
}

TEST(Placement, GoesToTheNextRowWhenTheFirstIsFull) {
  const auto windows = place({{600, 300}, {600, 300}, {600, 300}, {600, 300}}, screen);
  expect_apart(windows, screen);
  EXPECT_EQ(windows[2].x, windows[0].x);
  EXPECT_GT(windows[2].y, windows[0].bottom());
}

TEST(Placement, CascadesWithoutRoomAndStaysOnTheScreen) {
  const auto windows = place(std::vector<Size>(40, Size{1000, 600}), screen);
  for (const Rect& window : windows)
    EXPECT_TRUE(screen.contains(window));
  for (std::size_t i = 2; i < 4; ++i)
    EXPECT_NE(windows[i].origin(), windows[i - 1].origin());
}

// Who opens thousands must not make us look for a place among thousands.
TEST(Placement, AmongVeryManyWindowsNobodyLooksForAPlace) {
  const Rect wide{0, 0, 100'000, 720};
  std::vector<Rect> windows = place(std::vector<Size>(placement_most_windows + 1, {1, 1}), wide);
  expect_apart(windows, wide);  // each of those still got a place of its own
  EXPECT_FALSE(
      place_window({1, 1}, wide, std::span{windows}.first(placement_most_windows), 0).cascaded);
  EXPECT_TRUE(place_window({1, 1}, wide, windows, 0).cascaded) << "though there is room";
}

TEST(Placement, AWindowLargerThanTheScreenShowsItsTopLeft) {
  const Rect area{5, 7, 100, 100};
  EXPECT_EQ(place({{200, 300}}, area)[0].origin(), area.origin());
  EXPECT_EQ(place({{200, 50}}, area)[0].x, area.x);
  EXPECT_EQ(place({{100, 100}}, area)[0].origin(), area.origin());
}

TEST(Placement, SizesOfClientsDoNotOverflow) {
  const int huge = std::numeric_limits<int>::max();
  EXPECT_EQ(place({{huge, huge}, {huge, 1}}, screen)[1].x, 0);
}

}  // namespace
}  // namespace demo
