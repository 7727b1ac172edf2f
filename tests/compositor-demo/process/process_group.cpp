#include <csignal>

#include "compositor-demo/process/process_group.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace demo {
namespace {

TEST(ProcessGroup, CountsTheLivingAndNotTheZombies) {
  EXPECT_TRUE(has_living_member(::getpgrp()));

  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::pause();
    ::_exit(0);
  }
  ASSERT_EQ(::setpgid(child, child), 0);
  EXPECT_TRUE(has_living_member(child));

  ::kill(child, SIGKILL);
  siginfo_t ended{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT), 0);
  EXPECT_EQ(::kill(-child, 0), 0) << "a zombie is a member to the kernel";
  EXPECT_FALSE(has_living_member(child));

  EXPECT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_FALSE(has_living_member(child));
}

}  // namespace
}  // namespace demo
