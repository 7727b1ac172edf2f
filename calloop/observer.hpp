// Watches a loop at work: slow callbacks, statistics, traces.
//
//     struct Watchdog final : calloop::Observer {
//       void callback_begins(std::string_view source) noexcept override { begin_ = Clock::now(); }
//       void callback_ended(std::string_view source) noexcept override {
//         if (Clock::now() - begin_ > 5ms) std::clog << source << " is slow\n";
//       }
//       TimePoint begin_;
//     };
//     Watchdog watchdog;
//     loop.set_observer(&watchdog);
//
// Without an observer the loop pays one predictable branch per event.
#pragma once

#include <string_view>

#include <calloop/export.hpp>

namespace calloop {

/// Told by the loop, on its thread. `source` is the name given at insertion, else the type of the
/// source; valid during the call.
class CALLOOP_API Observer {
 public:
  virtual ~Observer();
  /// Events of `source` are about to be processed.
  virtual void callback_begins(std::string_view source) noexcept;
  /// They have been, normally or by an exception.
  virtual void callback_ended(std::string_view source) noexcept;
  /// The kernel kept reporting a descriptor that no source owns any more (it was closed while
  /// registered, and a duplicate of it lives). The loop has started over with a new epoll; the
  /// descriptor is in the code that owned it to be found.
  virtual void registrations_rebuilt() noexcept;
};

}  // namespace calloop
