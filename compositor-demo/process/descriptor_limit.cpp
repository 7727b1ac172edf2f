#include "compositor-demo/process/descriptor_limit.hpp"

namespace demo {
namespace {

rlimit current() noexcept {
  rlimit limit{RLIM_INFINITY, RLIM_INFINITY};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return limit;
}

void set_soft(rlim_t soft) noexcept {
  rlimit limit = current();
  if (limit.rlim_cur == soft || soft > limit.rlim_max)
    return;
  limit.rlim_cur = soft;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

DescriptorLimit::DescriptorLimit() noexcept {
  const rlimit limit = current();
  original_ = limit.rlim_cur;
  set_soft(limit.rlim_max);
}

DescriptorLimit::~DescriptorLimit() {
  set_soft(original_);
}

LoweredDescriptorLimit::LoweredDescriptorLimit(rlim_t limit) noexcept
    : before_{current().rlim_cur} {
  if (limit < before_)
    set_soft(limit);
}

LoweredDescriptorLimit::~LoweredDescriptorLimit() {
  set_soft(before_);
}

}  // namespace demo
