#include "compositor-demo/geometry.hpp"

#include <limits>

#include <gtest/gtest.h>

namespace demo {
namespace {

constexpr int lowest = std::numeric_limits<int>::min();
constexpr int highest = std::numeric_limits<int>::max();

TEST(Rect, NumbersOfAClientDoNotOverflow) {
  constexpr Rect huge{highest, highest, highest, highest};
  EXPECT_EQ(huge.right(), highest);
  EXPECT_EQ(huge.translated({highest, lowest}).x, highest);
  EXPECT_TRUE((Rect{lowest, lowest, highest, highest}.intersected({0, 0, 5, 5})).empty());
  EXPECT_EQ((Rect{lowest, 0, highest, 1}.united({0, 0, highest, 1})).x, lowest);
}

TEST(Rect, ContainsIntersectsUnites) {
  constexpr Rect r{10, 10, 10, 10};
  EXPECT_TRUE(r.contains(Point{10, 10}));
  EXPECT_FALSE(r.contains(Point{20, 10}));
  EXPECT_TRUE(r.contains(Rect{12, 12, 8, 8}));
  EXPECT_FALSE(r.contains(Rect{12, 12, 9, 8}));
  EXPECT_FALSE(r.intersects({20, 10, 5, 5}));
  EXPECT_EQ(r.united({}), r);
  EXPECT_EQ(r.united({0, 15, 5, 10}), (Rect{0, 10, 20, 15}));
}

TEST(Transforms, AreUndoneByTheirInverse) {
  constexpr Size area{7, 5};
  constexpr Rect r{1, 2, 3, 2};
  for (int i = 0; i < 8; ++i) {
    const auto t = static_cast<Transform>(i);
    const Rect turned = transformed(r, t, area);
    EXPECT_TRUE(Rect::at({}, transformed(area, t)).contains(turned)) << i;
    EXPECT_EQ(transformed(turned, inverse(t), transformed(area, t)), r) << i;
    EXPECT_EQ(transformed(Region{r}, t, area), Region{turned}) << i;
  }
}

TEST(Transforms, TurnCounterClockwise) {
  EXPECT_EQ(transformed(Rect{6, 0, 1, 1}, Transform::Rotated90, {7, 5}), (Rect{0, 0, 1, 1}));
  EXPECT_EQ(transformed(Rect{0, 0, 1, 1}, Transform::Rotated90, {7, 5}), (Rect{0, 6, 1, 1}));
  EXPECT_EQ(transformed(Rect{0, 0, 1, 1}, Transform::Flipped, {7, 5}), (Rect{6, 0, 1, 1}));
}

TEST(Region, IsAValue) {
  Region a = Rect{0, 0, 10, 10};
  Region b = a;
  b.subtract(Rect{0, 0, 5, 10});
  EXPECT_EQ(a, (Region{Rect{0, 0, 10, 10}}));
  EXPECT_EQ(b, (Region{Rect{5, 0, 5, 10}}));
  a = std::move(b);
  EXPECT_EQ(a.extents(), (Rect{5, 0, 5, 10}));
  EXPECT_EQ(a.rects().size(), 1U);
  a.clear();
  EXPECT_TRUE(a.empty());
}

TEST(Region, CutsOffWhatIsTooFarAway) {
  Region r = Rect{lowest, lowest, highest, highest};
  r.unite(Rect{highest - 1, 0, highest, highest});
  EXPECT_TRUE(Region::everything().contains(r.extents()));
  Region all = Region::everything();
  all.translate({highest, highest}).translate({highest, highest});
  EXPECT_TRUE(all.empty());
  Region there = Rect{0, 0, 1, 1};
  EXPECT_TRUE(there.translate({lowest, 0}).empty());
}

TEST(Region, MayTakeMoreOrLessWhenItsPiecesAreTooMany) {
  Region exact;
  Region rough;
  for (int i = 0; i < 10; ++i) {
    const Rect piece{4 * i, 4 * i, 1 + i % 3, 1};
    exact.unite(piece);
    rough.unite_roughly(piece, 10);
  }
  EXPECT_EQ(rough, exact) << "not more than may be";
  rough.unite_roughly(Rect{50, 50, 1, 1}, 10);
  EXPECT_EQ(rough, (Region{Rect{0, 0, 51, 51}}));

  EXPECT_EQ(exact.largest_pieces(10), exact);
  const Region largest = exact.largest_pieces(3);
  EXPECT_EQ(largest.rects().size(), 3U);
  EXPECT_EQ(largest.united(exact), exact) << "nothing that was not there";
  for (const int i : {2, 5, 8})
    EXPECT_TRUE(largest.contains(Rect{4 * i, 4 * i, 3, 1})) << i;
  EXPECT_TRUE(exact.largest_pieces(0).empty());
}

TEST(Region, AnswersForPointsAndRectangles) {
  const Region ring = Region{Rect{0, 0, 30, 30}}.subtracted(Rect{10, 10, 10, 10});
  EXPECT_TRUE(ring.contains(Point{9, 9}));
  EXPECT_FALSE(ring.contains(Point{10, 10}));
  EXPECT_TRUE(ring.contains(Rect{0, 0, 30, 10}));
  EXPECT_FALSE(ring.contains(Rect{0, 0, 30, 11}));
  EXPECT_TRUE(ring.intersects(Rect{10, 10, 11, 1}));
  EXPECT_FALSE(ring.intersects(Rect{10, 10, 10, 10}));
}

}  // namespace
}  // namespace demo
