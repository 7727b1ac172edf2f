// A source together with its callback, kept reachable after insertion.
//
//     Dispatcher<Generic<Socket>> connection =
//         loop.make_dispatcher(Generic{std::move(socket), interest().read()}, on_readable);
//     const RegistrationToken token = loop.register_dispatcher(connection);
//
//     connection->set_interest(interest().read().write());
//     loop.update(token);
//
// Also the way to keep a source whose insertion fails. A callback that owns a Dispatcher of its own
// source keeps itself alive, for ever: let it capture a pointer, `source = &*connection`.
#pragma once

#include <concepts>
#include <new>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <type_traits>
#include <utility>

#include <calloop/block_pool.hpp>
#include <calloop/callback.hpp>
#include <calloop/core.hpp>
#include <calloop/dispatcher_base.hpp>
#include <calloop/fwd.hpp>
#include <calloop/source.hpp>

namespace calloop {

namespace detail {

// The name of a type as the compiler spells it.
template <class T>
[[nodiscard]] constexpr std::string_view name_of_type() noexcept {
  std::string_view text = __PRETTY_FUNCTION__;
  text.remove_prefix(text.find("T = ") + 4);
  return text.substr(0, text.find_first_of(";]"));
}

template <class S>
class TypedDispatcher : public DispatcherBase {
 public:
  explicit TypedDispatcher(S&& source)
      : DispatcherBase{HasBeforeSleep<S> || HasBeforeHandleEvents<S>}, source_{std::move(source)} {}
  [[nodiscard]] S& source() noexcept { return source_; }

  void register_with(Poll& poll, TokenFactory& tokens) override {
    source_.register_with(poll, tokens);
  }
  void reregister_with(Poll& poll, TokenFactory& tokens) override {
    source_.reregister_with(poll, tokens);
  }
  void unregister_from(Poll& poll) override { source_.unregister_from(poll); }
  std::optional<SyntheticEvent> before_sleep() override {
    if constexpr (HasBeforeSleep<S>) {
      return source_.before_sleep();
    } else {
      return {};
    }
  }
  void before_handle_events([[maybe_unused]] Events events) override {
    if constexpr (HasBeforeHandleEvents<S>)
      source_.before_handle_events(events);
  }
  [[nodiscard]] std::string_view type_name() const noexcept override { return name_of_type<S>(); }

 protected:
  ~TypedDispatcher() = default;
  S source_;
};

template <class S, class F, class Data>
class SourceDispatcher final : public TypedDispatcher<S> {
  using Event = typename S::Event;
  using Metadata = typename S::Metadata;
  using Ret = typename S::Ret;

 public:
  SourceDispatcher(S&& source, F&& callback, const LoopHandle<Data>& loop)
      : TypedDispatcher<S>{std::move(source)}, callback_{std::move(callback), loop} {}
  /// In the pool of the loop that `loop` is of. Throws std::bad_alloc, and what moving throws.
  [[nodiscard]] static DispatcherRef make(S&& source, F&& callback, const LoopHandle<Data>& loop) {
    BlockPool& pool = loop.core().blocks();
    void* const memory = pool.allocate(sizeof(SourceDispatcher), alignof(SourceDispatcher));
    try {
      return DispatcherRef{::new (memory)
                               SourceDispatcher{std::move(source), std::move(callback), loop}};
    } catch (...) {
      BlockPool::free(memory, sizeof(SourceDispatcher), alignof(SourceDispatcher));
      throw;
    }
  }
  void destroy() noexcept override {
    this->~SourceDispatcher();
    BlockPool::free(this, sizeof(SourceDispatcher), alignof(SourceDispatcher));
  }

  PostAction process_events(Readiness readiness, Token token) override {
    if constexpr (std::is_void_v<Metadata>) {
      return this->source_.process_events(
          readiness, token, [this](Event event) noexcept -> Ret { return call(event, nullptr); });
    } else {
      return this->source_.process_events(readiness, token,
                                          [this](Event event, Metadata& metadata) noexcept -> Ret {
                                            return call(event, &metadata);
                                          });
    }
  }

 private:
  Ret call(Event& event, Metadata* metadata) noexcept {
    try {
      using Returned = decltype(callback_(event, metadata));
      if constexpr (std::is_void_v<Ret>) {
        callback_(event, metadata);
      } else if constexpr (std::is_void_v<Returned>) {
        callback_(event, metadata);
        return Ret{};
      } else {
        static_assert(std::convertible_to<Returned, Ret>,
                      "calloop: the callback must return the source's Ret, or nothing");
        return callback_(event, metadata);
      }
    } catch (...) {
      BlockPool::owner_of(this, sizeof(SourceDispatcher), alignof(SourceDispatcher))
          .callback_threw();
      if constexpr (!std::is_void_v<Ret>)
        return Ret{};
    }
  }

  Callback<F, Event, Metadata, Data> callback_;
};

}  // namespace detail

/// Shared access to a source of type `Source` that is, was or will be in a loop. Copies refer to
/// the same source. All of it belongs to the loop's thread.
template <class Source>
class Dispatcher {
 public:
  /// The source. It may be changed at any time, also from its own callback; what it is registered
  /// for changes with LoopHandle::update().
  [[nodiscard]] Source* operator->() const noexcept { return &typed().source(); }
  [[nodiscard]] Source& operator*() const noexcept { return typed().source(); }

  /// Whether it is in a loop, enabled or disabled.
  [[nodiscard]] bool is_inserted() const noexcept { return dispatcher_->is_inserted(); }

  /// Takes the source out again; the callback is destroyed. Throws std::logic_error, and does
  /// nothing, while it is in a loop or another Dispatcher refers to it.
  [[nodiscard]] Source into_source() && {
    if (is_inserted() || !dispatcher_.is_last())
      throw std::logic_error{"calloop: into_source of a dispatcher that is still in use"};
    const DispatcherRef last = std::move(dispatcher_);
    return std::move(static_cast<detail::TypedDispatcher<Source>*>(last.get())->source());
  }

 private:
  template <class>
  friend class LoopHandle;
  Dispatcher(CoreRef core, DispatcherRef dispatcher) noexcept
      : core_{std::move(core)}, dispatcher_{std::move(dispatcher)} {}
  [[nodiscard]] detail::TypedDispatcher<Source>& typed() const noexcept {
    return *static_cast<detail::TypedDispatcher<Source>*>(dispatcher_.get());
  }
  CoreRef core_;  // has the memory
  DispatcherRef dispatcher_;
};

}  // namespace calloop
