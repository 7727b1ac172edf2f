// What a program of the benchmark is asked to do: WORKLOAD key=number...
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>

namespace bench {

/// The numbers behind the workload's name. Throws std::invalid_argument for what is no number.
class Arguments {
 public:
  Arguments(int argc, char** argv) {
    for (int i = 2; i < argc; ++i) {
      const std::string argument = argv[i];
      const auto equals = argument.find('=');
      if (equals == std::string::npos)
        throw std::invalid_argument{argument + " is not key=number"};
      values_[argument.substr(0, equals)] = std::stoll(argument.substr(equals + 1));
    }
  }

  /// Each workload asks for all that it knows before it starts.
  [[nodiscard]] std::int64_t number(const std::string& key, std::int64_t otherwise) {
    const auto found = values_.find(key);
    if (found == values_.end())
      return otherwise;
    const std::int64_t value = found->second;
    values_.erase(found);
    return value;
  }
  [[nodiscard]] std::size_t size(const std::string& key, std::size_t otherwise) {
    return static_cast<std::size_t>(number(key, static_cast<std::int64_t>(otherwise)));
  }
  /// Throws if something was given that nobody asked for.
  void expect_no_more() const {
    if (!values_.empty())
      throw std::invalid_argument{"this workload knows no " + values_.begin()->first};
  }

 private:
  std::map<std::string, std::int64_t> values_;
};

}  // namespace bench
