#include "tests/bench/measure.hpp"

#include <cstdlib>
#include <stdexcept>
#include <string>

#include "tests/command.hpp"

namespace tests {

namespace {

std::string checked(const std::string& command) {
  const CommandResult result = run_command(command);
  if (result.status != 0)
    throw std::runtime_error{command + " ended with " + std::to_string(result.status) + ":\n" +
                             result.output};
  return result.output;
}

std::string workload(const std::string& arguments) {
  return std::string{CALLOOP_WORKLOAD " "} + arguments;
}

double number_after(const std::string& text, const std::string& label) {
  const auto at = text.find(label);
  if (at == std::string::npos)
    throw std::runtime_error{"no \"" + label + "\" in:\n" + text};
  return std::strtod(text.c_str() + at + label.size(), nullptr);
}

double instructions(const std::string& arguments) {
  return number_after(
      checked("valgrind --tool=callgrind --callgrind-out-file=/dev/null " + workload(arguments)),
      "Collected :");
}

// The number of calls in the last line of strace's table, "100.00 0.1 2 1234 total".
double system_calls(const std::string& arguments) {
  const std::string table = checked("strace -f -c -U calls,name " + workload(arguments));
  const auto total = table.rfind("total");
  if (total == std::string::npos)
    throw std::runtime_error{"no total in:\n" + table};
  const auto line = table.rfind('\n', total);
  return std::strtod(table.c_str() + line, nullptr);
}

}  // namespace

double instructions_per_iteration(const char* loop, int fds) {
  const std::string arguments = std::string{loop} + " " + std::to_string(fds) + " ";
  return (instructions(arguments + "2000") - instructions(arguments + "1000")) / 1000;
}

double system_calls_per_idle_iteration() {
  return (system_calls("idle 2000") - system_calls("idle 1000")) / 1000;
}

double bytes_per_fd_source() {
  return std::strtod(checked(workload("fd-bytes 768")).c_str(), nullptr);
}

double bytes_per_timer() {
  return std::strtod(checked(workload("timer-bytes 12288")).c_str(), nullptr);
}

}  // namespace tests
