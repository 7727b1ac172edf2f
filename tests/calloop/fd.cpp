#include <cerrno>
#include <memory>
#include <type_traits>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <calloop/fd.hpp>

namespace {

using namespace calloop;

bool is_open(int fd) {
  return ::fcntl(fd, F_GETFD) >= 0;
}
int open_one() {
  return ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static_assert(!std::is_copy_constructible_v<OwnedFd>);
static_assert(std::is_nothrow_move_constructible_v<OwnedFd>);

TEST(OwnedFd, ClosesOnce) {
  int fd = -1;
  {
    const OwnedFd owner{open_one()};
    fd = owner.get();
    EXPECT_TRUE(owner);
    EXPECT_TRUE(is_open(fd));
  }
  EXPECT_FALSE(is_open(fd));
}

TEST(OwnedFd, MovesItsOwnership) {
  OwnedFd first{open_one()};
  const int fd = first.get();
  OwnedFd second{std::move(first)};
  EXPECT_FALSE(first);
  EXPECT_EQ(first.get(), -1);
  EXPECT_EQ(second.get(), fd);
  OwnedFd third{open_one()};
  const int closed = third.get();
  third = std::move(second);
  EXPECT_FALSE(is_open(closed));
  EXPECT_EQ(third.get(), fd);
  OwnedFd& itself = third;
  third = std::move(itself);
  EXPECT_TRUE(is_open(fd));
}

TEST(OwnedFd, ReleaseAndReset) {
  OwnedFd owner{open_one()};
  const int fd = owner.release();
  EXPECT_FALSE(owner);
  EXPECT_TRUE(is_open(fd));
  owner.reset(fd);
  errno = E2BIG;
  owner.reset();
  EXPECT_EQ(errno, E2BIG);
  EXPECT_FALSE(is_open(fd));
  EXPECT_FALSE(OwnedFd{-5});
  EXPECT_EQ(OwnedFd{-5}.get(), -1);
}

struct WithFd {
  int fd() const { return 7; }
};
struct WithBoth {
  int fd() const { return 1; }
  int get() const { return 2; }
};
struct WithNeither {
  void* get() const { return nullptr; }
};

static_assert(FdOwner<int>);
static_assert(FdOwner<OwnedFd>);
static_assert(FdOwner<WithFd>);
static_assert(!FdOwner<WithNeither>);
static_assert(!FdOwner<std::unique_ptr<int>>);

TEST(FdOf, FindsTheDescriptorInItsOwner) {
  EXPECT_EQ(fd_of(3), 3);
  EXPECT_EQ(fd_of(WithFd{}), 7);
  EXPECT_EQ(fd_of(WithBoth{}), 2);
  EXPECT_EQ(fd_of(OwnedFd{}), -1);
}

}  // namespace
