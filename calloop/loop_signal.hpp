// Stops or wakes a loop, from anywhere.
//
//     const calloop::LoopSignal signal = loop.signal();
//     std::jthread worker{[signal] { work(); signal.stop(); }};
//     loop.run(app);
#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include <calloop/backend.hpp>
#include <calloop/fwd.hpp>

namespace calloop {

/// Copyable, usable from any thread and from signal handlers, harmless once the loop is gone.
class LoopSignal {
 public:
  /// Makes run() return after the iteration it is in; a run() that has not begun returns at once.
  /// One call ends one run().
  void stop() const noexcept {
    stop_->store(true, std::memory_order_release);
    backend_->wake();
  }
  /// Ends the present wait of the loop, or its next one. Calls in between are one.
  void wakeup() const noexcept { backend_->wake(); }

 private:
  template <class>
  friend class EventLoop;
  LoopSignal(std::shared_ptr<std::atomic<bool>> stop, std::shared_ptr<Backend> backend) noexcept
      : stop_{std::move(stop)}, backend_{std::move(backend)} {}
  std::shared_ptr<std::atomic<bool>> stop_;
  std::shared_ptr<Backend> backend_;
};

}  // namespace calloop
