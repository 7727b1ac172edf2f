#include <calloop/token.hpp>

#include <stdexcept>

namespace calloop {

void TokenFactory::throw_too_many_children() {
  throw std::length_error{"calloop: a source can have at most 65535 children"};
}

}  // namespace calloop
