// How many descriptors a process may have open.
#pragma once

#include <sys/resource.h>

namespace demo {

// While it lives this process may have as many as its hard limit says: clients send descriptors.
// That is not for its children, some of which expect every descriptor to fit into an fd_set.
class DescriptorLimit {
 public:
  // Keeps the limit where it cannot be raised.
  DescriptorLimit() noexcept;
  DescriptorLimit(const DescriptorLimit&) = delete;
  DescriptorLimit& operator=(const DescriptorLimit&) = delete;
  // Back to what it was.
  ~DescriptorLimit();

  // What it was.
  rlim_t original() const noexcept { return original_; }

 private:
  rlim_t original_ = 0;
};

// Sets this process's soft limit for as long as it lives: children inherit it. What is open above
// the limit stays open. Does nothing where there is nothing to lower.
class LoweredDescriptorLimit {
 public:
  explicit LoweredDescriptorLimit(rlim_t limit) noexcept;
  LoweredDescriptorLimit(const LoweredDescriptorLimit&) = delete;
  LoweredDescriptorLimit& operator=(const LoweredDescriptorLimit&) = delete;
  ~LoweredDescriptorLimit();

 private:
  rlim_t before_ = 0;
};

}  // namespace demo
