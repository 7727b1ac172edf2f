// compositor-demo/run: what it installs and builds, and that the program's end is its own.
#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/commands/workplace.hpp"

namespace commands {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class DemoCommand : public testing::Test {
 protected:
  DemoCommand() {
    place.fake("meson",
               "for last; do :; done; mkdir -p build/demo && touch build/demo/build.ninja");
    place.fake("ninja", "case $* in *\" -n \"*) [[ -x $WORKPLACE/" + program +
                            " ]] && echo \"ninja: no work to do.\" ;;"
                            "*) mkdir -p build/demo/compositor-demo; cp compositor build/demo/"
                            "compositor-demo/compositor-demo ;; esac; exit 0");
    compositor_does("echo \"compositor $*\"");
  }
  // What the built program will do.
  void compositor_does(const std::string& body) {
    place.write("compositor", "#!/bin/bash\n" + body + "\n", true);
  }

  const std::string program = "build/demo/compositor-demo/compositor-demo";
  Workplace place;
};

TEST_F(DemoCommand, InstallsWhatIsMissingConfiguresBuildsAndRuns) {
  place.lacks({"libpixman-1-dev", "meson"});
  const auto result = place.run("compositor-demo/run --socket name");
  EXPECT_EQ(result.status, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("missing packages: meson libpixman-1-dev\n"));
  EXPECT_EQ(last_line(result.output), "compositor --socket name");
  EXPECT_THAT(place.calls(),
              ElementsAre("apt-get -q update",
                          "apt-get -q install -y --no-install-recommends meson libpixman-1-dev",
                          StartsWith("meson setup "), HasSubstr(" -n "), StartsWith("ninja -C ")));
}

TEST_F(DemoCommand, WithThePackagesThereItCallsNoAptAndNeedsNoRoot) {
  const auto result = place.run_as_nobody("compositor-demo/run --help");
  EXPECT_EQ(result.status, 0) << result.output;
  EXPECT_EQ(last_line(result.output), "compositor --help");
  EXPECT_THAT(place.calls("apt-get"), IsEmpty());
}

TEST_F(DemoCommand, TheSecondTimeItOnlyLooks) {
  ASSERT_EQ(place.run("compositor-demo/run --help").status, 0);
  const std::size_t before = place.calls().size();
  const auto result = place.run("compositor-demo/run --help");
  EXPECT_EQ(result.output, "compositor --help\n");
  EXPECT_EQ(place.calls().size(), before + 1);
  EXPECT_THAT(place.calls().back(), HasSubstr(" -n "));
}

TEST_F(DemoCommand, WhoIsNotRootAsksSudo) {
  place.lacks({"meson"});
  place.fake("sudo", "\"$@\"");
  const auto result = place.run_as_nobody("compositor-demo/run --help");
  EXPECT_EQ(result.status, 0) << result.output;
  EXPECT_THAT(place.calls("sudo"),
              ElementsAre("sudo apt-get -q update", HasSubstr("sudo env DEBIAN_FRONTEND=")));
  EXPECT_THAT(place.calls("apt-get"), testing::SizeIs(2));
}

TEST_F(DemoCommand, WithoutSudoItSaysWhatToInstall) {
  place.lacks({"meson"});
  // All that it needs of the system, and no sudo.
  const auto result = place.run_as_nobody(
      "mkdir system; for name in bash dirname readlink; do ln -s \"$(command -v $name)\" "
      "system/; done; PATH=$WORKPLACE/fakes:$WORKPLACE/system compositor-demo/run --help");
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.output, HasSubstr("missing packages: meson"));
  EXPECT_THAT(result.output, HasSubstr("neither root nor sudo"));
  EXPECT_THAT(place.calls(), IsEmpty());
}

TEST_F(DemoCommand, AFailedInstallationIsTheEnd) {
  place.lacks({"meson"});
  place.fake("apt-get", "exit 100");
  place.fake("sudo", "\"$@\"");
  const auto result = place.run("compositor-demo/run --help");
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(last_line(result.output), HasSubstr("could not be installed: meson"));
  EXPECT_THAT(place.calls("meson"), IsEmpty());
}

TEST_F(DemoCommand, AFailedConfigurationIsShownAndTheEnd) {
  place.fake("meson", "echo no such thing; exit 1");
  const auto result = place.run("compositor-demo/run --help");
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.output, HasSubstr("no such thing\n"));
  EXPECT_THAT(place.calls("ninja"), IsEmpty());
}

TEST_F(DemoCommand, AFailedBuildIsTheEnd) {
  place.fake("ninja", "case $* in *\" -n \"*) ;; *) echo \"cannot compile\"; exit 1 ;; esac");
  const auto result = place.run("compositor-demo/run --help");
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(last_line(result.output), "cannot compile");
}

TEST_F(DemoCommand, MakesAPrivateRuntimeDirectoryAndTakesItAway) {
  compositor_does("stat --format='%n %a' \"$XDG_RUNTIME_DIR\"; touch \"$XDG_RUNTIME_DIR/socket\"");
  const auto result = place.run("compositor-demo/run --help");
  EXPECT_EQ(result.status, 0);
  const std::string line = last_line(result.output);
  EXPECT_THAT(line, StartsWith("/tmp/compositor-demo."));
  EXPECT_THAT(line, testing::EndsWith(" 700"));
  EXPECT_FALSE(fs::exists(line.substr(0, line.find(' '))));
}

TEST_F(DemoCommand, LeavesARuntimeDirectoryThatIsSetAlone) {
  compositor_does("echo \"$XDG_RUNTIME_DIR\"");
  const auto result = place.run("XDG_RUNTIME_DIR=$WORKPLACE/mine compositor-demo/run --help");
  EXPECT_EQ(last_line(result.output), (place.root() / "mine").string());
}

TEST_F(DemoCommand, ExitsAsTheProgramDoes) {
  compositor_does("exit 42");
  EXPECT_EQ(place.run("compositor-demo/run --help").status, 42);
  EXPECT_EQ(place.run("XDG_RUNTIME_DIR=/tmp compositor-demo/run --help").status, 42);
}

TEST_F(DemoCommand, HandsSignalsOnAndWaitsForTheEnd) {
  for (const std::string signal : {"INT", "TERM", "HUP"}) {
    compositor_does("trap 'echo ending; sleep 0.1; exit 7' " + signal +
                    "; echo > up; while :; do sleep 0.01; done");
    const auto result = place.run(
        "rm -f up; env --default-signal=INT,TERM,HUP compositor-demo/run --help & "
        "while [ ! -e up ]; do sleep 0.01; done; kill -" +
        signal + " $!; wait $!");
    EXPECT_EQ(result.status, 7) << signal << result.output;
    EXPECT_EQ(last_line(result.output), "ending") << signal;
    fs::remove_all(place.root() / "build");
  }
}

#ifdef TESTS_COMPOSITOR_DEMO
// The real program, as the command would have built it.
TEST_F(DemoCommand, ShowsThreeClientsWithoutArguments) {
  fs::copy_file(TESTS_COMPOSITOR_DEMO, place.root() / "compositor",
                fs::copy_options::overwrite_existing);
  place.lacks({"foot"});
  const auto result = place.run("compositor-demo/run");
  EXPECT_EQ(result.status, 0) << result.output;
  EXPECT_THAT(place.calls("apt-get"), testing::SizeIs(2));  // clients are asked for, too
  EXPECT_THAT(last_line(result.output),
              testing::AllOf(StartsWith((place.root() / "demo.png: ").string()), HasSubstr("foot"),
                             HasSubstr("weston-flower"), HasSubstr("weston-simple-shm")));
  EXPECT_THAT(result.output, HasSubstr("screenshot of 3 windows"));
  EXPECT_GT(fs::file_size(place.root() / "demo.png"), 10'000U);
}

TEST_F(DemoCommand, FailsWhenNothingWasShown) {
  compositor_does("exit 0");
  const auto result = place.run("compositor-demo/run");
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(last_line(result.output), HasSubstr("wrote no picture"));
}
#endif

}  // namespace
}  // namespace commands
