#include <calloop/errors.hpp>

#include <stdexcept>
#include <string>

namespace calloop {

namespace {
std::string sentence(std::string_view begin, std::string_view end) {
  std::string all = "calloop: ";
  all.append(begin);
  all.append(end);
  return all;
}
}  // namespace

void throw_system_error(std::error_code error, std::string_view what, std::string_view which) {
  throw std::system_error{error, sentence(what, which)};
}

void throw_system_error(int error, std::string_view what, std::string_view which) {
  throw_system_error(std::error_code{error, std::generic_category()}, what, which);
}

void throw_logic_error(std::string_view what, std::string_view why) {
  throw std::logic_error{sentence(what, why)};
}

void throw_invalid_argument(std::string_view what, std::string_view which) {
  throw std::invalid_argument{sentence(what, which)};
}

}  // namespace calloop
