#include "compositor-demo/protocol/descriptor_count.hpp"

#include <fcntl.h>
#include <sys/resource.h>

#include <vector>

#include <gtest/gtest.h>

#include <calloop/fd.hpp>

namespace demo {
namespace {

calloop::OwnedFd open_something() {
  return calloop::OwnedFd{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
}

TEST(OpenDescriptors, AreCountedAboveHolesToo) {
  const std::size_t before = open_descriptors();
  std::vector<calloop::OwnedFd> descriptors(20);
  for (calloop::OwnedFd& descriptor : descriptors)
    descriptor = open_something();
  EXPECT_EQ(open_descriptors(), before + 20);
  descriptors.front().reset();
  EXPECT_EQ(open_descriptors(), before + 19);
  descriptors.clear();
  EXPECT_EQ(open_descriptors(), before);
}

TEST(OpenDescriptors, WithoutOneLeftToLookAreAsManyAsThereMayBe) {
  rlimit old{};
  ::getrlimit(RLIMIT_NOFILE, &old);
  rlimit few = old;
  few.rlim_cur = static_cast<rlim_t>(open_something().get()) + 2;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  std::vector<calloop::OwnedFd> all;
  while (calloop::OwnedFd one = open_something())
    all.push_back(std::move(one));
  EXPECT_EQ(open_descriptors(), few.rlim_cur);
  ::setrlimit(RLIMIT_NOFILE, &old);
}

}  // namespace
}  // namespace demo
