#include "compositor-demo/options.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

namespace demo {
namespace {

using namespace std::chrono_literals;

std::variant<Options, Refusal> parse(std::vector<const char*> words) {
  words.insert(words.begin(), "compositor-demo");
  return parse_options(static_cast<int>(words.size()), words.data());
}

Options accepted(const std::vector<const char*>& words) {
  const auto result = parse(words);
  if (const auto* refusal = std::get_if<Refusal>(&result))
    ADD_FAILURE() << "refused: " << refusal->text;
  return std::holds_alternative<Options>(result) ? std::get<Options>(result) : Options{};
}

TEST(Options, NothingIsNeeded) {
  const Options options = accepted({});
  EXPECT_EQ(options.backend, Backend::Automatic);
  EXPECT_EQ(options.output, (Mode{{1280, 720}, 60'000}));
  EXPECT_EQ(options.socket, "");
  EXPECT_FALSE(options.run_for);
  EXPECT_TRUE(options.command.empty());
}

TEST(Options, TakesAll) {
  const Options options =
      accepted({"--backend", "headless", "--output", "1920x1080@59.94", "--socket", "wayland-7",
                "--screenshot", "a b.png", "--run-for", "1.5", "--autostart", "foot -e top",
                "--autostart=[a,b]", "--", "program", "--help", "--", "-x"});
  EXPECT_EQ(options.backend, Backend::Headless);
  EXPECT_EQ(options.output, (Mode{{1920, 1080}, 59'940}));
  EXPECT_EQ(options.socket, "wayland-7");
  EXPECT_EQ(options.screenshot, "a b.png");
  EXPECT_EQ(options.run_for, 1500ms);
  EXPECT_EQ(options.autostart, (std::vector<std::string>{"foot -e top", "[a,b]"}));
  EXPECT_EQ(options.command, (std::vector<std::string>{"program", "--help", "--", "-x"}));
}

TEST(Options, OfASeat) {
  const Options plain = accepted({});
  EXPECT_EQ(plain.cursor, CursorPlane::Hardware);
  EXPECT_FALSE(plain.natural_scroll);
  EXPECT_TRUE(plain.tap_to_click);
  EXPECT_EQ(plain.terminal, "foot");
  const Options options =
      accepted({"--backend", "drm", "--cursor", "software", "--natural-scroll", "--no-tap",
                "--pointer-speed", "-0.5", "--terminal", "foot -e top"});
  EXPECT_EQ(options.backend, Backend::Drm);
  EXPECT_EQ(options.cursor, CursorPlane::Software);
  EXPECT_TRUE(options.natural_scroll);
  EXPECT_FALSE(options.tap_to_click);
  EXPECT_EQ(options.pointer_speed, -0.5);
  EXPECT_EQ(options.terminal, "foot -e top");
}

TEST(Options, HelpAndVersionAreNoErrors) {
  const auto help = parse({"--help"});
  ASSERT_TRUE(std::holds_alternative<Refusal>(help));
  EXPECT_EQ(std::get<Refusal>(help).status, 0);
  for (const char* option :
       {"--backend", "--output", "--socket", "--screenshot", "--run-for", "--autostart",
        "--version", "-- COMMAND", "1 if a screenshot could not be written"})
    EXPECT_NE(std::get<Refusal>(help).text.find(option), std::string::npos) << option;
  const auto version = parse({"--version"});
  ASSERT_TRUE(std::holds_alternative<Refusal>(version));
  EXPECT_EQ(std::get<Refusal>(version).status, 0);
  EXPECT_TRUE(std::get<Refusal>(version).text.starts_with("compositor-demo 0."));
}

struct Bad {
  std::vector<const char*> words;
  const char* named;  // what the complaint must mention
};

class BadOptions : public testing::TestWithParam<Bad> {};

TEST_P(BadOptions, AreRefusedInOneLineThatNamesThem) {
  const auto result = parse(GetParam().words);
  ASSERT_TRUE(std::holds_alternative<Refusal>(result));
  const Refusal& refusal = std::get<Refusal>(result);
  EXPECT_EQ(refusal.status, 2);
  EXPECT_NE(refusal.text.find(GetParam().named), std::string::npos) << refusal.text;
  EXPECT_EQ(std::ranges::count(refusal.text, '\n'), 1) << refusal.text;
  EXPECT_TRUE(refusal.text.ends_with('\n'));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadOptions,
    testing::Values(
        Bad{{"--colour"}, "--colour"}, Bad{{"foot"}, "foot"}, Bad{{"--backend", "x11"}, "x11"},
        Bad{{"--cursor", "big"}, "big"}, Bad{{"--pointer-speed", "2"}, "2"},
        Bad{{"--terminal", ""}, "empty"}, Bad{{"--backend"}, "--backend"},
        Bad{{"--output", "big"}, "big"}, Bad{{"--output", "0x720"}, "0x720"},
        Bad{{"--output", "-5x720"}, "-5x720"}, Bad{{"--output", "1280x720@0"}, "1280x720@0"},
        Bad{{"--output", "1280x720@"}, "1280x720@"}, Bad{{"--output", "1280x720@60Hz"}, "60Hz"},
        Bad{{"--output", "99999x10"}, "99999x10"}, Bad{{"--output", "1280x720@nan"}, "nan"},
        Bad{{"--output", "99999999999x10"}, "99999999999"}, Bad{{"--run-for", "soon"}, "soon"},
        Bad{{"--run-for", "-1"}, "-1"}, Bad{{"--run-for", "inf"}, "inf"},
        Bad{{"--socket", "a/b"}, "a/b"}, Bad{{"--socket", ""}, "''"},
        Bad{{"--autostart", ""}, "--autostart"}, Bad{{"--screenshot", ""}, "--screenshot"},
        Bad{{"--"}, "--"}));

TEST(Modes, AreSizeAndRate) {
  EXPECT_EQ(parse_mode("640x480"), (Mode{{640, 480}, 60'000}));
  EXPECT_EQ(parse_mode("1x1@1000"), (Mode{{1, 1}, 1'000'000}));
  EXPECT_EQ(parse_mode("640x480@29.97"), (Mode{{640, 480}, 29'970}));
  for (const char* text : {"", "x", "640", "640x", "x480", "640x480x2", "640x480@", "640 x480",
                           "640x480@60@60", "640x480@0.5", "640x480@1001", "+640x480"})
    EXPECT_FALSE(parse_mode(text)) << text;
}

}  // namespace
}  // namespace demo
