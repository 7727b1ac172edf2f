#include "compositor-demo/render/missed_damage.hpp"

#include <array>
#include <vector>

#include <gtest/gtest.h>

namespace demo {
namespace {

Picture picture(std::uint64_t id, const Rect& damage) {
  Picture result;
  result.id = PictureId{id};
  result.damage = damage;
  return result;
}

TEST(MissedDamage, IsAddedToWhatIsSaidLater) {
  MissedDamage missed;
  missed.add(std::array{picture(1, {0, 0, 10, 10}), picture(2, {5, 5, 1, 1})});
  missed.add(std::array{picture(1, {20, 0, 10, 10})});
  std::array now{picture(1, {0, 20, 1, 1}), picture(3, {})};
  ASSERT_TRUE(missed.take_into(now));
  Region all = Rect{0, 0, 10, 10};
  all.unite(Rect{20, 0, 10, 10}).unite(Rect{0, 20, 1, 1});
  EXPECT_EQ(now[0].damage, all);
  EXPECT_TRUE(now[1].damage.empty());
}

TEST(MissedDamage, IsAddedOnce) {
  MissedDamage missed;
  missed.add(std::array{picture(1, {0, 0, 10, 10})});
  std::array first{picture(1, {})};
  std::array second{picture(1, {})};
  ASSERT_TRUE(missed.take_into(first));
  ASSERT_TRUE(missed.take_into(second));
  EXPECT_FALSE(first[0].damage.empty());
  EXPECT_TRUE(second[0].damage.empty());
}

TEST(MissedDamage, OfTooManyPicturesIsEverything) {
  MissedDamage missed;
  for (std::uint64_t id = 0; id < 5000; ++id)
    missed.add(std::array{picture(id, {0, 0, 1, 1})});
  EXPECT_FALSE(missed.take_into({}));
  EXPECT_TRUE(missed.take_into({}));
}

}  // namespace
}  // namespace demo
