// Runs closures on the loop's thread, from any other one.
//
//     const RemoteHandle<App> remote = remote_endpoint(loop.handle());
//     std::jthread worker{[remote] {
//       remote.post([](App& app) { app.progress(50); });            // runs some time later
//       const int left = remote.call([](App& app) { return app.left(); });   // waits for it
//     }};
//
// Closures ask for what they want as callbacks do: the data, or a part of it, or a LoopHandle. They
// run in the order in which they were sent; a flood of them does not starve the other sources:
// after 1024 the rest waits for the next iteration. Any number of them costs one system call for as
// long as the loop has not looked at the first.
//
// A loop that is not run answers nobody: call() waits until somebody runs it or it is destroyed. So
// join threads that call after the loop is gone, or while it runs, and never between: declare the
// std::jthread ahead of the EventLoop, or an exception out of run() waits for it for ever.
#pragma once

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <future>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include <calloop/callback.hpp>
#include <calloop/clock.hpp>
#include <calloop/loop_handle.hpp>
#include <calloop/source_options.hpp>
#include <calloop/sources/channel.hpp>
#include <calloop/token.hpp>

namespace calloop {

/// The loop is gone, or its endpoint was removed: a call cannot be answered any more.
class LoopGone : public std::runtime_error {
 public:
  LoopGone() : std::runtime_error{"calloop: the event loop is gone, or takes no remote calls"} {}
};

namespace detail {

struct NoEvent {};

template <class Data, class F>
decltype(auto) call_remote(F f, const LoopHandle<Data>& loop) {
  NoEvent none;
  return Callback<F, NoEvent, void, Data>{std::move(f), loop}(none, nullptr);
}

template <class Data, class F>
using RemoteResult = std::decay_t<decltype(call_remote<Data>(
    std::declval<F>(), std::declval<const LoopHandle<Data>&>()))>;

// A closure of any type on its way to the loop: small ones are in it, others on the heap.
template <class Data>
class RemoteTask {
 public:
  template <class F>
    requires(!std::same_as<std::remove_cvref_t<F>, RemoteTask>)
  explicit RemoteTask(F f) {
    if constexpr (sizeof(F) <= sizeof(closure_) && alignof(F) <= alignof(void*) &&
                  std::is_nothrow_move_constructible_v<F>) {
      ::new (static_cast<void*>(closure_)) F(std::move(f));
      actor_ = &actor_of<F>;
    } else {
      ::new (static_cast<void*>(closure_)) Boxed<F>{std::make_unique<F>(std::move(f))};
      actor_ = &actor_of<Boxed<F>>;
    }
  }
  RemoteTask(RemoteTask&& other) noexcept : actor_{other.actor_} {
    if (actor_->move == nullptr)
      std::memcpy(closure_, other.closure_, sizeof closure_);
    else
      actor_->move(other.closure_, closure_);
  }
  RemoteTask& operator=(RemoteTask&&) = delete;
  ~RemoteTask() {
    if (actor_->destroy != nullptr)
      actor_->destroy(closure_);
  }
  /// Calls the closure, once.
  void run(const LoopHandle<Data>& loop) { actor_->run(closure_, loop); }

 private:
  struct Actor {
    void (*run)(void* closure, const LoopHandle<Data>& loop);
    void (*move)(void* from, void* to) noexcept;  // null: its bytes are all there is to move
    void (*destroy)(void* closure) noexcept;      // null: nothing is to be done
  };
  template <class F>
  struct Boxed {
    std::unique_ptr<F> f;
  };
  template <class F>
  static void call(F& f, const LoopHandle<Data>& loop) {
    static_cast<void>(call_remote<Data>(std::move(f), loop));
  }
  template <class F>
  static void call(Boxed<F>& boxed, const LoopHandle<Data>& loop) {
    call(*boxed.f, loop);
  }
  template <class F>
  static void run_one(void* closure, const LoopHandle<Data>& loop) {
    call(*static_cast<F*>(closure), loop);
  }
  template <class F>
  static void move_one(void* from, void* to) noexcept {
    ::new (to) F(std::move(*static_cast<F*>(from)));
  }
  template <class F>
  static void destroy_one(void* closure) noexcept {
    static_cast<F*>(closure)->~F();
  }
  template <class F>
  static constexpr Actor actor_of{&run_one<F>,
                                  std::is_trivially_copyable_v<F> ? nullptr : &move_one<F>,
                                  std::is_trivially_destructible_v<F> ? nullptr : &destroy_one<F>};

  const Actor* actor_;
  alignas(void*) std::byte closure_[48];
};

// Begun by the loop or given up by the caller, whoever is first.
enum class RemoteState : std::uint8_t { Waiting, Begun, GivenUp };

}  // namespace detail

template <class Data>
class RemoteHandle;

/// Inserts the receiving end into the loop of `loop`. It is removed when the last copy of what is
/// returned is gone, or by its token(). Throws as LoopHandle::insert_source(), and
/// std::system_error when there is no eventfd to be had. To be called on the loop's thread.
template <class Data>
[[nodiscard]] RemoteHandle<Data> remote_endpoint(const LoopHandle<Data>& loop,
                                                 SourceOptions options = {.name = "remote calls"});

/// The sending end. Copyable; any thread, also after the loop is gone. What is called is moved to
/// the loop's thread, and destroyed there, or here if the loop is gone.
template <class Data>
class RemoteHandle {
 public:
  /// Runs `f` on the loop's thread; never waits. False when the loop is gone; true says that it was
  /// sent, and a loop that goes before it looks destroys `f`. An exception of `f` is one of the
  /// endpoint's callback: its on_error handler, else out of dispatch(). Throws std::bad_alloc.
  template <class F>
  bool post(F f) const {
    return tasks_.send(std::move(f));
  }
  /// The same, with a future for what `f` returns or throws; LoopGone when the loop is gone, or
  /// goes first. Waiting for it on the loop's own thread waits for ever. Throws std::bad_alloc.
  template <class F>
  [[nodiscard]] auto async(F f) const {
    return start(std::move(f)).future;
  }
  /// Runs `f` on the loop's thread, waits, and returns or throws what it did. Throws LoopGone when
  /// the loop is gone or goes, std::logic_error on the loop's own thread, where it would wait for
  /// itself, and std::bad_alloc.
  template <class F>
  auto call(F f) const {
    refuse_on_loop_thread();
    return start(std::move(f)).future.get();
  }
  /// The same, but gives up when `f` has not begun after `timeout` (no value, or false for a void
  /// `f`): then it never runs. Waits for one that has begun. Duration::max() is for ever.
  template <class F>
  auto call_for(Duration timeout, F f) const {
    refuse_on_loop_thread();
    const TimePoint end = saturating_add(Clock::now(), timeout);
    auto started = start(std::move(f));
    using Result = decltype(started.future.get());
    const bool given_up =
        started.future.wait_until(end) != std::future_status::ready && give_up(*started.state);
    if constexpr (std::is_void_v<Result>) {
      if (given_up)
        return false;
      started.future.get();
      return true;
    } else {
      return given_up ? std::nullopt : std::optional<Result>{started.future.get()};
    }
  }
  /// The endpoint in the loop: LoopHandle::disable() lets closures wait, remove() is to them as if
  /// the loop were gone.
  [[nodiscard]] RegistrationToken token() const noexcept { return token_; }

 private:
  friend RemoteHandle<Data> remote_endpoint<Data>(const LoopHandle<Data>&, SourceOptions);
  using Task = detail::RemoteTask<Data>;
  using State = std::atomic<detail::RemoteState>;

  template <class F, class Result>
  class Called {
   public:
    explicit Called(F f) : f_{std::move(f)} {}
    Called(const Called&) = delete;
    Called& operator=(const Called&) = delete;
    // Whoever waits is told, if nobody has called us.
    ~Called() {
      if (!answered_)
        promise_.set_exception(std::make_exception_ptr(LoopGone{}));
    }
    [[nodiscard]] std::future<Result> future() { return promise_.get_future(); }
    [[nodiscard]] std::shared_ptr<State> state() const noexcept { return state_; }
    void run(const LoopHandle<Data>& loop) {
      auto waiting = detail::RemoteState::Waiting;
      if (!state_->compare_exchange_strong(waiting, detail::RemoteState::Begun))
        return;
      answered_ = true;
      try {
        if constexpr (std::is_void_v<Result>) {
          detail::call_remote<Data>(std::move(f_), loop);
          promise_.set_value();
        } else {
          promise_.set_value(detail::call_remote<Data>(std::move(f_), loop));
        }
      } catch (...) {
        promise_.set_exception(std::current_exception());
      }
    }

   private:
    F f_;
    std::promise<Result> promise_;
    std::shared_ptr<State> state_ = std::make_shared<State>(detail::RemoteState::Waiting);
    bool answered_ = false;
  };
  template <class Result>
  struct Started {
    std::future<Result> future;
    std::shared_ptr<State> state;
  };

  RemoteHandle(Sender<Task> tasks, RegistrationToken token) noexcept
      : tasks_{std::move(tasks)}, token_{token} {}

  // A task that cannot be sent is destroyed, and answers so.
  template <class F>
  [[nodiscard]] auto start(F f) const {
    using Result = detail::RemoteResult<Data, F>;
    auto called = std::make_unique<Called<F, Result>>(std::move(f));
    Started<Result> started{called->future(), called->state()};
    static_cast<void>(
        post([called = std::move(called)](const LoopHandle<Data>& loop) { called->run(loop); }));
    return started;
  }
  [[nodiscard]] static bool give_up(State& state) noexcept {
    auto waiting = detail::RemoteState::Waiting;
    return state.compare_exchange_strong(waiting, detail::RemoteState::GivenUp);
  }
  void refuse_on_loop_thread() const {
    if (tasks_.is_receiving_thread())
      throw std::logic_error{"calloop: a remote call on the loop's own thread waits for itself"};
  }

  Sender<Task> tasks_;
  RegistrationToken token_;
};

template <class Data>
RemoteHandle<Data> remote_endpoint(const LoopHandle<Data>& loop, SourceOptions options) {
  using Task = detail::RemoteTask<Data>;
  auto [sender, channel] = make_channel<Task>();
  const RegistrationToken token = loop.insert_source(
      std::move(channel),
      [](std::optional<Task>& task, const LoopHandle<Data>& handle) {
        if (task)
          task->run(handle);
      },
      std::move(options));
  return RemoteHandle<Data>{std::move(sender), token};
}

}  // namespace calloop
