// Access to the loop for code that works on a part of the application's data.
//
//     class Seat {
//      public:
//       explicit Seat(calloop::LoopHandle<Seat> loop) : loop_{std::move(loop)} {
//         loop_.insert_source(calloop::Timer::after(5ms), [](Seat& seat) { seat.repeat(); });
//       }
//       void repeat();
//
//      private:
//       calloop::LoopHandle<Seat> loop_;
//     };
//
// A handle narrows, never widens: LoopHandle<App> gives LoopHandle<Seat> by `part<&App::seat>()`
// and converts to a handle on a base class of App, or on no data, LoopHandle<>. Handles are cheap
// to copy, may outlive the loop, and belong to the loop's thread: what changes the loop throws
// std::logic_error on another one.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

#include <calloop/callback.hpp>
#include <calloop/core.hpp>
#include <calloop/data_path.hpp>
#include <calloop/dispatcher.hpp>
#include <calloop/fwd.hpp>
#include <calloop/part.hpp>
#include <calloop/source.hpp>
#include <calloop/source_options.hpp>
#include <calloop/token.hpp>

namespace calloop {

/// An idle that was inserted; lets it be cancelled. Copyable, harmless once it has run.
class Idle {
 public:
  Idle() noexcept = default;
  /// Destroys the closure, if it has not begun to run, and says whether it did. Dropping the Idle
  /// instead does nothing.
  bool cancel() const noexcept { return core_.get() != nullptr && core_->cancel_idle(place_); }

 private:
  template <class>
  friend class LoopHandle;
  Idle(CoreRef core, const IdleQueue::Place& place) noexcept
      : core_{std::move(core)}, place_{place} {}
  CoreRef core_;  // has the memory
  IdleQueue::Place place_;
};

/// A reference to a loop, and to the part of its data that callbacks inserted through it are given.
/// `void` is no data.
template <class Data>
class LoopHandle {
 public:
  LoopHandle(const LoopHandle& other) noexcept : LoopHandle{other.path_} {}
  LoopHandle& operator=(const LoopHandle& other) noexcept {
    other.path_->core->add_reference();
    std::exchange(path_, other.path_)->core->drop_reference();
    return *this;
  }
  ~LoopHandle() { path_->core->drop_reference(); }

  /// Narrows: the same loop, seen by code that knows only `Data` of the whole.
  template <class Whole>
    requires(!std::same_as<Whole, Data> && HasPart<Whole, Data>)
  LoopHandle(const LoopHandle<Whole>& whole) : LoopHandle{narrowed(whole.path_, step<Whole>())} {}
  /// A handle on a part never becomes one on the whole.
  template <class Part>
    requires(!std::same_as<Part, Data> && !HasPart<Part, Data>)
  LoopHandle(const LoopHandle<Part>&) = delete;  // calloop: a handle narrows, it never widens

  /// The same loop for a module that is a member of the data: `handle.part<&App::seat>()`.
  template <auto Member>
    requires MemberOf<Member, Data>
  [[nodiscard]] auto part() const {
    using Part = std::remove_cvref_t<std::invoke_result_t<decltype(Member), Data&>>;
    return LoopHandle<Part>{narrowed(path_, &detail::member_step<Data, Member>)};
  }

  /// Gives `source` to the loop, which calls `callback` for its events from the next iteration on:
  /// see callback.hpp for what a callback may ask for. The loop owns both until the source is
  /// removed. Throws std::system_error naming the call and the source when it cannot be
  /// registered, and std::logic_error on a loop that is gone; source and callback are destroyed
  /// then, and nothing is left behind. While the loop is being destroyed it returns an empty token.
  template <EventSource S, class F>
  RegistrationToken insert_source(S source, F callback) const {
    return core().insert(make<S, F>(std::move(source), std::move(callback)), nullptr);
  }
  template <EventSource S, class F>
  RegistrationToken insert_source(S source, F callback, SourceOptions options) const {
    return core().insert(make<S, F>(std::move(source), std::move(callback)), &options);
  }

  /// Puts a source and its callback together without inserting them.
  template <EventSource S, class F>
  [[nodiscard]] Dispatcher<S> make_dispatcher(S source, F callback) const {
    return Dispatcher<S>{CoreRef{&core()}, make<S, F>(std::move(source), std::move(callback))};
  }
  /// insert_source() for a Dispatcher, which stays with the caller, also when it throws. Throws
  /// std::logic_error when it is inserted already.
  template <class S>
  RegistrationToken register_dispatcher(const Dispatcher<S>& dispatcher) const {
    return core().insert(dispatcher.dispatcher_, nullptr);
  }
  template <class S>
  RegistrationToken register_dispatcher(const Dispatcher<S>& dispatcher,
                                        SourceOptions options) const {
    return core().insert(dispatcher.dispatcher_, &options);
  }

  // The next four may be called at any time, from any callback, on any source, and return false
  // when the source is gone. On the source whose code is running they take effect when that code
  // has returned; on others at once. They throw std::logic_error for a token of another loop.

  /// Unregisters the source and destroys it with its callback. Nothing that was queued for it is
  /// delivered. Never throws but for another thread.
  bool remove(RegistrationToken token) const { return core().remove(token); }
  /// Unregisters the source, which stays in the loop. No effect on a disabled one. Throws
  /// std::system_error when that fails; it is disabled all the same.
  bool disable(RegistrationToken token) const { return core().disable(token); }
  /// Registers a disabled source again. No effect on an enabled one. Throws std::system_error; it
  /// is still disabled then.
  bool enable(RegistrationToken token) const { return core().enable(token); }
  /// Registers the source anew, after its interest or deadline was changed. No effect on a
  /// disabled one. Throws std::system_error; the source is disabled then.
  bool update(RegistrationToken token) const { return core().update(token); }

  /// Runs `callback` once, at the end of this iteration of the loop, or of the next one when it is
  /// inserted by another idle; it may ask for the data or a handle. A waiting idle keeps the loop
  /// from sleeping. Throws std::logic_error on a loop that is gone.
  template <class F>
  Idle insert_idle(F callback) const {
    detail::check_callback<F, NoEvent, void, Data>();
    LoopCore& loop = core();
    const IdleQueue::Place place = loop.insert_idle(IdleClosure<F>{std::move(callback), *this});
    return {CoreRef{&loop}, place};
  }

  /// The loop's clock: the manual one under a test backend. For deadlines.
  [[nodiscard]] TimePoint now() const noexcept { return core().now(); }
  /// How many sources are in the loop, enabled or disabled.
  [[nodiscard]] std::size_t source_count() const noexcept { return core().source_count(); }
  /// Whether both are handles on the same loop.
  template <class Other>
  [[nodiscard]] bool same_loop(const LoopHandle<Other>& other) const noexcept {
    return path_->core == other.path_->core;
  }

 private:
  template <class>
  friend class LoopHandle;
  template <class>
  friend class EventLoop;
  template <class, class, class, class>
  friend class detail::Callback;
  template <class, class, class>
  friend class detail::SourceDispatcher;
  friend class ScopedRegistration;

  struct NoEvent {};
  template <class F>
  class IdleClosure {
   public:
    IdleClosure(F callback, const LoopHandle& loop) : callback_{std::move(callback), loop} {}
    void operator()() {
      NoEvent none;
      callback_(none, nullptr);
    }

   private:
    detail::Callback<F, NoEvent, void, Data> callback_;
  };

  explicit LoopHandle(const DataPath* path) noexcept : path_{path} { path_->core->add_reference(); }
  template <class Whole>
  [[nodiscard]] static constexpr auto step() noexcept -> void* (*)(void*) noexcept {
    if constexpr (std::is_void_v<Data>) {
      return nullptr;
    } else {
      return &detail::part_step<Whole, Data>;
    }
  }
  [[nodiscard]] static const DataPath* narrowed(const DataPath* from,
                                                void* (*step)(void*) noexcept) {
    return step == nullptr ? from : from->core->path(from, step);
  }
  template <class S, class F>
  [[nodiscard]] DispatcherRef make(S&& source, F&& callback) const {
    detail::check_callback<F, typename S::Event, typename S::Metadata, Data>();
    return detail::SourceDispatcher<S, F, Data>::make(std::forward<S>(source),
                                                      std::forward<F>(callback), *this);
  }
  [[nodiscard]] LoopCore& core() const noexcept { return *path_->core; }
  [[nodiscard]] std::add_lvalue_reference_t<Data> data() const noexcept
    requires(!std::is_void_v<Data>)
  {
    return *static_cast<Data*>(path_->resolved);
  }

  const DataPath* path_;
};

}  // namespace calloop
