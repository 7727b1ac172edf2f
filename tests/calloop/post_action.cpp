#include <gtest/gtest.h>

#include <calloop/post_action.hpp>

namespace {

using namespace calloop;

// calloop's table: equal stays, different means that the parent has to look again.
TEST(PostAction, CombinesForParents) {
  using enum PostAction;
  for (const PostAction a : {Continue, Reregister, Disable, Remove}) {
    for (const PostAction b : {Continue, Reregister, Disable, Remove}) {
      EXPECT_EQ(a | b, a == b ? a : Reregister);
      PostAction c = a;
      EXPECT_EQ(c |= b, a | b);
      EXPECT_EQ(c, a | b);
    }
  }
}

TEST(PostAction, GrowsInStrength) {
  EXPECT_LT(PostAction::Continue, PostAction::Reregister);
  EXPECT_LT(PostAction::Reregister, PostAction::Disable);
  EXPECT_LT(PostAction::Disable, PostAction::Remove);
}

}  // namespace
