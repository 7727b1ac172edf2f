// Waiting for a condition, never for a time.
#pragma once

#include <chrono>
#include <thread>

namespace clients {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

// Far beyond what anything takes, also with a sanitizer on a busy machine.
inline constexpr std::chrono::seconds patience{20};

// Asks until the answer is yes, or too late.
template <class Condition>
bool eventually(const Condition& condition, Clock::duration limit = patience) {
  const auto deadline = Clock::now() + limit;
  while (!condition()) {
    if (Clock::now() >= deadline)
      return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
  return true;
}

}  // namespace clients
