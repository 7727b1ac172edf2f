// Whether this is a build with AddressSanitizer, which keeps memory that was freed; and, as we
// build it, with UndefinedBehaviorSanitizer, which needs descriptors to look at what a pointer
// points to.
#pragma once

namespace tests {

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool address_sanitizer = true;
#elif defined(__has_feature)
inline constexpr bool address_sanitizer = __has_feature(address_sanitizer);
#else
inline constexpr bool address_sanitizer = false;
#endif

}  // namespace tests
