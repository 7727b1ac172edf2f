#include "compositor-demo/process/descriptor_limit.hpp"

#include <gtest/gtest.h>

namespace demo {
namespace {

rlimit now() {
  rlimit limit{};
  EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  return limit;
}

TEST(DescriptorLimit, IsRaisedAndGivenBack) {
  const rlimit before = now();
  ASSERT_GT(before.rlim_max, 64U);
  rlimit small = before;
  small.rlim_cur = 64;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &small), 0);
  {
    const DescriptorLimit raised;
    EXPECT_EQ(raised.original(), 64U);
    EXPECT_EQ(now().rlim_cur, before.rlim_max);
    {
      const LoweredDescriptorLimit lowered{raised.original()};
      EXPECT_EQ(now().rlim_cur, 64U);
    }
    EXPECT_EQ(now().rlim_cur, before.rlim_max);
  }
  EXPECT_EQ(now().rlim_cur, 64U);
  EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST(DescriptorLimit, LoweringNeverRaises) {
  const rlimit before = now();
  const LoweredDescriptorLimit lowered{RLIM_INFINITY};
  EXPECT_EQ(now().rlim_cur, before.rlim_cur);
}

}  // namespace
}  // namespace demo
