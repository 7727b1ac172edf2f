#include "compositor-demo/log.hpp"

#include <cerrno>
#include <string>

#include <gtest/gtest.h>

namespace demo {
namespace {

template <class Write>
std::string written_by(Write write) {
  testing::internal::CaptureStderr();
  write();
  return testing::internal::GetCapturedStderr();
}

TEST(Log, WritesALineThatSaysWhoAndHowBad) {
  EXPECT_EQ(written_by([] { log::info("%d windows", 3); }), "compositor-demo: 3 windows\n");
  EXPECT_EQ(written_by([] { log::warning("%s", "odd"); }), "compositor-demo: warning: odd\n");
  EXPECT_EQ(written_by([] { log::error("%s", "bad"); }), "compositor-demo: error: bad\n");
}

TEST(Log, TextsOfClientsStayOnTheirLine) {
  const char* title = "a\nb\x1b[2Jc\td\x7f\n";
  EXPECT_EQ(written_by([&] { log::info("title %s", title); }),
            "compositor-demo: title a b [2Jc d\n");
}

TEST(Log, LongLinesAreCutOff) {
  const std::string line = written_by([] { log::info("%s", std::string(5000, 'x').c_str()); });
  EXPECT_LE(line.size(), 1024U);
  EXPECT_GE(line.size(), 1000U);
  EXPECT_EQ(line.back(), '\n');
}

TEST(Log, LeavesErrnoAlone) {
  written_by([] {
    errno = EPIPE;
    log::info("anything");
    EXPECT_EQ(errno, EPIPE);
  });
}

}  // namespace
}  // namespace demo
