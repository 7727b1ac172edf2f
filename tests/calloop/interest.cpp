#include <sys/epoll.h>

#include <gtest/gtest.h>

#include <calloop/interest.hpp>

namespace {

using namespace calloop;

// Each name is its epoll bit, and nothing else.
static_assert(interest().bits() == 0);
static_assert(interest().read().bits() == EPOLLIN);
static_assert(interest().write().bits() == EPOLLOUT);
static_assert(interest().read_hangup().bits() == EPOLLRDHUP);
static_assert(interest().priority().bits() == EPOLLPRI);
static_assert(interest().one_shot().bits() == EPOLLONESHOT);
static_assert(interest().edge_triggered().bits() == static_cast<std::uint32_t>(EPOLLET));
static_assert(interest().exclusive().bits() == EPOLLEXCLUSIVE);
static_assert(interest().read().write() == interest().write().read());
static_assert(interest().read() != interest().write());

TEST(Interest, IsAValue) {
  const Interest first = interest().read();
  const Interest second = first.write().edge_triggered();
  EXPECT_EQ(first, interest().read());
  EXPECT_EQ(second.bits(), EPOLLIN | EPOLLOUT | static_cast<std::uint32_t>(EPOLLET));
}

struct Condition {
  std::uint32_t bit;
  bool (Readiness::*is)() const noexcept;
};

TEST(Readiness, TellsConditionsApart) {
  const Condition conditions[] = {
      {EPOLLIN, &Readiness::readable},       {EPOLLOUT, &Readiness::writable},
      {EPOLLERR, &Readiness::error},         {EPOLLHUP, &Readiness::hangup},
      {EPOLLRDHUP, &Readiness::read_hangup}, {EPOLLPRI, &Readiness::priority},
  };
  for (const Condition& given : conditions) {
    const Readiness ready{given.bit};
    EXPECT_EQ(ready.bits(), given.bit);
    for (const Condition& asked : conditions)
      EXPECT_EQ((ready.*asked.is)(), given.bit == asked.bit);
  }
  EXPECT_EQ(Readiness{}.bits(), 0u);
  EXPECT_EQ(Readiness{EPOLLIN}, Readiness{EPOLLIN});
}

}  // namespace
