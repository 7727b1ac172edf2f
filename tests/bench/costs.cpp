// Ceilings on what the loop costs, so that nobody loses its speed unnoticed. Instructions in user
// space are the same on every machine, but not from both compilers: what a goal is about is g++'s
// count. What the loop costs beside others is told by tests/bench/run.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "tests/bench/measure.hpp"
#include "tests/command.hpp"

namespace tests {
namespace {

double instructions(const std::string& workload) {
  return cost("instructions", "calloop", workload);
}
double instructions_over_raw(const std::string& workload) {
  return instructions(workload) - cost("instructions", "raw", workload);
}

#ifdef __clang__
constexpr bool is_clang = true;
#else
constexpr bool is_clang = false;
#endif

TEST(Costs, InstructionsPerEventAmongMany) {
  EXPECT_LE(instructions_over_raw("storm n=256 count=2560,7680"), is_clang ? 19.0 : 15.0);
}

TEST(Costs, InstructionsPerIterationWithOneEvent) {
  EXPECT_LE(instructions_over_raw("storm n=1 count=1000,2000"), is_clang ? 72.0 : 56.0);
}

TEST(Costs, InstructionsPerEventThatMovesOn) {
  EXPECT_LE(instructions_over_raw("ring n=100 a=1 count=1000,2000"), is_clang ? 73.0 : 56.0);
  EXPECT_LE(instructions_over_raw("ring n=100 a=100 count=1000,3000"), is_clang ? 22.5 : 16.0);
}

TEST(Costs, InstructionsPerTimerThatIsPutOff) {
  EXPECT_LE(instructions("rearm n=1000 count=1000,5000"), 31.0);
}

TEST(Costs, InstructionsPerTimerThatIsCancelled) {
  EXPECT_LE(instructions("cancel n=10000 count=1000,9000"), is_clang ? 275.0 : 240.0);
}

TEST(Costs, InstructionsPerPostedMessage) {
  EXPECT_LE(instructions("post n=100 count=1000,3000"), 68.0);
}

TEST(Costs, InstructionsPerPostedClosure) {
  EXPECT_LE(instructions("post n=100 closures=1 count=1000,3000"), 110.0);
}

// A backlog leaves thousands of emptied blocks behind, which nobody is to look through.
TEST(Costs, InstructionsPerClosureOfABacklog) {
  EXPECT_LE(instructions("post n=50000 closures=1 count=50000,150000"), 120.0);
}

TEST(Costs, InstructionsPerIdle) {
  EXPECT_LE(instructions("deferred n=100 count=1000,3000"), 42.0);
}

TEST(Costs, InstructionsPerSourceThatComesAndGoes) {
  EXPECT_LE(instructions("churn count=1024,3072"), is_clang ? 530.0 : 485.0);
}

TEST(Costs, OneSystemCallWhereNothingHappens) {
  EXPECT_NEAR(cost("system-calls", "calloop", "quiet count=1000,2000"), 1.0, 0.01);
  EXPECT_NEAR(cost("system-calls", "calloop", "quiet wait=1000 count=1000,2000"), 1.0, 0.01);
}

// All that is only read, as size(1) counts it: machine code, its tables and its symbols.
TEST(Costs, KibibytesOfText) {
  const CommandResult size =
      run_command("size '" BENCH_LIBRARY "' | tail --lines=1 | cut --fields=1");
  EXPECT_EQ(size.status, 0) << size.output;
  const double bytes = std::strtod(size.output.c_str(), nullptr);
  EXPECT_GT(bytes, 10.0 * 1024) << size.output;
  EXPECT_LT(bytes, (is_clang ? 102.0 : 100.0) * 1024) << size.output;
}

TEST(Costs, BytesPerFdSource) {
  EXPECT_LE(bytes("calloop", "fd-bytes n=9900"), 80.0);
}

TEST(Costs, BytesPerTimer) {
  EXPECT_LE(bytes("calloop", "timer-bytes n=12288"), 88.0);
}

}  // namespace
}  // namespace tests
