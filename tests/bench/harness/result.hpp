// What a workload found out, and that it did what it says.
#pragma once

#include <cstdio>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace bench {

/// Named numbers, printed as one JSON object in one line.
class Result {
 public:
  void add(std::string name, double value) { values_.emplace_back(std::move(name), value); }
  void print() const {
    const char* before = "{";
    for (const auto& [name, value] : values_) {
      std::printf("%s\"%s\": %.3f", before, name.c_str(), value);
      before = ", ";
    }
    std::puts("}");
  }

 private:
  std::vector<std::pair<std::string, double>> values_;
};

/// A workload that was not done as told has no cost worth printing.
inline void verify(bool done, const char* what) {
  if (!done)
    throw std::runtime_error{std::string{"not as it should be: "} + what};
}

}  // namespace bench
