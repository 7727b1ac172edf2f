#include "compositor-demo/input/pointer_position.hpp"

#include <array>

#include <gtest/gtest.h>

namespace demo {
namespace {

constexpr std::array two{Rect{0, 0, 100, 80}, Rect{100, 0, 50, 40}};

TEST(PointerPosition, BeginsInTheMiddleOfTheFirstOutput) {
  PointerPosition pointer;
  pointer.set_areas(two);
  EXPECT_EQ(pointer.pixel(), (Point{50, 40}));
}

TEST(PointerPosition, StaysOnTheScreen) {
  PointerPosition pointer;
  pointer.set_areas(two);
  pointer.move_by(-1000, 1000);
  EXPECT_EQ(pointer.pixel(), (Point{0, 79}));
  pointer.move_by(0.25, 0);
  EXPECT_EQ(pointer.x(), 0.25);  // parts of pixels count
}

TEST(PointerPosition, GoesFromOneOutputToTheNext) {
  PointerPosition pointer;
  pointer.set_areas(two);
  pointer.move_by(60, -10);
  EXPECT_EQ(pointer.pixel(), (Point{110, 30}));
  // Below the smaller one there is nothing.
  pointer.move_by(0, 30);
  EXPECT_EQ(pointer.pixel(), (Point{110, 39}));
}

TEST(PointerPosition, IsTakenFromPartsOfTheWhole) {
  PointerPosition pointer;
  pointer.set_areas(two);
  pointer.move_to(0, 0);
  EXPECT_EQ(pointer.pixel(), (Point{0, 0}));
  pointer.move_to(0.9, 0.25);
  EXPECT_EQ(pointer.pixel(), (Point{135, 20}));
  pointer.move_to(1, 0);
  EXPECT_EQ(pointer.pixel(), (Point{149, 0}));
}

TEST(PointerPosition, FollowsTheOutputs) {
  PointerPosition pointer;
  pointer.set_areas(two);
  pointer.move_to(0.9, 0.25);
  pointer.set_areas(std::array{two[0]});
  EXPECT_EQ(pointer.pixel(), (Point{99, 20}));
  pointer.set_areas({});  // nowhere to be: it stays
  EXPECT_EQ(pointer.pixel(), (Point{99, 20}));
  EXPECT_EQ(pointer.everything(), Rect{});
}

}  // namespace
}  // namespace demo
