// Who sees what of the application's data.
//
//     struct App { Seat seat; Ipc ipc; };
//     LoopHandle<Seat> seats(const LoopHandle<App>& loop) { return loop.part<&App::seat>(); }
//
// A module is compiled against a handle on its own part and cannot reach the rest. The whole has a
// part when it is that type, derives from it, or is a tuple with one; members are named.
#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

namespace calloop {

namespace detail {
// std::get<Part> of the standard library does not say whether it could be called.
template <class Part, class Whole>
inline constexpr int times_in_tuple = 0;
template <class Part, class... T>
inline constexpr int times_in_tuple<Part, std::tuple<T...>> =
    (0 + ... + static_cast<int>(std::same_as<Part, T>));
template <class Part, class First, class Second>
inline constexpr int times_in_tuple<Part, std::pair<First, Second>> =
    times_in_tuple<Part, std::tuple<First, Second>>;
}  // namespace detail

/// `Part` can be reached from a reference to `Whole` without naming a member. Every whole has the
/// part `void`: no data at all.
template <class Whole, class Part>
concept HasPart = std::is_void_v<Part> || std::same_as<Whole, Part> ||
                  std::derived_from<Whole, Part> || detail::times_in_tuple<Part, Whole> == 1;

/// A pointer to a data member of `Whole`.
template <auto Member, class Whole>
concept MemberOf =
    std::is_member_object_pointer_v<decltype(Member)> && std::invocable<decltype(Member), Whole&>;

namespace detail {

template <class Part, class Whole>
[[nodiscard]] constexpr Part& part_of(Whole& whole) noexcept {
  if constexpr (std::same_as<Whole, Part> || std::derived_from<Whole, Part>) {
    return whole;
  } else {
    return std::get<Part>(whole);
  }
}

// The steps of a DataPath: they compute an address, nothing else.
template <class Whole, class Part>
void* part_step(void* whole) noexcept {
  return std::addressof(part_of<Part>(*static_cast<Whole*>(whole)));
}
template <class Whole, auto Member>
void* member_step(void* whole) noexcept {
  return std::addressof(std::invoke(Member, *static_cast<Whole*>(whole)));
}

}  // namespace detail
}  // namespace calloop
