// A well-behaved client in a thread of its own, which draws frame after frame and notices when it
// has to wait for one.
#pragma once

#include <atomic>
#include <filesystem>
#include <string>
#include <thread>

#include "eventually.hpp"

namespace clients {

class Witness {
 public:
  // Its window is on the screen when this returns; it is 40x40 pixels of `colour`. Throws
  // std::runtime_error if that does not happen.
  explicit Witness(const std::filesystem::path& socket);
  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;
  ~Witness() = default;

  static constexpr unsigned colour = 0xff12ab56;

  // The compositor has not disconnected it.
  bool alive() const noexcept { return alive_; }
  // Why it is not alive.
  const std::string& end() const noexcept { return end_; }
  // The longest time it has waited for a frame, also for the one that it waits for now.
  Clock::duration longest_wait() const noexcept;
  unsigned frames() const noexcept { return frames_; }

 private:
  void live(const std::stop_token& stop, const std::filesystem::path& socket) noexcept;

  std::string end_;  // written before alive_ becomes false
  std::atomic<bool> alive_ = true;
  std::atomic<unsigned> frames_ = 0;
  std::atomic<Clock::duration> longest_{Clock::duration::zero()};
  std::atomic<Clock::time_point> last_frame_{Clock::now()};
  std::jthread thread_;
};

}  // namespace clients
