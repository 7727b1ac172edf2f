// Ceilings on what the loop costs, so that nobody loses its speed unnoticed. What it costs beyond
// a hand-written epoll loop is told by tests/bench/dispatch.
#include <gtest/gtest.h>

#include "tests/bench/measure.hpp"

namespace tests {
namespace {

double over_raw(int fds) {
  return instructions_per_iteration("calloop", fds) - instructions_per_iteration("raw", fds);
}

TEST(Costs, InstructionsPerEventAmongMany) {
  EXPECT_LE(over_raw(256) / 256, 25.0);
}

TEST(Costs, InstructionsPerIterationWithOneEvent) {
  EXPECT_LE(over_raw(1), 75.0);
}

TEST(Costs, OneSystemCallWhereNothingHappens) {
  EXPECT_NEAR(system_calls_per_idle_iteration(), 1.0, 0.01);
}

TEST(Costs, BytesPerFdSource) {
  EXPECT_LE(bytes_per_fd_source(), 96.0);
}

TEST(Costs, BytesPerTimer) {
  EXPECT_LE(bytes_per_timer(), 120.0);
}

}  // namespace
}  // namespace tests
