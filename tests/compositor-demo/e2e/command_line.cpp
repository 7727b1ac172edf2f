// What the command line, the environment and the command's end have to do with the exit status, and
// what is said about it.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "compositor.hpp"
#include "tests/compositor-demo/clients/connection.hpp"

namespace e2e {
namespace {

using namespace std::chrono_literals;

struct Result {
  int status = -1;  // -1: it does not end
  std::vector<std::string> complaints;
  std::string output;
  std::string log;
};

class CommandLine : public testing::Test {
 protected:
  // Runs the compositor to its end.
  Result run(std::vector<std::string> arguments, std::vector<std::string> environment = {}) {
    std::vector<std::string> all = place.environment();
    all.insert(all.end(), environment.begin(), environment.end());
    std::filesystem::remove(place.log());
    std::filesystem::remove(place.output());
    Process process{compositor_command(std::move(arguments)), {all, place.output(), place.log()}};
    Result result;
    result.status = process.wait_for_end().value_or(-1);
    result.complaints = place.complaints();
    result.log = place.log_text();
    std::ifstream output{place.output()};
    result.output.assign(std::istreambuf_iterator<char>{output}, {});
    return result;
  }

  Result run_command(std::vector<std::string> command) {
    command.insert(command.begin(), {"--backend", "headless", "--socket", "test", "--"});
    return run(std::move(command));
  }

  // One line, about that.
  static void expect_refused(const Result& result, int status, const std::string& about) {
    EXPECT_EQ(result.status, status) << result.log;
    ASSERT_EQ(result.complaints.size(), 1U) << result.log;
    const std::string& line = result.complaints.front();
    EXPECT_TRUE(line.starts_with("compositor-demo: ")) << line;
    EXPECT_NE(line.find(about), std::string::npos) << line;
  }

  Place place;
};

TEST_F(CommandLine, AnUnknownOptionIsNamed) {
  expect_refused(run({"--wobble"}), 2, "--wobble");
}

TEST_F(CommandLine, AWordOutOfPlaceIsNamed) {
  expect_refused(run({"foot"}), 2, "foot");
}

TEST_F(CommandLine, AnUnusableSizeIsNamed) {
  for (const std::string size :
       {"0x0", "1280", "1280x", "x720", "-5x10", "99999x1", "1280x720@0", "axb", "1280x720@60x"}) {
    SCOPED_TRACE(size);
    expect_refused(run({"--output=" + size}), 2, size);
  }
}

TEST_F(CommandLine, AnUnusableTimeBackendSocketAndCommandAreNamed) {
  expect_refused(run({"--run-for", "soon"}), 2, "soon");
  expect_refused(run({"--run-for=-1"}), 2, "-1");
  expect_refused(run({"--backend", "hologram"}), 2, "hologram");
  expect_refused(run({"--socket", "../escape"}), 2, "../escape");
  expect_refused(run({"--screenshot"}), 2, "--screenshot");
  expect_refused(run({"--"}), 2, "--");
}

TEST_F(CommandLine, HelpAndVersionGoToStdout) {
  const Result help = run({"--help"});
  EXPECT_EQ(help.status, 0);
  EXPECT_EQ(help.log, "");
  for (const std::string option : {"--backend", "--output", "--socket", "--screenshot", "--run-for",
                                   "--autostart", "--help", "--version"})
    EXPECT_NE(help.output.find(option), std::string::npos) << option;
  const Result version = run({"--version"});
  EXPECT_EQ(version.status, 0);
  EXPECT_EQ(version.log, "");
  EXPECT_TRUE(version.output.starts_with("compositor-demo ")) << version.output;
}

TEST_F(CommandLine, WithoutARuntimeDirectoryThereIsNoSocket) {
  expect_refused(run({"--run-for", "1"}, {"XDG_RUNTIME_DIR"}), 1, "XDG_RUNTIME_DIR");
}

TEST_F(CommandLine, ARuntimeDirectoryThatIsNotThereIsNamed) {
  const std::string missing = place.directory() / "missing";
  expect_refused(run({"--run-for", "1"}, {"XDG_RUNTIME_DIR=" + missing}), 1, missing);
}

TEST_F(CommandLine, ARuntimeDirectoryThatIsAFileIsNamed) {
  const std::string file = place.directory() / "file";
  std::ofstream{file} << "no directory";
  expect_refused(run({"--run-for", "1"}, {"XDG_RUNTIME_DIR=" + file}), 1, file);
}

// Not even root can make a file there.
TEST_F(CommandLine, ARuntimeDirectoryThatCannotBeWrittenIsNamed) {
  expect_refused(run({"--run-for", "1"}, {"XDG_RUNTIME_DIR=/proc"}), 1, "/proc");
}

TEST_F(CommandLine, ASocketThatIsTakenStaysWithItsOwner) {
  Compositor owner;
  const Result second = run({"--socket", owner.socket().filename(), "--run-for", "1"},
                            {"XDG_RUNTIME_DIR=" + owner.place().directory().string()});
  expect_refused(second, 1, owner.socket().filename());
  // The loser has taken nothing away.
  clients::Connection client{owner.socket()};
  EXPECT_TRUE(client.roundtrip());
  EXPECT_TRUE(std::filesystem::exists(owner.socket().string() + ".lock"));
  EXPECT_EQ(owner.end(), 0);
}

TEST_F(CommandLine, WithoutANameTheFirstFreeSocketIsTaken) {
  const Process first{compositor_command({"--run-for", "20"}),
                      {place.environment(), place.output(), place.log()}};
  ASSERT_TRUE(eventually([&] { return place.log_text().find("listening") != std::string::npos; }));
  const Process second{compositor_command({"--run-for", "20"}),
                       {place.environment(), place.output(), place.log()}};
  EXPECT_TRUE(eventually([&] {
    return std::filesystem::exists(place.directory() / "wayland-1") &&
           std::filesystem::exists(place.directory() / "wayland-2");
  })) << place.log_text();
}

TEST_F(CommandLine, ACommandThatIsNotFoundIs127) {
  expect_refused(run_command({"no-such-program"}), 127, "no-such-program");
  expect_refused(run_command({"/no/such/program"}), 127, "/no/such/program");
}

TEST_F(CommandLine, ACommandThatCannotBeExecutedIs126) {
  const std::string file = place.directory() / "not-executable";
  std::ofstream{file} << "#!/bin/sh\nexit 0\n";
  ASSERT_EQ(::chmod(file.c_str(), 0600), 0);
  expect_refused(run_command({file}), 126, file);
  expect_refused(run_command({place.directory()}), 126, place.directory());
}

TEST_F(CommandLine, TheCommandsStatusIsOurs) {
  for (const int status : {0, 1, 7, 255}) {
    const Result result = run_command({"/bin/sh", "-c", "exit " + std::to_string(status)});
    EXPECT_EQ(result.status, status);
    EXPECT_EQ(result.complaints, std::vector<std::string>{});
  }
}

TEST_F(CommandLine, ACommandKilledByASignalIsReported) {
  expect_refused(run_command({"/bin/sh", "-c", "kill -KILL $$"}), 128 + SIGKILL, "/bin/sh");
  expect_refused(run_command({"/bin/sh", "-c", "kill -SEGV $$"}), 128 + SIGSEGV, "/bin/sh");
}

TEST_F(CommandLine, TheCommandIsAClientOfThisCompositor) {
  const Result result = run_command({"wayland-info"});
  EXPECT_EQ(result.status, 0) << result.log;
  for (const std::string global : {"wl_compositor", "wl_subcompositor", "wl_shm", "wl_output",
                                   "wl_seat", "wl_data_device_manager", "xdg_wm_base"})
    EXPECT_NE(result.output.find("'" + global + "'"), std::string::npos) << global;
}

TEST_F(CommandLine, RunForEndsWithZero) {
  const auto begin = Clock::now();
  const Result result = run({"--socket", "test", "--run-for", "0.5"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.complaints, std::vector<std::string>{});
  EXPECT_GE(Clock::now() - begin, 500ms);
}

TEST_F(CommandLine, RunForEndsTheCommandToo) {
  const Result result = run({"--socket", "test", "--run-for", "0.3", "--", "sleep", "1000"});
  EXPECT_EQ(result.status, 0) << result.log;
}

TEST_F(CommandLine, TheLastScreenshotSaysWhoIsNotInIt) {
  const std::string file = place.directory() / "picture.png";
  const Result result =
      run({"--socket", "test", "--screenshot", file, "--run-for", "1.5", "--autostart",
           "exec sleep 1000", "--autostart", "exec weston-simple-shm 2>/dev/null"});
  EXPECT_EQ(result.status, 0) << result.log;
  ASSERT_EQ(result.complaints.size(), 1U) << result.log;
  EXPECT_NE(result.complaints.front().find("sleep 1000"), std::string::npos) << result.log;
  EXPECT_GT(Screenshot{file}.colours(), 10U);
}

TEST_F(CommandLine, ASignalForAScreenshotWithoutAFileIsAnswered) {
  Process process{compositor_command({"--socket", "test"}),
                  {place.environment(), place.output(), place.log()}};
  ASSERT_TRUE(eventually([&] { return place.log_text().find("listening") != std::string::npos; }));
  process.signal(SIGUSR1);
  EXPECT_TRUE(eventually([&] { return !place.complaints().empty(); }));
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait_for_end(), 0);
  EXPECT_EQ(place.complaints().size(), 1U) << place.log_text();
}

TEST_F(CommandLine, APipeThatNobodyReadsGetsNoScreenshot) {
  const std::string pipe = place.directory() / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  expect_refused(run({"--socket", "test", "--screenshot", pipe, "--run-for", "0.2"}), 1, pipe);
}

TEST_F(CommandLine, WithoutTheCommandThereIsNothingToBeSeen) {
  const std::string file = place.directory() / "picture.png";
  expect_refused(run({"--socket", "test", "--screenshot", file, "--", "no-such-program"}), 127,
                 "no-such-program");
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST_F(CommandLine, WhatWasNeverPaintedIsNoPicture) {
  const std::string file = place.directory() / "picture.png";
  expect_refused(run({"--socket", "test", "--screenshot", file, "--run-for", "0"}), 1,
                 "nothing was painted yet");
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST_F(CommandLine, AnOutputWithoutMemoryIsNamed) {
  if (sanitized)
    GTEST_SKIP() << "a sanitizer needs more address space than could be withheld";
  std::vector<std::string> words =
      compositor_command({"--socket", "test", "--output", "16384x16384"});
  words.insert(words.begin(), {"/bin/sh", "-c", "ulimit -v 500000; exec \"$0\" \"$@\""});
  Process process{words, {place.environment(), place.output(), place.log()}};
  EXPECT_EQ(process.wait_for_end(), 1);
  ASSERT_EQ(place.complaints().size(), 1U) << place.log_text();
  EXPECT_NE(place.complaints().front().find("no memory for an output of 16384x16384"),
            std::string::npos)
      << place.log_text();
}

// It names a connection to the compositor that we ourselves are a client of.
TEST_F(CommandLine, TheCommandDoesNotGetOurConnection) {
  const Result result =
      run({"--socket", "test", "--", "/bin/sh", "-c", "test -z \"${WAYLAND_SOCKET+set}\""},
          {"WAYLAND_SOCKET=77"});
  EXPECT_EQ(result.status, 0) << result.log;
}

// The line of /proc/PID/FILE that begins so, without that.
std::string line_of(pid_t pid, const std::string& file, const std::string& begin) {
  std::ifstream in{"/proc/" + std::to_string(pid) + "/" + file};
  for (std::string line; std::getline(in, line);)
    if (line.starts_with(begin))
      return line.substr(begin.size());
  return "nothing";
}

TEST(Environment, OfASignalForABrokenPipeIsHarmlessForUsAndUsualForClients) {
  Compositor compositor{
      {.arguments = {"--", "sh", "-c", "grep SigIgn /proc/self/status; exec sleep 1006"}}};
  constexpr unsigned long sigpipe = 1UL << (SIGPIPE - 1);
  const auto ignored = [](const std::string& mask) { return std::stoul(mask, nullptr, 16); };
  EXPECT_NE(ignored(line_of(compositor.process().pid(), "status", "SigIgn:")) & sigpipe, 0U);
  std::string said;
  ASSERT_TRUE(eventually([&] {
    std::ifstream output{compositor.place().output()};
    return std::getline(output, said) && said.starts_with("SigIgn:");
  }));
  EXPECT_EQ(ignored(said.substr(7)) & sigpipe, 0U) << said;
}

TEST(Environment, OfFewDescriptorsIsWidenedForUsAndNotForClients) {
  Compositor compositor{
      {.arguments = {"--", "sh", "-c", "echo $(ulimit -Sn) $(ulimit -Hn); exec sleep 1005"},
       .descriptors = 4096,
       .soft_descriptors = 64}};
  EXPECT_TRUE(eventually([&] {
    std::ifstream output{compositor.place().output()};
    std::string said;
    return std::getline(output, said) && said == "64 4096";
  }));
  // For the moment of starting somebody the limit is that of the one who is started.
  long soft = 0;
  long hard = 0;
  EXPECT_TRUE(eventually([&] {
    std::istringstream limits{line_of(compositor.process().pid(), "limits", "Max open files")};
    limits >> soft >> hard;
    return soft == 4096;
  })) << soft;
  EXPECT_EQ(hard, 4096);
}

TEST(Screenshots, AskedForBeforeTheFirstDoNotReplaceIt) {
  Compositor compositor{
      {.arguments = {"--autostart",
                     "until test -e \"$XDG_RUNTIME_DIR/go\"; do sleep 0.05; done; "
                     "exec weston-simple-shm 2>/dev/null"}}};
  EXPECT_EQ(compositor.screenshot().colours(), 1U);
  std::filesystem::remove(compositor.place().picture());
  const std::ofstream go{compositor.place().directory() / "go"};
  // Now that of --screenshot, when the window is there.
  EXPECT_TRUE(eventually([&] { return std::filesystem::exists(compositor.place().picture()); }));
  EXPECT_TRUE(compositor.says("screenshot of 1 windows"));
}

TEST_F(CommandLine, AScreenshotThatCannotBeWrittenIsReported) {
  const std::string file = place.directory() / "missing" / "picture.png";
  expect_refused(run({"--socket", "test", "--screenshot", file, "--run-for", "0.2"}), 1, file);
}

}  // namespace
}  // namespace e2e
