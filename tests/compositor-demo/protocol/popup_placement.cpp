#include "compositor-demo/protocol/popup_placement.hpp"

#include <limits>
#include <ostream>
#include <string>

#include <gtest/gtest.h>

#include "xdg-shell-server-protocol.h"

namespace demo {

static std::ostream& operator<<(std::ostream& out, const Rect& r) {
  return out << r.width << 'x' << r.height << '+' << r.x << '+' << r.y;
}

namespace {

constexpr std::uint32_t kSlideX = XDG_POSITIONER_CONSTRAINT_ADJUSTMENT_SLIDE_X;
constexpr std::uint32_t kSlideY = XDG_POSITIONER_CONSTRAINT_ADJUSTMENT_SLIDE_Y;
constexpr std::uint32_t kFlipX = XDG_POSITIONER_CONSTRAINT_ADJUSTMENT_FLIP_X;
constexpr std::uint32_t kFlipY = XDG_POSITIONER_CONSTRAINT_ADJUSTMENT_FLIP_Y;
constexpr std::uint32_t kResizeX = XDG_POSITIONER_CONSTRAINT_ADJUSTMENT_RESIZE_X;
constexpr std::uint32_t kResizeY = XDG_POSITIONER_CONSTRAINT_ADJUSTMENT_RESIZE_Y;
constexpr Side kTopLeft{-1, -1};
constexpr Side kTop{0, -1};
constexpr Side kBottom{0, 1};
constexpr Side kBottomLeft{-1, 1};
constexpr Side kBottomRight{1, 1};
constexpr Side kRight{1, 0};
constexpr Side kLeft{-1, 0};
constexpr Side kNone{0, 0};

struct Case {
  const char* name;
  Size size;
  Rect anchor_rect;
  Side anchor;
  Side gravity;
  Point offset;
  std::uint32_t adjustment;
  Rect bounds;
  Rect expected;
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << c.name;
}

std::string case_name(const testing::TestParamInfo<Case>& tested) {
  return tested.param.name;
}

class PopupPlacement : public testing::TestWithParam<Case> {};

TEST_P(PopupPlacement, IsWhereTheRulesSay) {
  const Case& c = GetParam();
  PlacementRules rules;
  rules.size = c.size;
  rules.anchor_rect = c.anchor_rect;
  rules.anchor = c.anchor;
  rules.gravity = c.gravity;
  rules.offset = c.offset;
  rules.adjustment = c.adjustment;
  ASSERT_TRUE(rules.complete());
  EXPECT_EQ(place_popup(rules, c.bounds), c.expected);
}

// A window of 100x100 at the middle of an output of 300x300: the output seen from the window.
constexpr Rect kOutput{-100, -100, 300, 300};
constexpr Rect kButton{40, 40, 20, 10};

INSTANTIATE_TEST_SUITE_P(
    Unconstrained, PopupPlacement,
    testing::Values(
        Case{"NothingSaidIsCentred",
             {10, 10},
             kButton,
             kNone,
             kNone,
             {},
             0,
             kOutput,
             {45, 40, 10, 10}},
        Case{"OddSizesRoundTowardsTopLeft",
             {11, 11},
             {0, 0, 5, 5},
             kNone,
             kNone,
             {},
             0,
             kOutput,
             {-3, -3, 11, 11}},
        Case{"MenuBelowButton",
             {30, 50},
             kButton,
             kBottomLeft,
             kBottomRight,
             {},
             0,
             kOutput,
             {40, 50, 30, 50}},
        Case{"MenuRightOfItem",
             {30, 50},
             kButton,
             {1, -1},
             kBottomRight,
             {},
             0,
             kOutput,
             {60, 40, 30, 50}},
        Case{"TooltipAbove", {30, 8}, kButton, kTop, kTop, {}, 0, kOutput, {35, 32, 30, 8}},
        Case{"LeftOfItsLeftEdge", {30, 8}, kButton, kLeft, kLeft, {}, 0, kOutput, {10, 41, 30, 8}},
        Case{"CornerToCorner",
             {30, 8},
             kButton,
             kTopLeft,
             kTopLeft,
             {},
             0,
             kOutput,
             {10, 32, 30, 8}},
        Case{"OffsetMovesIt",
             {30, 8},
             kButton,
             kTopLeft,
             kTopLeft,
             {5, -7},
             0,
             kOutput,
             {15, 25, 30, 8}},
        Case{"AnchoredToAPoint",
             {10, 10},
             {50, 50, 0, 0},
             kNone,
             kNone,
             {},
             0,
             kOutput,
             {45, 45, 10, 10}},
        Case{"OutsideButNothingAllowed",
             {30, 30},
             {190, 190, 5, 5},
             kBottomRight,
             kBottomRight,
             {},
             0,
             kOutput,
             {195, 195, 30, 30}},
        Case{"OtherAxisNotAllowed",
             {30, 30},
             {190, 190, 5, 5},
             kBottomRight,
             kBottomRight,
             {},
             kFlipY | kSlideY | kResizeY,
             kOutput,
             {195, 160, 30, 30}}),
    case_name);

INSTANTIATE_TEST_SUITE_P(Flip, PopupPlacement,
                         testing::Values(Case{"ToTheOtherSideOfTheRectangle",
                                              {30, 30},
                                              {180, 50, 10, 10},
                                              kRight,
                                              kRight,
                                              {},
                                              kFlipX,
                                              kOutput,
                                              {150, 40, 30, 30}},
                                         Case{"UpFromTheBottomEdge",
                                              {30, 30},
                                              {50, 180, 10, 10},
                                              kBottomLeft,
                                              kBottomRight,
                                              {},
                                              kFlipY,
                                              kOutput,
                                              {50, 150, 30, 30}},
                                         Case{"KeepsTheOffset",
                                              {30, 30},
                                              {180, 50, 10, 10},
                                              kRight,
                                              kRight,
                                              {4, 0},
                                              kFlipX,
                                              kOutput,
                                              {154, 40, 30, 30}},
                                         Case{"UndoneWhenNotBetter",
                                              {250, 30},
                                              {40, 50, 10, 10},
                                              kRight,
                                              kRight,
                                              {},
                                              kFlipX,
                                              kOutput,
                                              {50, 40, 250, 30}},
                                         Case{"UndoneBeforeItSlides",
                                              {160, 30},
                                              {40, 50, 20, 10},
                                              kRight,
                                              kRight,
                                              {},
                                              kFlipX | kSlideX,
                                              kOutput,
                                              {40, 40, 160, 30}},
                                         Case{"NoSideToFlip",
                                              {30, 30},
                                              {195, 50, 10, 10},
                                              kNone,
                                              kNone,
                                              {},
                                              kFlipX,
                                              kOutput,
                                              {185, 40, 30, 30}},
                                         Case{"NotWhenItFits",
                                              {30, 30},
                                              {160, 50, 10, 10},
                                              kRight,
                                              kRight,
                                              {},
                                              kFlipX,
                                              kOutput,
                                              {170, 40, 30, 30}},
                                         Case{"GravityOnly",
                                              {30, 30},
                                              {180, 50, 10, 10},
                                              kNone,
                                              kRight,
                                              {},
                                              kFlipX,
                                              kOutput,
                                              {155, 40, 30, 30}}),
                         case_name);

INSTANTIATE_TEST_SUITE_P(Slide, PopupPlacement,
                         testing::Values(Case{"BackFromTheRightEdge",
                                              {30, 30},
                                              {180, 50, 10, 10},
                                              kRight,
                                              kRight,
                                              {},
                                              kSlideX,
                                              kOutput,
                                              {170, 40, 30, 30}},
                                         Case{"ForwardFromTheLeftEdge",
                                              {30, 30},
                                              {-95, 50, 10, 10},
                                              kLeft,
                                              kLeft,
                                              {},
                                              kSlideX,
                                              kOutput,
                                              {-100, 40, 30, 30}},
                                         Case{"BothAxes",
                                              {30, 30},
                                              {190, 190, 10, 10},
                                              kBottomRight,
                                              kBottomRight,
                                              {},
                                              kSlideX | kSlideY,
                                              kOutput,
                                              {170, 170, 30, 30}},
                                         Case{"LargerThanTheOutputGrowingRightKeepsItsLeftEdge",
                                              {400, 30},
                                              {0, 50, 10, 10},
                                              kRight,
                                              kRight,
                                              {},
                                              kSlideX,
                                              kOutput,
                                              {-100, 40, 400, 30}},
                                         Case{"LargerThanTheOutputGrowingLeftKeepsItsRightEdge",
                                              {400, 30},
                                              {0, 50, 10, 10},
                                              kLeft,
                                              kLeft,
                                              {},
                                              kSlideX,
                                              kOutput,
                                              {-200, 40, 400, 30}},
                                         Case{"WhollyOutside",
                                              {30, 30},
                                              {500, 50, 10, 10},
                                              kRight,
                                              kRight,
                                              {},
                                              kSlideX,
                                              kOutput,
                                              {170, 40, 30, 30}},
                                         Case{"FlipWinsOverSlide",
                                              {30, 30},
                                              {50, 180, 10, 10},
                                              kBottomLeft,
                                              kBottomRight,
                                              {},
                                              kFlipY | kSlideY,
                                              kOutput,
                                              {50, 150, 30, 30}}),
                         case_name);

INSTANTIATE_TEST_SUITE_P(Resize, PopupPlacement,
                         testing::Values(Case{"CutAtTheRightEdge",
                                              {30, 30},
                                              {180, 50, 10, 10},
                                              kRight,
                                              kRight,
                                              {},
                                              kResizeX,
                                              kOutput,
                                              {190, 40, 10, 30}},
                                         Case{"CutAtTheTopEdge",
                                              {30, 30},
                                              {50, -90, 10, 10},
                                              kTop,
                                              kTop,
                                              {},
                                              kResizeY,
                                              kOutput,
                                              {40, -100, 30, 10}},
                                         Case{"LargerThanTheOutput",
                                              {400, 30},
                                              {0, 50, 10, 10},
                                              kRight,
                                              kRight,
                                              {},
                                              kSlideX | kResizeX,
                                              kOutput,
                                              {-100, 40, 300, 30}},
                                         Case{"CutOnBothSides",
                                              {400, 30},
                                              {45, 50, 10, 10},
                                              kNone,
                                              kNone,
                                              {},
                                              kResizeX,
                                              kOutput,
                                              {-100, 40, 300, 30}},
                                         Case{"NothingLeftToShow",
                                              {30, 30},
                                              {500, 50, 10, 10},
                                              kRight,
                                              kRight,
                                              {},
                                              kResizeX,
                                              kOutput,
                                              {510, 40, 30, 30}},
                                         Case{"SlideWinsOverResize",
                                              {30, 30},
                                              {180, 50, 10, 10},
                                              kRight,
                                              kRight,
                                              {},
                                              kSlideX | kResizeX,
                                              kOutput,
                                              {170, 40, 30, 30}}),
                         case_name);

constexpr int kMax = std::numeric_limits<int>::max();
constexpr int kMin = std::numeric_limits<int>::min();
constexpr int kFar = 1 << 30;

INSTANTIATE_TEST_SUITE_P(HugeValues, PopupPlacement,
                         testing::Values(Case{"FarRight",
                                              {kMax, kMax},
                                              {kMax, kMax, kMax, kMax},
                                              kBottomRight,
                                              kBottomRight,
                                              {kMax, kMax},
                                              0,
                                              kOutput,
                                              {kFar, kFar, kFar, kFar}},
                                         Case{"FarLeft",
                                              {kMax, kMax},
                                              {kMin, kMin, 0, 0},
                                              kTopLeft,
                                              kTopLeft,
                                              {kMin, kMin},
                                              0,
                                              kOutput,
                                              {-kFar, -kFar, kFar, kFar}},
                                         Case{"SlidBack",
                                              {30, 30},
                                              {kMax, kMin, kMax, kMax},
                                              kBottomRight,
                                              kTopLeft,
                                              {kMax, kMin},
                                              kSlideX | kSlideY,
                                              kOutput,
                                              {170, -100, 30, 30}},
                                         Case{"Everything",
                                              {kMax, kMax},
                                              {kMax, kMax, kMax, kMax},
                                              kBottom,
                                              kBottomRight,
                                              {kMin, kMin},
                                              63,
                                              kOutput,
                                              {-100, -100, 300, 300}},
                                         Case{"HugeBounds",
                                              {30, 30},
                                              {kMax, kMax, kMax, kMax},
                                              kBottomRight,
                                              kBottomRight,
                                              {kMax, kMax},
                                              kSlideX | kSlideY,
                                              {kMin, kMin, kMax, kMax},
                                              {-31, -31, 30, 30}}),
                         case_name);

TEST(PopupPlacementRules, WithoutBoundsNothingIsConstrained) {
  PlacementRules rules;
  rules.size = Size{30, 30};
  rules.anchor_rect = Rect{5000, 5000, 10, 10};
  rules.anchor = kBottomRight;
  rules.gravity = kBottomRight;
  rules.adjustment = 63;
  EXPECT_EQ(place_popup(rules, std::nullopt), (Rect{5010, 5010, 30, 30}));
}

TEST(PopupPlacementRules, AreCompleteWithSizeAndAnchorRectangle) {
  PlacementRules rules;
  EXPECT_FALSE(rules.complete());
  rules.size = Size{1, 1};
  EXPECT_FALSE(rules.complete());
  rules.anchor_rect = Rect{};
  EXPECT_TRUE(rules.complete());
}

}  // namespace
}  // namespace demo
