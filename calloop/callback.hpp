// Callbacks take what they ask for.
//
//     loop.insert_source(Generic{fd, interest().read()}, [] {});              // nothing
//     loop.insert_source(Generic{fd, interest().read()}, [](Readiness) {});   // the event
//     loop.insert_source(Generic{std::move(socket), interest().read()},       // in any order
//                        [](App& app, const LoopHandle<App>& loop, Socket& socket) {
//                          app.serve(socket, loop);
//                        });
//     loop.insert_source(Generic{fd, interest().read()},  // generic: calloop's own order
//                        [](auto event, auto& metadata, auto& data) {
//                          data.log(event, metadata);
//                          return PostAction::Continue;
//                        });
//
// A parameter is matched by its type with the source's Event, its Metadata, the loop's data or a
// part of it (calloop/part.hpp), or a LoopHandle on any of those. Nothing is searched for at run
// time: a callback compiles to a direct call. A callback may return nothing where the source's Ret
// has a default.
#pragma once

#include <concepts>
#include <tuple>
#include <type_traits>
#include <utility>

#include <calloop/fwd.hpp>
#include <calloop/part.hpp>

namespace calloop {
class LoopCore;
}

namespace calloop::detail {

template <class... T>
struct TypeList {};

// The parameters of a callable that has exactly one signature.
template <class F>
struct Parameters {};
template <class F>
  requires requires { &F::operator(); }
struct Parameters<F> : Parameters<decltype(&F::operator())> {};
template <class R, class... A>
struct Parameters<R (*)(A...)> {
  using type = TypeList<A...>;
};
template <class R, class... A>
struct Parameters<R (*)(A...) noexcept> : Parameters<R (*)(A...)> {};
template <class C, class R, class... A>
struct Parameters<R (C::*)(A...)> : Parameters<R (*)(A...)> {};
template <class C, class R, class... A>
struct Parameters<R (C::*)(A...) const> : Parameters<R (*)(A...)> {};
template <class C, class R, class... A>
struct Parameters<R (C::*)(A...) noexcept> : Parameters<R (*)(A...)> {};
template <class C, class R, class... A>
struct Parameters<R (C::*)(A...) const noexcept> : Parameters<R (*)(A...)> {};

template <class F>
concept HasParameters = requires { typename Parameters<F>::type; };

template <class T>
struct HandleData {};
template <class D>
struct HandleData<LoopHandle<D>> {
  using type = D;
};
template <class T>
concept IsHandle = requires { typename HandleData<T>::type; };

// What there is to ask for.
template <class Event, class Metadata, class Data>
struct Offered {
  template <class T>
  static constexpr bool is_event = std::same_as<T, Event>;
  template <class T>
  static constexpr bool is_metadata = std::same_as<T, Metadata>;
  template <class T>
  static consteval bool is_data() {
    if constexpr (std::is_void_v<Data> || std::is_void_v<T>) {
      return false;
    } else {
      return HasPart<Data, T>;
    }
  }
  template <class T>
  static consteval bool is_handle() {
    if constexpr (!IsHandle<T>) {
      return false;
    } else if constexpr (std::is_void_v<Data>) {
      return std::is_void_v<typename HandleData<T>::type>;
    } else {
      return HasPart<Data, typename HandleData<T>::type>;
    }
  }
  // Metadata and data are lent, unless they are a mere number; an event or a handle may be taken.
  template <class P>
  static consteval bool can_give() {
    using T = std::remove_cvref_t<P>;
    if constexpr (is_event<T> || is_handle<T>()) {
      return true;
    } else {
      return (std::is_lvalue_reference_v<P> || std::is_scalar_v<P>) &&
             (is_metadata<T> || is_data<T>());
    }
  }
  template <class P>
  static consteval bool is_ambiguous() {
    using T = std::remove_cvref_t<P>;
    return static_cast<int>(is_event<T>) + static_cast<int>(is_metadata<T>) +
               static_cast<int>(is_data<T>()) >
           1;
  }
  // calloop's own order, (event, metadata, data), is never ambiguous.
  template <class... P>
  static consteval bool is_canonical(TypeList<P...>) {
    using Asked = TypeList<std::remove_cvref_t<P>...>;
    if constexpr (std::is_void_v<Metadata>) {
      return std::same_as<Asked, TypeList<Event, Data>>;
    } else {
      return std::same_as<Asked, TypeList<Event, Metadata, Data>>;
    }
  }
  template <class... P>
  static consteval bool gives_all(TypeList<P...>) {
    return (can_give<P>() && ...);
  }
  template <class... P>
  static consteval bool any_ambiguous(TypeList<P...>) {
    return (is_ambiguous<P>() || ...);
  }
};

// Handles on parts that a callback asks for, made once, at insertion: asking for one costs nothing
// per event. LoopHandle<Data> itself is kept anyway.
template <class Data, class Parameters, class... Found>
struct NarrowedOf;
template <class Data, class... Found>
struct NarrowedOf<Data, TypeList<>, Found...> {
  using type = std::tuple<LoopHandle<Found>...>;
};
template <class Data, class P, class... Rest, class... Found>
struct NarrowedOf<Data, TypeList<P, Rest...>, Found...> {
  static consteval auto select() {
    using T = std::remove_cvref_t<P>;
    if constexpr (IsHandle<T>) {
      using D = typename HandleData<T>::type;
      if constexpr (!std::same_as<D, Data> && !(std::same_as<D, Found> || ...)) {
        return std::type_identity<NarrowedOf<Data, TypeList<Rest...>, Found..., D>>{};
      } else {
        return std::type_identity<NarrowedOf<Data, TypeList<Rest...>, Found...>>{};
      }
    } else {
      return std::type_identity<NarrowedOf<Data, TypeList<Rest...>, Found...>>{};
    }
  }
  using type = typename decltype(select())::type::type;
};
template <class F, class Data>
struct Narrowed {
  using type = std::tuple<>;
};
template <HasParameters F, class Data>
struct Narrowed<F, Data> {
  using type = typename NarrowedOf<Data, typename Parameters<F>::type>::type;
};

// A callback with what it needs beside the event: the handle it was inserted through.
template <class F, class Event, class Metadata, class Data>
class Callback {
  using Offer = Offered<Event, Metadata, Data>;

 public:
  Callback(F&& function, const LoopHandle<Data>& loop)
      : function_{std::move(function)}, narrowed_{narrow(loop)}, loop_{loop} {}

  /// `metadata` is null where Metadata is void.
  decltype(auto) operator()(Event& event, Metadata* metadata) {
    if constexpr (injects()) {
      return inject(event, metadata, typename Parameters<F>::type{});
    } else {
      return in_order(event, metadata);
    }
  }

 private:
  static consteval bool injects() {
    if constexpr (HasParameters<F>) {
      return !Offer::is_canonical(typename Parameters<F>::type{});
    } else {
      return false;
    }
  }

  [[nodiscard]] static auto narrow(const LoopHandle<Data>& loop) {
    using Tuple = typename Narrowed<F, Data>::type;
    return [&]<class... D>(std::type_identity<std::tuple<LoopHandle<D>...>>) {
      return Tuple{LoopHandle<D>{loop}...};
    }(std::type_identity<Tuple>{});
  }

  template <class P>
  [[nodiscard]] P give([[maybe_unused]] Event& event, [[maybe_unused]] Metadata* metadata) {
    using T = std::remove_cvref_t<P>;
    if constexpr (Offer::template is_event<T>) {
      if constexpr (std::is_lvalue_reference_v<P>) {
        return event;
      } else {
        return std::move(event);
      }
    } else if constexpr (Offer::template is_metadata<T>) {
      return *metadata;
    } else if constexpr (IsHandle<T>) {
      static_assert(!std::is_rvalue_reference_v<P> && (!std::is_lvalue_reference_v<P> ||
                                                       std::is_const_v<std::remove_reference_t<P>>),
                    "calloop: a callback takes a LoopHandle by const reference or by value");
      if constexpr (std::same_as<T, LoopHandle<Data>>) {
        return loop_;
      } else {
        return std::get<T>(narrowed_);
      }
    } else {
      return part_of<T>(loop_.data());
    }
  }
  template <class... P>
  decltype(auto) inject([[maybe_unused]] Event& event, [[maybe_unused]] Metadata* metadata,
                        TypeList<P...>) {
    return function_(give<P>(event, metadata)...);
  }

  // Callables with several signatures, or a generic one, and calloop's own order.
  decltype(auto) in_order(Event& event, [[maybe_unused]] Metadata* metadata) {
    if constexpr (!std::is_void_v<Metadata> && !std::is_void_v<Data>) {
      if constexpr (std::invocable<F&, Event, Metadata&, std::add_lvalue_reference_t<Data>>) {
        return function_(std::move(event), *metadata, loop_.data());
      } else if constexpr (std::invocable<F&, Event&, Metadata&, Data&>) {
        return function_(event, *metadata, loop_.data());
      } else {
        return with_fewer(event, metadata);
      }
    } else {
      return with_fewer(event, metadata);
    }
  }
  decltype(auto) with_fewer(Event& event, [[maybe_unused]] Metadata* metadata) {
    using MetadataRef = std::add_lvalue_reference_t<Metadata>;
    using DataRef = std::add_lvalue_reference_t<Data>;
    if constexpr (invocable_with<Event, MetadataRef>()) {
      return function_(std::move(event), *metadata);
    } else if constexpr (invocable_with<Event, DataRef>()) {
      return function_(std::move(event), loop_.data());
    } else if constexpr (invocable_with<Event&, DataRef>()) {
      return function_(event, loop_.data());
    } else if constexpr (std::invocable<F&, Event>) {
      return function_(std::move(event));
    } else if constexpr (invocable_with_data()) {
      return function_(loop_.data());
    } else {
      static_assert(std::invocable<F&>,
                    "calloop: the callback cannot be called with (event, metadata, data), nor with "
                    "the first ones of them");
      return function_();
    }
  }
  template <class First, class Second>
  static consteval bool invocable_with() {
    if constexpr (std::is_void_v<Second>) {
      return false;
    } else {
      return std::invocable<F&, First, Second>;
    }
  }

  static consteval bool invocable_with_data() {
    if constexpr (std::is_void_v<Data>) {
      return false;
    } else {
      return std::invocable<F&, Data&>;
    }
  }

  // Whether it is given data, or the handle itself.
  static consteval bool wants_loop() {
    if constexpr (injects()) {
      return []<class... P>(TypeList<P...>) {
        using Handle = LoopHandle<Data>;
        return ((std::same_as<std::remove_cvref_t<P>, Handle> ||
                 Offer::template is_data<std::remove_cvref_t<P>>()) ||
                ...);
      }(typename Parameters<F>::type{});
    } else {
      return !std::is_void_v<Data>;
    }
  }
  struct Nothing {
    explicit Nothing(const LoopHandle<Data>&) noexcept {}
  };

  [[no_unique_address]] F function_;
  [[no_unique_address]] typename Narrowed<F, Data>::type narrowed_;
  [[no_unique_address]] std::conditional_t<wants_loop(), LoopHandle<Data>, Nothing> loop_;
};

// To be called where the user wrote the callback: the first error is about it.
template <class F, class Event, class Metadata, class Data>
consteval void check_callback() {
  if constexpr (HasParameters<F>) {
    using Offer = Offered<Event, Metadata, Data>;
    using Asked = typename Parameters<F>::type;
    if constexpr (!Offer::is_canonical(Asked{})) {
      static_assert(Offer::gives_all(Asked{}),
                    "calloop: a callback parameter is neither the source's Event, nor its "
                    "Metadata&, nor a LoopHandle, nor a reference to (a part of) the loop's data");
      static_assert(!Offer::any_ambiguous(Asked{}),
                    "calloop: a callback parameter has the type of two of Event, Metadata and "
                    "data; give one of them a type of its own, or use calloop's own order");
    }
  }
}

}  // namespace calloop::detail
