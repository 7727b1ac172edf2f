// The includes of the repository as it is, and bad samples that prove that the rules bite.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/layout/include_rules.hpp"

namespace layout {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const fs::path root = CALLOOP_SOURCE_ROOT;

std::string read(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// An include of ours, seen from the top: written so, or relative to the folder of `file`.
std::string from_top(const fs::path& file, const std::string& include) {
  const fs::path beside = (file.parent_path() / include).lexically_normal();
  return fs::exists(root / beside) ? beside.string() : include;
}

std::vector<SourceFile> all_files() {
  std::vector<SourceFile> files;
  for (const char* folder : {"calloop", "compositor-demo", "tests"}) {
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      const std::string extension = entry.path().extension();
      if (extension != ".hpp" && extension != ".cpp") {
        continue;
      }
      const fs::path path = fs::relative(entry.path(), root);
      SourceFile file{path.string(), includes_of(read(entry.path()))};
      for (std::string& include : file.includes) {
        include = from_top(path, include);
      }
      files.push_back(std::move(file));
    }
  }
  return files;
}

TEST(Includes, OfTheRepositoryFollowTheRules) {
  const std::vector<SourceFile> files = all_files();
  for (const char* expected : {"calloop/event_loop.hpp", "calloop/adapters/wayland_server.hpp",
                               "compositor-demo/main.cpp", "tests/layout/includes.cpp"}) {
    const auto found = std::find_if(files.begin(), files.end(),
                                    [&](const SourceFile& file) { return file.path == expected; });
    ASSERT_NE(found, files.end()) << expected << " was not read";
    EXPECT_THAT(found->includes, testing::Not(IsEmpty())) << expected;
  }
  for (const std::string& complaint : complaints(files)) {
    ADD_FAILURE() << complaint;
  }
}

// Which files the compiler is given, and which by meson's files of several.
std::string compiled() {
  const fs::path build = CALLOOP_BUILD_ROOT;
  const std::string commands = read(build / "compile_commands.json");
  std::string all = commands;
  for (const auto& entry : fs::recursive_directory_iterator(build)) {
    const std::string name = entry.path().filename();
    if (name.find("-unity") != std::string::npos && name.ends_with(".cpp") &&
        commands.find(fs::relative(entry.path(), build).string() + '"') != std::string::npos) {
      all += read(entry.path());
    }
  }
  return all;
}

// A test that nobody compiles fails for nobody.
TEST(Build, CompilesEverySourceFile) {
  const std::string all = compiled();
  for (const SourceFile& file : all_files()) {
    // These are compiled by tests, or by tests/bench/run, which needs other loops.
    const bool sample = file.path.starts_with("tests/embedding/") ||
                        file.path.starts_with("tests/compile-errors/") ||
                        file.path.starts_with("tests/bench/peers/");
    if (file.path.ends_with(".cpp") && !sample) {
      EXPECT_TRUE(all.find("/" + file.path + '"') != std::string::npos ||
                  all.find("/" + file.path + '>') != std::string::npos)
          << file.path << " is in no meson.build";
    }
  }
}

TEST(Includes, TopLevelHoldsOnlyWhatBelongsThere) {
  std::vector<std::string> entries;
  for (const auto& entry : fs::directory_iterator(root)) {
    entries.push_back(entry.path().filename());
  }
  EXPECT_THAT(complaints_about_top_level(entries), IsEmpty());
}

TEST(IncludeRules, ReadEveryFormOfInclude) {
  EXPECT_THAT(includes_of("#include <vector>\n"
                          "#  include \"a/b.hpp\" // why\n"
                          "//     #include <in_an_example.hpp>\n"
                          "int include = 1;\n"),
              ElementsAre("vector", "a/b.hpp"));
}

TEST(IncludeRules, TakeAGoodSample) {
  EXPECT_THAT(
      complaints({
          {"calloop/fwd.hpp", {}},
          {"calloop/clock.hpp", {"chrono", "calloop/fwd.hpp"}},
          {"calloop/poll.hpp", {"sys/epoll.h", "calloop/clock.hpp", "calloop/backend.hpp"}},
          {"calloop/poll.cpp", {"unistd.h", "calloop/poll.hpp", "calloop/core.hpp"}},
          {"calloop/adapters/wayland_server.hpp", {"wayland-server-core.h", "calloop/source.hpp"}},
          {"calloop/examples/zeromq/main.cpp",
           {"zmq.h", "calloop/calloop.hpp", "calloop/examples/zeromq/source.hpp"}},
          {"compositor-demo/shell/shell.cpp",
           {"pixman.h", "xdg-shell-server-protocol.h", "calloop/poll.hpp",
            "compositor-demo/shell/shell.hpp", "compositor-demo/geometry.hpp"}},
          {"compositor-demo/main.cpp", {"compositor-demo/shell/shell.hpp"}},
          {"tests/compositor-demo/shell.cpp", {"compositor-demo/shell/shell.hpp"}},
      }),
      IsEmpty());
}

TEST(IncludeRules, RefuseAHigherFloor) {
  EXPECT_THAT(complaints({{"calloop/poll.hpp", {"calloop/event_loop.hpp"}}}),
              ElementsAre(HasSubstr("floor 1 includes floor 4")));
  EXPECT_THAT(complaints({{"calloop/loop_signal.hpp", {"calloop/sources/ping.hpp"}}}),
              ElementsAre(HasSubstr("floor 4 includes floor 5")));
}

TEST(IncludeRules, RefuseAFileWithoutAFloor) {
  EXPECT_THAT(complaints({{"calloop/surprise.hpp", {}}}),
              ElementsAre(HasSubstr("stands on no floor")));
}

TEST(IncludeRules, RefuseCircles) {
  EXPECT_THAT(complaints({{"calloop/fd.hpp", {"calloop/token.hpp"}},
                          {"calloop/token.hpp", {"calloop/fd.hpp"}}}),
              ElementsAre(HasSubstr("calloop/fd.hpp -> calloop/token.hpp -> calloop/fd.hpp")));
  EXPECT_THAT(complaints({{"tests/a.hpp", {"tests/a.hpp"}}}), ElementsAre(HasSubstr("circle")));
}

TEST(IncludeRules, KeepFwdFreeOfOurs) {
  EXPECT_THAT(complaints({{"calloop/fwd.hpp", {"calloop/clock.hpp"}}}),
              ElementsAre(HasSubstr("nothing of ours")));
}

TEST(IncludeRules, KeepWaylandAndAdaptersOutOfTheLibrary) {
  EXPECT_THAT(complaints({{"calloop/event_loop.hpp", {"wayland-server-core.h"}}}),
              ElementsAre(HasSubstr("only libc and libstdc++")));
  EXPECT_THAT(complaints({{"calloop/core.cpp", {"libinput.h"}}}),
              ElementsAre(HasSubstr("only libc and libstdc++")));
  EXPECT_THAT(complaints({{"calloop/calloop.hpp", {"calloop/adapters/wayland_server.hpp"}}}),
              ElementsAre(HasSubstr("only an adapter")));
}

TEST(IncludeRules, PointFromTestsToDemoToLibraryOnly) {
  EXPECT_THAT(complaints({{"calloop/core.cpp", {"compositor-demo/log.hpp"}}}),
              ElementsAre(HasSubstr("nothing of its users")));
  EXPECT_THAT(complaints({{"calloop/core.cpp", {"tests/calloop/tool.hpp"}}}),
              ElementsAre(HasSubstr("nothing of its users")));
  EXPECT_THAT(complaints({{"compositor-demo/app.cpp", {"tests/calloop/tool.hpp"}}}),
              ElementsAre(HasSubstr("nothing of its tests")));
}

TEST(IncludeRules, KeepModulesApart) {
  EXPECT_THAT(
      complaints({{"compositor-demo/shell/shell.cpp", {"compositor-demo/render/renderer.hpp"}}}),
      ElementsAre(HasSubstr("modules do not know each other")));
  EXPECT_THAT(complaints({{"compositor-demo/shell/shell.cpp", {"compositor-demo/app.hpp"}}}),
              ElementsAre(HasSubstr("none of the headers that modules share")));
  EXPECT_THAT(complaints({{"compositor-demo/geometry.hpp", {"compositor-demo/shell/shell.hpp"}}}),
              ElementsAre(HasSubstr("modules do not know each other")));
}

TEST(IncludeRules, RefuseStrangersAtTheTop) {
  EXPECT_THAT(complaints_about_top_level({"calloop", ".clang-format", "src", "build"}),
              ElementsAre(HasSubstr("src has no place")));
}

}  // namespace
}  // namespace layout
