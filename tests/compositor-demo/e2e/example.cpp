// The example that needs a compositor, calloop/examples/wayland_window, on the real one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "compositor.hpp"
#include "process.hpp"
#include "tests/command.hpp"

namespace e2e {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* example = TESTS_EXAMPLE_WAYLAND_WINDOW;

std::string text_of(const std::filesystem::path& file) {
  std::ifstream in{file};
  return {std::istreambuf_iterator<char>{in}, {}};
}

TEST(ExampleWaylandWindow, ShowsItsPicturesAndSaysWhatItsThreadHasFound) {
  const Place place;
  Process process{compositor_command({"--backend", "headless", "--socket", "test", "--", example,
                                      "--frames", "30"}),
                  {place.environment(), place.output(), place.log()}};
  EXPECT_EQ(process.wait_for_end(), 0) << place.log_text();
  EXPECT_THAT(text_of(place.output()), HasSubstr(" pictures shown, 78498 primes found\n"));
}

TEST(ExampleWaylandWindow, ComesNoFasterThanTheOutput) {
  const Place place;
  const auto begin = Clock::now();
  Process process{compositor_command({"--backend", "headless", "--socket", "test", "--output",
                                      "400x300@20", "--", example, "--frames", "20"}),
                  {place.environment(), place.output(), place.log()}};
  EXPECT_EQ(process.wait_for_end(), 0) << place.log_text();
  EXPECT_GE(Clock::now() - begin, 19 * 50ms);
}

class ExampleOnACompositor : public WithCompositor {
 protected:
  std::vector<std::string> environment() const {
    std::vector<std::string> all = compositor.place().environment();
    all.emplace_back("WAYLAND_DISPLAY=" + compositor.socket().string());
    return all;
  }
  std::filesystem::path said() const { return compositor.place().directory() / "example"; }
};

TEST_F(ExampleOnACompositor, IsSeenAndMoves) {
  Process process{{example}, {environment(), said()}};
  const auto has_window = [&](const Screenshot& screen) {
    return screen.count(0xe0a030) == std::size_t{40} * 80 && screen.count(0x203040) > 10'000;
  };
  EXPECT_TRUE(eventually([&] { return has_window(compositor.screenshot()); }));
  // When the thread has found all primes there is a bar from side to side.
  EXPECT_TRUE(
      eventually([&] { return compositor.screenshot().count(0x40c060) == std::size_t{320} * 10; }));
  // Pictures follow each other.
  const auto left = [this] { return compositor.screenshot().bounds(0xe0a030).x; };
  const int x = left();
  EXPECT_TRUE(eventually([&] { return left() != x; }));
  EXPECT_TRUE(process.running());
}

TEST(ExampleWaylandWindow, SaysThatTheCompositorIsGone) {
  Compositor compositor;
  std::vector<std::string> environment = compositor.place().environment();
  environment.emplace_back("WAYLAND_DISPLAY=" + compositor.socket().string());
  const std::filesystem::path said = compositor.place().directory() / "example";
  Process process{{example}, {environment, said}};
  ASSERT_TRUE(eventually([&] { return compositor.screenshot().count(0xe0a030) != 0; }));
  compositor.process().signal(SIGKILL);
  EXPECT_EQ(process.wait_for_end(), 1);
  EXPECT_THAT(text_of(said), StartsWith("wayland_window: the connection to the compositor has "));
}

TEST(ExampleWaylandWindow, RefusesWhatIsNoNumber) {
  const std::string command = example;
  EXPECT_EQ(tests::run_command("'" + command + "' --frames none").status, 2);
  EXPECT_EQ(tests::run_command("'" + command + "' --frames 0").status, 2);
}

}  // namespace
}  // namespace e2e
