// What a user reads who makes a typical mistake.
//
// Each program beside this file is right as it stands and wrong with CALLOOP_TEST_MISTAKE defined.
// Both are compiled: the right one must be accepted, or the other could be refused for any reason;
// the wrong one must be refused, with the text behind "// says: " in its first twenty lines.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>
#include <tuple>

#include <gtest/gtest.h>

#include "tests/command.hpp"

namespace {

const std::filesystem::path root = CALLOOP_SOURCE_ROOT;
constexpr int lines_that_are_read = 20;

std::string first_lines(const std::string& text, int count) {
  std::istringstream in(text);
  std::string result;
  std::string line;
  while (count-- > 0 && std::getline(in, line)) {
    result += line + '\n';
  }
  return result;
}

class CompileErrors : public testing::TestWithParam<std::tuple<const char*, const char*>> {
 protected:
  void SetUp() override {
    if (tests::run_command("command -v " + compiler()).status != 0) {
      GTEST_SKIP() << compiler() << " is not installed";
    }
  }

  static std::string compiler() { return std::get<0>(GetParam()); }
  static std::filesystem::path program() {
    return root / "tests/compile-errors" / (std::string(std::get<1>(GetParam())) + ".cpp");
  }

  static tests::CommandResult compile(const std::string& options) {
    return tests::run_command(compiler() + " -std=c++20 -Wall -Wextra -fsyntax-only -I '" +
                              root.string() + "' " + options + " '" + program().string() + "'");
  }

  // The text that the program announces.
  static std::string announced() {
    std::ifstream file(program());
    constexpr std::string_view mark = "// says: ";
    for (std::string line; std::getline(file, line);) {
      if (line.starts_with(mark)) {
        return line.substr(mark.size());
      }
    }
    return {};
  }
};

TEST_P(CompileErrors, NothingToSayAboutTheRightProgram) {
  const tests::CommandResult result = compile("-Werror");
  EXPECT_EQ(result.status, 0) << result.output;
}

TEST_P(CompileErrors, TheMistakeIsNamedAtTheTop) {
  ASSERT_NE(announced(), "") << program() << " announces nothing";
  const tests::CommandResult result = compile("-DCALLOOP_TEST_MISTAKE");
  EXPECT_NE(result.status, 0) << "the mistake was accepted";
  const std::string read = first_lines(result.output, lines_that_are_read);
  EXPECT_NE(read.find(announced()), read.npos) << "not said: " << announced() << "\n" << read;
}

INSTANTIATE_TEST_SUITE_P(, CompileErrors,
                         testing::Combine(testing::Values("g++", "clang++-19"),
                                          testing::Values("unknown_parameter",
                                                          "ambiguous_parameter", "widened_handle",
                                                          "no_event_source")),
                         [](const auto& chosen) {
                           std::string name = std::string(std::get<0>(chosen.param)) + "_" +
                                              std::get<1>(chosen.param);
                           std::erase_if(name, [](char c) { return c == '+' || c == '-'; });
                           return name;
                         });

}  // namespace
