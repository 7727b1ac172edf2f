#include "compositor-demo/shell/shell.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace demo {
namespace {

constexpr WindowId a{1};
constexpr WindowId b{2};
constexpr WindowId c{3};

class ShellTest : public testing::Test, protected Shell::Host {
 protected:
  ShellTest() { shell_.set_area({0, 0, 1280, 720}); }
  void focus_changed(std::optional<WindowId> focus) override { focused_.push_back(focus); }
  void arrangement_changed() override { ++arranged_; }
  std::vector<WindowId> order() const {
    std::vector<WindowId> ids;
    for (const Shell::Window& window : shell_.windows())
      ids.push_back(window.id);
    return ids;
  }

  Shell shell_{*this};
  std::vector<std::optional<WindowId>> focused_;
  int arranged_ = 0;
};

using Ids = std::vector<WindowId>;
using Focus = std::vector<std::optional<WindowId>>;

TEST_F(ShellTest, TheNewestWindowIsOnTopAndHasTheFocus) {
  shell_.add(a, {100, 100});
  shell_.add(b, {100, 100});
  EXPECT_EQ(order(), (Ids{a, b}));
  EXPECT_EQ(focused_, (Focus{a, b}));
  EXPECT_EQ(shell_.focus(), b);
  EXPECT_EQ(arranged_, 2);
}

TEST_F(ShellTest, FocusFallsToTheNextBelow) {
  for (const WindowId id : {a, b, c})
    shell_.add(id, {100, 100});
  shell_.remove(c);
  EXPECT_EQ(shell_.focus(), b);
  shell_.remove(a);
  EXPECT_EQ(shell_.focus(), b) << "another window's end does not matter";
  shell_.remove(b);
  EXPECT_EQ(focused_, (Focus{a, b, c, b, std::nullopt}));
}

TEST_F(ShellTest, RaisingKeepsTheOrderOfTheOthers) {
  for (const WindowId id : {a, b, c})
    shell_.add(id, {100, 100});
  shell_.raise(a);
  EXPECT_EQ(order(), (Ids{b, c, a}));
  EXPECT_EQ(shell_.focus(), a);
  const int before = arranged_;
  shell_.raise(a);
  EXPECT_EQ(arranged_, before) << "nothing to do";
}

TEST_F(ShellTest, StrangersAndDoublesChangeNothing) {
  shell_.add(a, {100, 100});
  shell_.add(a, {200, 200});
  shell_.remove(b);
  shell_.raise(b);
  shell_.resize(b, {1, 1});
  EXPECT_EQ(order(), Ids{a});
  EXPECT_EQ(arranged_, 1);
  EXPECT_EQ(focused_, Focus{a});
}

TEST_F(ShellTest, NewWindowsMakeRoomForTheSizeThatOthersHaveNow) {
  shell_.add(a, {100, 100});
  const Point corner = shell_.windows()[0].position;
  shell_.resize(a, {500, 500});
  EXPECT_EQ(shell_.windows()[0].position, corner);
  shell_.add(b, {100, 100});
  EXPECT_FALSE(
      Rect::at(shell_.windows()[1].position, {100, 100}).intersects(Rect::at(corner, {500, 500})));
}

}  // namespace
}  // namespace demo
