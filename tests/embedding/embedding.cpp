// calloop as others take it: installed and found by pkg-config, shared and static, or as a meson
// subproject.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/command.hpp"
#include "tests/temporary_directory.hpp"

namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

const fs::path source_root = CALLOOP_SOURCE_ROOT;
const fs::path build_root = CALLOOP_BUILD_ROOT;
const fs::path programs = source_root / "tests/embedding";

std::string read(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string quoted(const fs::path& path) {
  return "'" + path.string() + "'";
}

// What `command` prints; a failed expectation with all of it if it does not succeed.
std::string output_of(const std::string& command) {
  const tests::CommandResult result = tests::run_command(command);
  EXPECT_EQ(result.status, 0) << command << "\n" << result.output;
  return result.output;
}

// Paths of all headers below `folder`, relative to it.
std::set<std::string> headers_below(const fs::path& folder) {
  std::set<std::string> headers;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const fs::path path = fs::relative(entry.path(), folder);
    if (path.extension() == ".hpp" && *path.begin() != "examples") {
      headers.insert(path);
    }
  }
  return headers;
}

// Installs once for all tests, into a folder that pretends to be the root of a system.
class Installed : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    system_ = std::make_unique<tests::TemporaryDirectory>();
    const tests::CommandResult result =
        tests::run_command("DESTDIR=" + quoted(system_->path()) +
                           " meson install --no-rebuild -C " + quoted(build_root));
    ASSERT_EQ(result.status, 0) << result.output;
    // Ours only: what theirs say of their own prefix is to stay.
    for (const auto& entry : fs::directory_iterator(libraries() / "pkgconfig")) {
      const std::string text = read(entry.path());
      std::ofstream{entry.path()} << "prefix=" << prefix().string() << text.substr(text.find('\n'));
    }
  }
  static void TearDownTestSuite() { system_.reset(); }

  static fs::path prefix() { return system_->path() / CALLOOP_PREFIX; }
  static fs::path libraries() { return prefix() / CALLOOP_LIBDIR; }

  // "A=b pkg-config", looking at what we installed first.
  static std::string pkg_config(const std::string& arguments) {
    return "PKG_CONFIG_PATH=" + quoted(libraries() / "pkgconfig") + " pkg-config " + arguments;
  }

  // Builds a program as its author would; the path of the result.
  static fs::path build(const std::string& program, const std::string& flags) {
    const fs::path result = system_->path() / program;
    output_of(CALLOOP_COMPILER " -std=c++20 " + quoted(programs / (program + ".cpp")) + " -o " +
              quoted(result) + " " + flags);
    return result;
  }

  static std::string run(const fs::path& program) {
    return output_of("LD_LIBRARY_PATH=" + quoted(libraries()) + " timeout 10 " + quoted(program));
  }

  static std::unique_ptr<tests::TemporaryDirectory> system_;
};
std::unique_ptr<tests::TemporaryDirectory> Installed::system_;

TEST_F(Installed, HeadersAreAllThere) {
  const fs::path installed = prefix() / "include/calloop";
  std::set<std::string> expected = headers_below(source_root / "calloop");
  for (const char* const included_by_cpp_files_only : {"errors.hpp", "loop_descriptors.hpp"}) {
    EXPECT_EQ(expected.erase(included_by_cpp_files_only), 1u);
  }
  EXPECT_EQ(headers_below(installed), expected);
  EXPECT_EQ(read(installed / "sources/timer.hpp"), read(source_root / "calloop/sources/timer.hpp"));
}

TEST_F(Installed, SharedLibraryRunsAProgram) {
  const fs::path program = build("timer", "$(" + pkg_config("--cflags --libs calloop") + ")");
  EXPECT_THAT(output_of("readelf --dynamic " + quoted(program)), HasSubstr("[libcalloop.so."));
  run(program);
}

TEST_F(Installed, SharedLibraryHasAllThatTemplatesNeed) {
  run(build("everything", "$(" + pkg_config("--cflags --libs calloop") + ")"));
}

TEST_F(Installed, StaticLibraryRunsAProgram) {
  const fs::path program =
      build("timer", "-static $(" + pkg_config("--static --cflags --libs calloop") + ")");
  EXPECT_THAT(output_of("readelf --dynamic " + quoted(program)), Not(HasSubstr("NEEDED")));
  run(program);
}

// The adapters, and a program for each.
constexpr std::pair<const char*, const char*> adapters[] = {
    {"calloop-glib", "main_context"},
    {"calloop-libinput", "input"},
    {"calloop-seat", "session"},
    {"calloop-udev", "monitor"},
    {"calloop-wayland-client", "connection"},
    {"calloop-wayland-guest", "guest"},
    {"calloop-wayland-server", "display"},
};

TEST_F(Installed, AdaptersBringWhatTheyNeed) {
  for (const auto& [adapter, name] : adapters) {
    const std::string flags = pkg_config(std::string{"--cflags --libs "} + adapter);
    const fs::path program = build(name, "$(" + flags + ")");
    const std::string needed = output_of("readelf --dynamic " + quoted(program));
    EXPECT_THAT(needed, HasSubstr(std::string{"[lib"} + adapter + ".so."));
    run(program);
  }
}

TEST_F(Installed, PkgConfigKnowsTheVersion) {
  EXPECT_EQ(output_of(pkg_config("--modversion calloop")), CALLOOP_PROJECT_VERSION "\n");
  for (const auto& [adapter, program] : adapters) {
    EXPECT_EQ(output_of(pkg_config("--modversion ") + adapter), CALLOOP_PROJECT_VERSION "\n");
  }
}

TEST_F(Installed, SharedLibrariesExportOnlyCalloop) {
  const std::string not_ours =
      " | { grep --invert-match --extended-regexp '^[0-9a-f]+ . "
      "((typeinfo|typeinfo name|vtable|VTT|guard variable) for )?calloop::' || true; }";
  std::vector<std::string> names{"libcalloop.so"};
  for (const auto& [adapter, program] : adapters) {
    names.push_back(std::string{"lib"} + adapter + ".so");
  }
  for (const std::string& name : names) {
    const std::string symbols =
        "nm --dynamic --demangle --defined-only " + quoted(libraries() / name);
    EXPECT_EQ(output_of(symbols + not_ours), "") << name;
    EXPECT_GT(std::stoi(output_of(symbols + " | wc --lines")), 5) << name;
  }
}

TEST_F(Installed, LibraryNeedsOnlyWhatEveryProgramHas) {
  std::istringstream needed{output_of("readelf --dynamic " + quoted(libraries() / "libcalloop.so") +
                                      R"( | sed --quiet 's/.*NEEDED.*\[\(.*\)\].*/\1/p')")};
  const std::vector<std::string> names{std::istream_iterator<std::string>{needed}, {}};
  EXPECT_THAT(names, Contains("libc.so.6"));
  EXPECT_THAT(names, testing::IsSubsetOf({"libc.so.6", "libstdc++.so.6", "libgcc_s.so.1",
                                          "libm.so.6", "ld-linux-x86-64.so.2"}));
}

TEST(Subproject, GivesTheStaticLibrary) {
  const tests::TemporaryDirectory project;
  fs::create_directory(project.path() / "subprojects");
  fs::create_directory_symlink(source_root, project.path() / "subprojects/calloop");
  fs::copy_file(programs / "subproject.meson.build", project.path() / "meson.build");
  fs::copy_file(programs / "timer.cpp", project.path() / "timer.cpp");

  const fs::path build = project.path() / "build";
  output_of("CXX=" CALLOOP_COMPILER " meson setup --optimization 0 -Ddebug=false " + quoted(build) +
            " " + quoted(project.path()));
  output_of("ninja -C " + quoted(build) + " embedder");
  EXPECT_THAT(output_of("readelf --dynamic " + quoted(build / "embedder")),
              Not(HasSubstr("libcalloop")));
  output_of("timeout 10 " + quoted(build / "embedder"));
}

}  // namespace
