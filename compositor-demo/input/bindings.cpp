#include "compositor-demo/input/bindings.hpp"

#include <linux/input-event-codes.h>

#include <algorithm>

namespace demo {
namespace {

constexpr Modifiers control_alt{.control = true, .alt = true};
constexpr Modifiers only_alt{.alt = true};
constexpr Modifiers only_logo{.logo = true};

// F11 and F12 do not follow on F10.
std::optional<int> function_key(std::uint32_t key) noexcept {
  if (key >= KEY_F1 && key <= KEY_F10)
    return static_cast<int>(key - KEY_F1) + 1;
  if (key == KEY_F11 || key == KEY_F12)
    return static_cast<int>(key - KEY_F11) + 11;
  return {};
}

std::optional<Action> action_of(std::uint32_t key, const Modifiers& modifiers) noexcept {
  if (modifiers == control_alt) {
    if (key == KEY_BACKSPACE)
      return Action{Action::Kind::Quit};
    if (const auto terminal = function_key(key))
      return Action{Action::Kind::SwitchTerminal, *terminal};
  }
  if (modifiers == only_alt && key == KEY_TAB)
    return Action{Action::Kind::NextWindow};
  if (modifiers == only_alt && key == KEY_F4)
    return Action{Action::Kind::CloseWindow};
  if (modifiers == only_logo && key == KEY_ENTER)
    return Action{Action::Kind::RunTerminal};
  return {};
}

}  // namespace

std::optional<Action> Bindings::press(std::uint32_t key, const Modifiers& modifiers) {
  const std::optional<Action> action = action_of(key, modifiers);
  if (action)
    taken_.push_back(key);
  return action;
}

bool Bindings::release(std::uint32_t key) {
  return std::erase(taken_, key) != 0;
}

}  // namespace demo
