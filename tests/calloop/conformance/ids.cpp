// Keeps the list: every id of what calloop and eventp do, and get wrong, is in the name of exactly
// one test of this folder, or in the first column of a table of calloop/docs/differences.md.
#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Key;
using testing::Not;
using testing::Pair;

using Ids = std::set<std::string>;
// How often each one was found.
using Counts = std::map<std::string, int>;

const fs::path root = CALLOOP_SOURCE_ROOT;

std::string read(const fs::path& path) {
  std::ifstream file(path);
  if (!file)
    throw std::runtime_error{"cannot read " + path.string()};
  return {std::istreambuf_iterator<char>(file), {}};
}

// CL: what calloop does, CR: bugs that it has fixed, EP: what eventp does, PL: what their pollers
// do, W: bugs that calloop 0.14.4 has.
Ids all_ids() {
  struct Series {
    std::string name;
    int last;
    std::size_t digits;
  };
  Ids ids;
  for (const Series& series : {Series{"CL", 97, 3}, Series{"CR", 35, 3}, Series{"EP", 50, 3},
                               Series{"PL", 14, 2}, Series{"W", 15, 2}}) {
    for (int i = 1; i <= series.last; ++i) {
      std::string number = std::to_string(i);
      number.insert(0, series.digits - number.size(), '0');
      ids.insert(series.name + "-" + number);
    }
  }
  return ids;
}

// The id that `text` begins with, its letters and digits joined by `joint`; empty if there is none.
std::string id_at(std::string_view text, char joint) {
  const auto letters = std::min(text.find_first_not_of("CELPRW"), text.size());
  const std::string_view series = text.substr(0, letters);
  if (series != "CL" && series != "CR" && series != "EP" && series != "PL" && series != "W")
    return {};
  text.remove_prefix(letters);
  if (!text.starts_with(joint))
    return {};
  text.remove_prefix(1);
  const std::string_view digits =
      text.substr(0, std::min(text.find_first_not_of("0123456789"), text.size()));
  return digits.empty() ? std::string{} : std::string{series} + "-" + std::string{digits};
}

// TEST(Any, CL_001_Name), also where the line is broken, and also of a fixture or with parameters.
Counts ids_of_tests(std::string_view source) {
  Counts ids;
  for (auto at = source.find("TEST"); at != std::string_view::npos; at = source.find("TEST")) {
    source.remove_prefix(at + 4);
    if (source.starts_with("_F") || source.starts_with("_P"))
      source.remove_prefix(2);
    const auto comma = source.find(',');
    if (!source.starts_with('(') || comma == std::string_view::npos)
      continue;
    std::string_view name = source.substr(comma + 1);
    name.remove_prefix(std::min(name.find_first_not_of(" \n"), name.size()));
    if (const std::string id = id_at(name, '_'); !id.empty())
      ++ids[id];
  }
  return ids;
}

// | CL-012, CL-013 | ... |
Ids ids_of_tables(const std::string& document) {
  Ids ids;
  std::istringstream lines{document};
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with('|'))
      continue;
    std::istringstream words{line.substr(1, line.find('|', 1) - 1)};
    for (std::string word; words >> word;) {
      if (const std::string id = id_at(word, '-'); !id.empty())
        ids.insert(id);
    }
  }
  return ids;
}

Counts ids_of_all_tests() {
  Counts ids;
  for (const auto& entry : fs::directory_iterator(root / "tests/calloop/conformance")) {
    if (entry.path().extension() != ".cpp" || entry.path().filename() == "ids.cpp")  // has samples
      continue;
    for (const auto& [id, count] : ids_of_tests(read(entry.path())))
      ids[id] += count;
  }
  return ids;
}

Ids ids_of_differences() {
  return ids_of_tables(read(root / "calloop/docs/differences.md"));
}

TEST(ConformanceIds, TheListIsComplete) {
  EXPECT_EQ(all_ids().size(), 211u);
}

TEST(ConformanceIds, EachIsTestedOrListedAsADifference) {
  const Counts tested = ids_of_all_tests();
  const Ids listed = ids_of_differences();
  Ids missing;
  for (const std::string& id : all_ids()) {
    if (!tested.contains(id) && !listed.contains(id))
      missing.insert(id);
  }
  EXPECT_THAT(missing, IsEmpty());
}

TEST(ConformanceIds, NoneIsTestedTwice) {
  Counts twice = ids_of_all_tests();
  std::erase_if(twice, [](const auto& id) { return id.second == 1; });
  EXPECT_THAT(twice, IsEmpty());
}

TEST(ConformanceIds, NoneIsMadeUp) {
  const Ids known = all_ids();
  for (const auto& [id, count] : ids_of_all_tests())
    EXPECT_THAT(known, Contains(id)) << "in a test's name";
  for (const std::string& id : ids_of_differences())
    EXPECT_THAT(known, Contains(id)) << "in differences.md";
}

// That the four above are not content because they see nothing.
TEST(ConformanceIds, AreFoundWhereTheyAre) {
  EXPECT_THAT(ids_of_tests("TEST(Conformance, CL_001_A) {}\nTEST_F(Fixture,\n       W_02_B) {}\n"
                           "TEST_P(Other, EP_003) {}\nTEST(Conformance, W_02_C) {}\n"),
              ElementsAre(Pair("CL-001", 1), Pair("EP-003", 1), Pair("W-02", 2)));
  EXPECT_THAT(ids_of_tests("// CL_001\nTEST(Conformance, Other_CL_001) {}\n"), IsEmpty());
  EXPECT_THAT(ids_of_tables("CL-001\n| id | what |\n|---|---|\n| CL-002 | as CL-003 |\n"
                            "| CR-004, W-05 | x |\n"),
              ElementsAre("CL-002", "CR-004", "W-05"));
  EXPECT_THAT(ids_of_all_tests(), Contains(Key("CL-001")));
  EXPECT_THAT(ids_of_differences(), AllOf(Contains("CL-020"), Not(Contains("CL-001"))));
}

}  // namespace
