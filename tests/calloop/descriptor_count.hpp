// How many descriptors this process has open, to find leaks.
#pragma once

#include <cstddef>
#include <filesystem>
#include <iterator>

namespace tests {

[[nodiscard]] inline std::ptrdiff_t descriptor_count() {
  using Iterator = std::filesystem::directory_iterator;
  return std::distance(Iterator{"/proc/self/fd"}, Iterator{});
}

}  // namespace tests
