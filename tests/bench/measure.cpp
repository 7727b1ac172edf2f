#include "tests/bench/measure.hpp"

#include <cstdlib>
#include <stdexcept>
#include <string>

#include "tests/command.hpp"

namespace tests {

double cost(const std::string& what, const std::string& peer, const std::string& workload) {
  const std::string command =
      "python3 " BENCH_MEASURE " " BENCH_PROGRAMS " " + what + " " + peer + " " + workload;
  const CommandResult result = run_command(command);
  if (result.status != 0)
    throw std::runtime_error{command + " ended with " + std::to_string(result.status) + ":\n" +
                             result.output};
  return std::strtod(result.output.c_str(), nullptr);
}

double bytes(const std::string& peer, const std::string& workload) {
  return cost("bytes", peer, workload);
}

}  // namespace tests
