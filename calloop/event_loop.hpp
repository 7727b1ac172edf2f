// The loop that an application runs.
//
//     calloop::EventLoop<App> loop;
//     App app{loop.handle()};      // its modules insert their sources
//     loop.run(app);               // until loop.signal().stop()
//
// The data is lent for the time of each call and handed to the callbacks. An EventLoop<> has none.
//
// One iteration: before_sleep hooks, wait, before_handle_events hooks, synthetic events, descriptor
// events in the kernel's order, expired timers by deadline, idles. An exception that no on_error
// handler takes leaves dispatch(); what it left undone is done by the next one.
#pragma once

#include <algorithm>
#include <atomic>
#include <concepts>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <calloop/backend.hpp>
#include <calloop/clock.hpp>
#include <calloop/core.hpp>
#include <calloop/fwd.hpp>
#include <calloop/loop_handle.hpp>
#include <calloop/loop_signal.hpp>
#include <calloop/observer.hpp>
#include <calloop/source_options.hpp>

namespace calloop {

namespace detail {
/// What dispatch() and its like take: one `Data&`, or nothing where there is no data.
template <class Data, class... D>
concept IsData = (std::is_void_v<Data> && sizeof...(D) == 0) ||
                 (sizeof...(D) == 1 && (std::same_as<Data, D> && ...));
}  // namespace detail

/// Owns every source inserted through its handles, and destroys them with itself. Belongs to the
/// thread that made it: on another one, and after fork(), all but handle() and signal() throws
/// std::logic_error.
/// Destroying it inside one of its own callbacks aborts the program.
template <class Data>
class EventLoop {
 public:
  /// Throws std::system_error when the kernel has no descriptors left.
  explicit EventLoop(std::unique_ptr<Backend> backend = make_epoll_backend())
      : backend_{std::move(backend)}, core_{LoopCore::make(backend_)} {}
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;
  ~EventLoop() {
    stop_->store(true, std::memory_order_relaxed);
    has_ended_ = true;
    core_->shut_down();
  }

  /// To insert sources with: a handle on the whole data, which part() and conversion narrow. May
  /// outlive the loop.
  [[nodiscard]] LoopHandle<Data> handle() const { return LoopHandle<Data>{core_->root_path()}; }

  /// One iteration, which waits for at most `timeout` (nullopt: as long as it takes; zero: not at
  /// all). Throws std::logic_error inside a callback of the same loop, std::system_error when the
  /// wait fails, and what callbacks throw.
  template <class... D>
    requires detail::IsData<Data, D...>
  void dispatch(Timeout timeout, D&... data) {
    core_->dispatch(timeout ? std::max(*timeout, Duration::zero()) : LoopCore::for_ever,
                    address(data...));
  }

  /// Iterates until LoopSignal::stop(), also when that came before.
  template <class... D>
    requires detail::IsData<Data, D...>
  void run(D&... data) {
    while (!is_stopped())
      dispatch(std::nullopt, data...);
  }
  /// The same, and calls `per_iteration`, with the data if it wants it, at the end of each
  /// iteration, also of the one that was told to stop.
  template <class D, class F>
    requires detail::IsData<Data, D> && (std::invocable<F&> || std::invocable<F&, D&>)
  void run(D& data, F per_iteration) {
    run(std::nullopt, data, std::move(per_iteration));
  }
  /// The same, with an iteration at least every `timeout`.
  template <class D, class F>
    requires detail::IsData<Data, D> && (std::invocable<F&> || std::invocable<F&, D&>)
  void run(Timeout timeout, D& data, F per_iteration) {
    while (!is_stopped()) {
      dispatch(timeout, data);
      if constexpr (std::invocable<F&, D&>) {
        per_iteration(data);
      } else {
        per_iteration();
      }
    }
  }
  /// The same for a loop without data.
  template <std::invocable F>
    requires std::is_void_v<Data>
  void run(Timeout timeout, F per_iteration) {
    while (!is_stopped()) {
      dispatch(timeout);
      per_iteration();
    }
  }

  /// Any thread may use what it returns, for as long as it likes.
  [[nodiscard]] LoopSignal signal() const { return {stop_, backend_}; }

  /// For a loop that is a guest in another one: a descriptor, owned by this loop, that is readable
  /// (level-triggered) when dispatch(0) has something to do. The host calls prepare() before it
  /// sleeps.
  [[nodiscard]] int fd() { return core_->fd(); }
  /// Runs idles, then hooks, for what the host's callbacks did, and returns how long one may sleep
  /// before the next dispatch(0) (nullopt: until fd() is readable).
  template <class... D>
    requires detail::IsData<Data, D...>
  [[nodiscard]] Timeout prepare(D&... data) {
    return core_->prepare(address(data...));
  }

  /// How much later than its deadline a timer may fire, so that those that are close to each other
  /// share a wake-up. Zero: as exact as the kernel can, for one more system call per deadline. The
  /// default is 50 microseconds. Never earlier than the deadline.
  void set_timer_slack(Duration slack) { core_->set_timer_slack(slack); }
  /// Watches the callbacks; null for nobody. `observer` must live as long as the loop uses it.
  void set_observer(Observer* observer) { core_->set_observer(observer); }
  /// What becomes of exceptions from sources without a handler of their own, and from idles (for
  /// which the answer does not matter).
  void set_on_error(ErrorHandler handler) { core_->set_on_error(std::move(handler)); }

 private:
  template <class... D>
  [[nodiscard]] static void* address(D&... data) noexcept {
    void* pointer = nullptr;
    ((pointer = const_cast<std::remove_cv_t<D>*>(std::addressof(data))), ...);
    return pointer;
  }
  // Takes the stop: the next run() goes on, but for one in the destructor.
  [[nodiscard]] bool is_stopped() const noexcept {
    return stop_->load(std::memory_order_relaxed) &&
           (has_ended_ || stop_->exchange(false, std::memory_order_acquire));
  }

  std::shared_ptr<Backend> backend_;
  CoreRef core_;
  std::shared_ptr<std::atomic<bool>> stop_ = std::make_shared<std::atomic<bool>>(false);
  bool has_ended_ = false;
};

}  // namespace calloop
