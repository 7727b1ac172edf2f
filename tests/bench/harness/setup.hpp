// What a peer is told when it is made.
#pragma once

#include <cstdint>

namespace bench {

struct Setup {
  bool other_threads = false;  // whether they will wake the loop
  std::int64_t slack_ns = -1;  // by how much timers may be late; -1 for the loop's own choice
};

}  // namespace bench
