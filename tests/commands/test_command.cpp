// tests/run and .ci/run: what they count, and when they say that it is not good.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/commands/workplace.hpp"

namespace commands {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

const std::string passed_case = R"(<testcase name="A" classname="Suite" status="run"/>)";
const std::string failed_case =
    R"(<testcase name="B" classname="Suite" status="run"><failure message="no"/></testcase>)";
const std::string explained_case =
    R"(<testcase name="C" classname="Suite" status="run"><skipped message="f.cpp:1&#x0A;no VM"/></testcase>)";
const std::string unexplained_case =
    R"(<testcase name="D" classname="Suite" status="run"><skipped message="f.cpp:1&#x0A;Skipped"/></testcase>)";
const std::string disabled_case = R"(<testcase name="E" classname="Suite" status="notrun"/>)";

class TestCommand : public testing::Test {
 protected:
  TestCommand() { place.write("build/g++/build.ninja", "", false); }

  // What `meson test` leaves behind: one program with these cases.
  void meson_leaves(const std::string& cases, const std::string& result = "OK", int status = 0) {
    place.write("left/unit.xml", "<testsuites><testsuite>" + cases + "</testsuite></testsuites>",
                false);
    place.write("left/testlog.json",
                R"({"name": "calloop / unit", "result": ")" + result + R"(", "returncode": 1})",
                false);
    place.fake("meson",
               "[[ $1 == test ]] || { mkdir -p \"${@: -2:1}\"; touch \"${@: -2:1}/build.ninja\"; "
               "exit 0; }\n"
               "mkdir -p \"$3/meson-logs\"; cp left/testlog.json \"$3/meson-logs/\"; "
               "[[ ! -e left/unit.xml ]] || cp left/unit.xml \"$3/\"; exit " +
                   std::to_string(status));
  }
  tests::CommandResult run(const std::string& arguments = "") const {
    return place.run("tests/run " + arguments);
  }

  Workplace place;
};

TEST_F(TestCommand, CountsTestCases) {
  meson_leaves(passed_case + passed_case + explained_case);
  const auto result = run();
  EXPECT_EQ(result.status, 0) << result.output;
  EXPECT_EQ(last_line(result.output), "2 passed, 0 failed, 1 skipped");
  EXPECT_THAT(result.output, HasSubstr("SKIPPED Suite.C: no VM\n"));
}

TEST_F(TestCommand, FailsWhenOneFailed) {
  meson_leaves(passed_case + failed_case, "FAIL", 1);
  const auto result = run();
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(last_line(result.output), "1 passed, 1 failed, 0 skipped");
  EXPECT_THAT(result.output, HasSubstr("FAILED Suite.B\n"));
}

TEST_F(TestCommand, FailsWhenNoneRan) {
  meson_leaves("");
  const auto result = run();
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(last_line(result.output), "0 passed, 0 failed, 0 skipped");
}

TEST_F(TestCommand, FailsWhenOneWasSkippedWithoutAReason) {
  for (const std::string& without : {unexplained_case, disabled_case}) {
    meson_leaves(passed_case + without);
    const auto result = run();
    EXPECT_EQ(result.status, 1);
    EXPECT_EQ(last_line(result.output), "1 passed, 0 failed, 1 skipped");
    EXPECT_THAT(result.output, HasSubstr("no reason given"));
  }
}

TEST_F(TestCommand, AProgramThatCrashedAfterItsCasesIsAFailure) {
  meson_leaves(passed_case, "FAIL", 1);
  EXPECT_EQ(last_line(run().output), "1 passed, 1 failed, 0 skipped");
}

TEST_F(TestCommand, AProgramWithoutResultsIsAFailure) {
  meson_leaves(passed_case);
  std::filesystem::remove(place.root() / "left/unit.xml");
  place.write("build/g++/unit.xml", "<testsuites>" + passed_case + "</testsuites>", false);
  const auto result = run();
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(last_line(result.output), "0 passed, 1 failed, 0 skipped");
}

TEST_F(TestCommand, ABuildThatFailsIsAFailure) {
  meson_leaves(passed_case);
  place.fake("ninja", "exit 1");
  const auto result = run();
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(last_line(result.output), "0 passed, 1 failed, 0 skipped");
  EXPECT_THAT(place.calls("meson"), testing::IsEmpty()) << "what was built before is not tested";
}

TEST_F(TestCommand, MesonThatFailsIsAFailure) {
  meson_leaves(passed_case, "OK", 1);
  const auto result = run();
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(last_line(result.output), "1 passed, 1 failed, 0 skipped");
}

TEST_F(TestCommand, HandsCompilerSanitizerAndSuitesOn) {
  meson_leaves(passed_case);
  const auto result = run("--sanitize address,undefined --compiler clang++-19 --suite unit,e2e");
  EXPECT_EQ(result.status, 0) << result.output;
  EXPECT_THAT(place.calls("meson"),
              ElementsAre(testing::AllOf(StartsWith("meson setup "),
                                         HasSubstr("-Db_sanitize=address,undefined"),
                                         HasSubstr("-fno-sanitize-recover=all"),
                                         HasSubstr("/build/clang++-19-address-undefined")),
                          testing::AllOf(StartsWith("meson test "),
                                         HasSubstr("/build/clang++-19-address-undefined"),
                                         HasSubstr("--suite unit --suite e2e"))));
}

TEST_F(TestCommand, InstallsWhatIsMissing) {
  meson_leaves(passed_case);
  place.lacks({"libgtest-dev", "valgrind"});
  EXPECT_EQ(run().status, 0);
  EXPECT_THAT(place.calls("apt-get"), Contains(testing::EndsWith(" libgtest-dev valgrind")));
}

TEST_F(TestCommand, UnknownArgumentsAreNamed) {
  meson_leaves(passed_case);
  for (const std::string argument :
       {"--no-such-thing", "--compiler cc", "--sanitize memory", "--suite none"}) {
    const auto result = run(argument);
    EXPECT_EQ(result.status, 2) << argument;
    EXPECT_THAT(result.output, HasSubstr(argument.substr(argument.rfind(' ') + 1)));
  }
  EXPECT_EQ(run("--suite").status, 2);
  EXPECT_THAT(place.calls(), testing::IsEmpty());
}

// .ci/run with another tests/run: what it makes of two answers.
class CiCommand : public testing::Test {
 protected:
  tests::CommandResult run(const std::string& plain, const std::string& sanitized) const {
    place.write("tests/run",
                "#!/bin/bash\ncase $1 in '') " + plain + " ;; *) " + sanitized + " ;; esac\n",
                true);
    return place.run(".ci/run");
  }
  Workplace place;
};

TEST_F(CiCommand, AddsBothRuns) {
  const auto result =
      run("echo '3 passed, 0 failed, 1 skipped'", "echo '4 passed, 0 failed, 0 skipped'");
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(last_line(result.output), "7 passed, 0 failed, 1 skipped");
}

TEST_F(CiCommand, FailsWhenEitherDoes) {
  const std::string good = "echo '3 passed, 0 failed, 0 skipped'";
  const std::string bad = "echo '2 passed, 1 failed, 0 skipped'; exit 1";
  for (const auto& result : {run(good, bad), run(bad, good)}) {
    EXPECT_EQ(result.status, 1);
    EXPECT_EQ(last_line(result.output), "5 passed, 1 failed, 0 skipped");
  }
}

TEST_F(CiCommand, ARunWithoutACountIsAFailure) {
  const auto result = run("echo '3 passed, 0 failed, 0 skipped'", "echo oops");
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(last_line(result.output), "3 passed, 1 failed, 0 skipped");
}

}  // namespace
}  // namespace commands
