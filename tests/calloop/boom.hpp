// What callbacks of the tests throw.
#pragma once

#include <stdexcept>

namespace tests {

struct Boom : std::runtime_error {
  using runtime_error::runtime_error;
};

}  // namespace tests
