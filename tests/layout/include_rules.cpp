#include "tests/layout/include_rules.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <sstream>

namespace layout {
namespace {

using namespace std::literals;

constexpr int adapters_floor = 6;

// A name stands for its .hpp and its .cpp, a name that ends in a slash for all that is below.
constexpr std::pair<std::string_view, int> floors[] = {
    // clang-format off
    {"fwd", 0}, {"export", 0}, {"version", 0}, {"clock", 0}, {"fd", 0}, {"interest", 0}, {"token", 0},
    {"block_pool", 0}, {"data_path", 0}, {"errors", 0}, {"idle_queue", 0}, {"owner_thread", 0},
    {"slot_table", 0},
    {"backend", 1}, {"epoll_backend", 1}, {"timer_queue", 1}, {"poll", 1},
    {"host_fd", 1},
    {"post_action", 2}, {"source_options", 2}, {"observer", 2}, {"core", 2},
    {"dispatcher_base", 2}, {"registrations", 2}, {"loop_descriptors", 2},
    {"part", 3}, {"callback", 3}, {"source", 3}, {"composed", 3}, {"dispatcher", 3},
    {"loop_handle", 4}, {"loop_signal", 4}, {"event_loop", 4}, {"scoped_registration", 4},
    {"sources/", 5}, {"builder", 5}, {"remote", 5}, {"testing", 5}, {"async/", 5},
    {"calloop", adapters_floor}, {"adapters/", adapters_floor}, {"examples/", adapters_floor + 1},
    // clang-format on
};

constexpr std::array modules{"session", "input",  "protocol", "shell",
                             "render",  "output", "process"};
constexpr std::array shared_headers{"compositor-demo/options.hpp", "compositor-demo/log.hpp",
                                    "compositor-demo/geometry.hpp", "compositor-demo/picture.hpp"};

// What the library may take from the system: the C++ standard library (no dot in the name), the
// kernel's headers, and these of libc.
constexpr std::array libc_headers{"errno.h",  "fcntl.h",  "malloc.h", "poll.h",  "pthread.h",
                                  "sched.h",  "signal.h", "spawn.h",  "stdio.h", "stdlib.h",
                                  "string.h", "time.h",   "unistd.h"};

constexpr std::array top_level{"calloop",     "compositor-demo",   "protocols", "tests",
                               "meson.build", "meson_options.txt", "README.md", "LICENSE"};
// What .gitignore leaves lying around.
constexpr std::array ignored{"build", "demo.png"};

template <class Range>
bool contains(const Range& range, std::string_view value) {
  return std::find(std::begin(range), std::end(range), value) != std::end(range);
}

bool below(std::string_view path, std::string_view folder) {
  return path.starts_with(folder) && path.substr(folder.size()).starts_with('/');
}

bool is_header(std::string_view path) {
  return path.ends_with(".hpp");
}

std::optional<int> floor_of(std::string_view path) {
  path.remove_prefix("calloop/"sv.size());
  const std::string_view name = path.substr(0, path.find_last_of('.'));
  for (const auto& [entry, floor] : floors) {
    if (entry.ends_with('/') ? path.starts_with(entry) : name == entry) {
      return floor;
    }
  }
  return std::nullopt;
}

// The module that a file of compositor-demo belongs to, if it is in one.
std::optional<std::string_view> module_of(std::string_view path) {
  for (const std::string_view module : modules) {
    if (below(path, "compositor-demo/" + std::string(module))) {
      return module;
    }
  }
  return std::nullopt;
}

bool belongs_to_system(std::string_view include) {
  return include.find('.') == std::string_view::npos || include.starts_with("sys/") ||
         include.starts_with("linux/") || include.starts_with("asm/") ||
         contains(libc_headers, include);
}

std::string file_includes(const SourceFile& file, std::string_view include) {
  return file.path + " includes " + std::string(include) + ": ";
}

void check_library(const SourceFile& file, std::vector<std::string>& out) {
  const std::optional<int> floor = floor_of(file.path);
  if (!floor) {
    out.push_back(file.path + " stands on no floor: give it one in tests/layout");
    return;
  }
  const bool adapter = below(file.path, "calloop/adapters");
  const bool example = below(file.path, "calloop/examples");
  for (const std::string& include : file.includes) {
    if (below(include, "compositor-demo") || below(include, "tests")) {
      out.push_back(file_includes(file, include) + "the library knows nothing of its users");
    } else if (below(include, "calloop")) {
      const std::optional<int> other = floor_of(include);
      if (file.path == "calloop/fwd.hpp") {
        out.push_back(file_includes(file, include) + "fwd.hpp includes nothing of ours");
      } else if (below(include, "calloop/adapters") && !adapter && !example) {
        out.push_back(file_includes(file, include) + "only an adapter includes adapters");
      } else if (other && is_header(file.path) && *other > *floor) {
        out.push_back(file_includes(file, include) + "floor " + std::to_string(*floor) +
                      " includes floor " + std::to_string(*other));
      }
    } else if (!adapter && !example && !belongs_to_system(include)) {
      out.push_back(file_includes(file, include) +
                    "outside of adapters the library needs only libc and libstdc++");
    }
  }
}

void check_demo(const SourceFile& file, std::vector<std::string>& out) {
  const std::optional<std::string_view> module = module_of(file.path);
  const bool wiring =
      file.path.starts_with("compositor-demo/app.") || file.path == "compositor-demo/main.cpp";
  for (const std::string& include : file.includes) {
    if (below(include, "tests")) {
      out.push_back(file_includes(file, include) + "the product knows nothing of its tests");
    }
    if (!below(include, "compositor-demo") || contains(shared_headers, include) || wiring) {
      continue;
    }
    const std::optional<std::string_view> other = module_of(include);
    if (!other) {
      out.push_back(file_includes(file, include) + "it is none of the headers that modules share");
    } else if (module != other) {
      out.push_back(file_includes(file, include) +
                    "modules do not know each other; app and main connect them");
    }
  }
}

// Depth first along the includes of our headers; a header met again on the way down is a circle.
class CircleSearch {
 public:
  explicit CircleSearch(const std::vector<SourceFile>& files) {
    for (const SourceFile& file : files) {
      files_.emplace(file.path, &file);
    }
  }

  void search(const std::string& path, std::vector<std::string>& out) {
    const auto file = files_.find(path);
    if (file == files_.end() || done_.contains(path)) {
      return;
    }
    const auto met = std::find(way_.begin(), way_.end(), path);
    if (met != way_.end()) {
      std::string circle = "includes go in a circle: ";
      for (auto step = met; step != way_.end(); ++step) {
        circle += *step + " -> ";
      }
      out.push_back(circle + path);
      return;
    }
    way_.push_back(path);
    for (const std::string& include : file->second->includes) {
      search(include, out);
    }
    way_.pop_back();
    done_.insert(path);
  }

 private:
  std::map<std::string, const SourceFile*> files_;
  std::set<std::string> done_;
  std::vector<std::string> way_;
};

}  // namespace

std::vector<std::string> includes_of(std::string_view text) {
  static const std::regex include(R"(^\s*#\s*include\s*[<"]([^>"]+)[>"])");
  std::vector<std::string> result;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (std::regex_search(line, match, include)) {
      result.push_back(match[1]);
    }
  }
  return result;
}

std::vector<std::string> complaints(const std::vector<SourceFile>& files) {
  std::vector<std::string> out;
  CircleSearch circles(files);
  for (const SourceFile& file : files) {
    if (below(file.path, "calloop")) {
      check_library(file, out);
    } else if (below(file.path, "compositor-demo")) {
      check_demo(file, out);
    }
    circles.search(file.path, out);
  }
  return out;
}

std::vector<std::string> complaints_about_top_level(const std::vector<std::string>& entries) {
  std::vector<std::string> out;
  for (const std::string& entry : entries) {
    if (!entry.starts_with('.') && !contains(top_level, entry) && !contains(ignored, entry)) {
      out.push_back(entry + " has no place at the top of the repository");
    }
  }
  return out;
}

}  // namespace layout
