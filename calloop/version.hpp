// Which calloop a program is compiled with.
//
//     #if CALLOOP_VERSION < 100  // before 0.1.0
//     #error "calloop is too old"
//     #endif
//     std::puts(calloop::version);
//
// The build refuses to go on when these numbers are not the project's. There is no stable ABI
// before 1.0: the soname changes with every 0.x.
#pragma once

#define CALLOOP_VERSION_MAJOR 0
#define CALLOOP_VERSION_MINOR 1
#define CALLOOP_VERSION_PATCH 0

// One number to compare: major * 10000 + minor * 100 + patch.
#define CALLOOP_VERSION \
  (CALLOOP_VERSION_MAJOR * 10000 + CALLOOP_VERSION_MINOR * 100 + CALLOOP_VERSION_PATCH)

namespace calloop {

// "0.1.0".
inline constexpr char version[] = "0.1.0";

}  // namespace calloop
