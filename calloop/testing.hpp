// Virtual time and scripted readiness, for tests of modules that take a LoopHandle.
//
//     auto backend = std::make_unique<calloop::TestBackend>();
//     calloop::TestBackend& test = *backend;
//     calloop::EventLoop<Seat> loop{std::move(backend)};
//     Seat seat{loop.handle()};
//     seat.press(KEY_A);
//     loop.dispatch(std::nullopt, seat);   // nothing is ready: the clock moves to the repeat timer
//     EXPECT_EQ(test.now() - start, 600ms);
//
// Descriptors are polled for real, without waiting, so channels, pings, signals and children work
// unchanged; only time is made up.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include <calloop/backend.hpp>
#include <calloop/clock.hpp>
#include <calloop/export.hpp>
#include <calloop/interest.hpp>
#include <calloop/token.hpp>

namespace calloop {

/// A backend whose clock moves only when it is told to, or when the loop would sleep: then it
/// jumps to where the sleep would end. A dispatch that would sleep for ever throws
/// std::logic_error instead.
class CALLOOP_API TestBackend final : public Backend {
 public:
  /// The clock begins at `start`. Throws std::system_error.
  explicit TestBackend(TimePoint start = TimePoint{});
  ~TestBackend() override;

  /// Moves the clock; timers that are due fire in the next dispatch.
  void advance(Duration by) noexcept { now_ += by; }

  /// Makes `fd` a number that stands for a descriptor but need not be one: it is not polled, and
  /// ready only by make_ready(). To be called before it is registered.
  void script(int fd);
  /// The next dispatch reports `readiness` on a scripted descriptor, once, as far as its interest
  /// includes it (errors and hang-ups always). Throws std::logic_error for one that is not
  /// scripted.
  void make_ready(int fd, Readiness readiness);

  [[nodiscard]] int control(int operation, int fd, std::uint32_t bits,
                            Token token) noexcept override;
  std::span<const epoll_event> poll() override;
  std::span<const epoll_event> wait() override;
  std::span<const epoll_event> wait_until(TimePoint until, TimePoint now,
                                          std::optional<Duration> slack) override;
  [[nodiscard]] TimePoint now() const noexcept override { return now_; }
  [[nodiscard]] bool has_real_clock() const noexcept override { return false; }
  void wake() noexcept override { real_->wake(); }
  void acknowledge_wake() noexcept override { real_->acknowledge_wake(); }
  void reopen() override;
  [[nodiscard]] int fd() const noexcept override { return real_->fd(); }

 private:
  struct Scripted {
    bool registered = false;
    std::uint32_t interest = 0;
    std::uint32_t ready = 0;
    Token token;
  };
  void collect();
  std::unique_ptr<Backend> real_;
  TimePoint now_;
  std::unordered_map<int, Scripted> scripted_;
  std::vector<epoll_event> batch_;
};

}  // namespace calloop
