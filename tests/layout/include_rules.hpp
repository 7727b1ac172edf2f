// Which file may include which: the floors of the library, the modules of compositor-demo, and
// the direction in which the folders of the repository depend on each other.
//
// Functions without side effects, so that the rules themselves can be tested with bad samples.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace layout {

struct SourceFile {
  std::string path;                   // from the top of the repository, as in "calloop/poll.hpp"
  std::vector<std::string> includes;  // of ours also from the top; of others as they are written
};

// The targets of the #include lines of `text`, in order; comments do not count.
std::vector<std::string> includes_of(std::string_view text);

// One sentence for each broken rule, naming both files; nothing if all is well.
std::vector<std::string> complaints(const std::vector<SourceFile>& files);

// One sentence for each entry that has no place at the top of the repository.
std::vector<std::string> complaints_about_top_level(const std::vector<std::string>& entries);

}  // namespace layout
