// That the examples compile is seen when they are compiled, into this program. Here it is seen that
// none of them escapes: what insert_examples.py says about documents that are not in order.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/command.hpp"
#include "tests/temporary_directory.hpp"

namespace tests {
namespace {

class Documentation : public testing::Test {
 protected:
  Documentation() {
    write("README.md", "Nothing.\n");
    write("calloop/docs/book.md", "Nothing.\n");
    write("calloop/good.hpp", "// What it is.\n//\n//     int good;\n#pragma once\n");
    write("template", "@calloop/good.hpp:1@\n");
  }
  void write(const std::string& name, const std::string& text) {
    const std::filesystem::path path = directory_.path() / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream{path} << text;
  }
  CommandResult insert() {
    const std::string root = directory_.path().string();
    return run_command("python3 " CALLOOP_SOURCE_ROOT "/tests/documentation/insert_examples.py " +
                       root + " " + root + "/template " + root + "/output");
  }

 private:
  TemporaryDirectory directory_;
};

TEST_F(Documentation, InOrderIsCopied) {
  const CommandResult result = insert();
  EXPECT_EQ(result.status, 0) << result.output;
}

TEST_F(Documentation, AHeaderNeedsAnExample) {
  write("calloop/bad.hpp", "// What it is.\n#pragma once\n");
  const CommandResult result = insert();
  EXPECT_NE(result.status, 0);
  EXPECT_NE(result.output.find("calloop/bad.hpp opens without an example"), std::string::npos);
}

TEST_F(Documentation, AnExampleFurtherDownIsNotEnough) {
  write("calloop/bad.hpp", "// What it is.\n#pragma once\n///     int further_down;\n");
  const std::string output = insert().output;
  EXPECT_NE(output.find("calloop/bad.hpp opens without an example"), std::string::npos);
  EXPECT_NE(output.find("calloop/bad.hpp:1 is compiled by nobody"), std::string::npos);
}

TEST_F(Documentation, AHeaderNeedsAParagraph) {
  write("calloop/bad.hpp", "#pragma once\n");
  EXPECT_NE(insert().output.find("calloop/bad.hpp does not open with a paragraph"),
            std::string::npos);
}

TEST_F(Documentation, EveryExampleIsCompiled) {
  write("calloop/docs/book.md", "So:\n```cpp\nint one;\n```\nor\n```cpp\nint two;\n```\n");
  const std::string output = insert().output;
  EXPECT_NE(output.find("calloop/docs/book.md:1 is compiled by nobody"), std::string::npos);
  EXPECT_NE(output.find("calloop/docs/book.md:2 is compiled by nobody"), std::string::npos);
}

TEST_F(Documentation, WhatIsCompiledIsThere) {
  write("template", "@calloop/good.hpp:1@\n@calloop/good.hpp:2@\n");
  EXPECT_NE(insert().output.find("there is no example calloop/good.hpp:2"), std::string::npos);
}

}  // namespace
}  // namespace tests
