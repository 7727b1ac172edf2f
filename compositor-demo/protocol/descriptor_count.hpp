// How many descriptors this process has open.
#pragma once

#include <cstddef>

namespace demo {

// Counts /proc/self/fd: the lowest free number says nothing about those above it. Without a
// descriptor left to look there, or without /proc, it is the lowest free number, or the limit if
// there is none.
std::size_t open_descriptors() noexcept;

}  // namespace demo
