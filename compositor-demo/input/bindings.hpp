// The keys that the compositor keeps for itself.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace demo {

// Which of the keys that change others are down, as the keymap has it.
struct Modifiers {
  bool shift = false;
  bool control = false;
  bool alt = false;
  bool logo = false;

  bool operator==(const Modifiers&) const noexcept = default;
};

struct Action {
  enum class Kind { Quit, SwitchTerminal, NextWindow, CloseWindow, RunTerminal };
  Kind kind{};
  int terminal = 0;  // of SwitchTerminal, from 1

  bool operator==(const Action&) const noexcept = default;
};

//   Ctrl+Alt+Backspace   ends the compositor
//   Ctrl+Alt+F1 to F12   the virtual terminal of that number
//   Alt+Tab              the window that was not in front for the longest time
//   Alt+F4               asks the window with the focus to close
//   Logo+Enter           a terminal
//
// The keys are told by their place (codes of linux/input-event-codes.h), which is the same in all
// layouts.
class Bindings {
 public:
  // What this key means when it goes down; nothing if it is for the client.
  std::optional<Action> press(std::uint32_t key, const Modifiers& modifiers);
  // Whether the key that goes up is one that no client has seen going down.
  bool release(std::uint32_t key);
  // All keys are up.
  void reset() noexcept { taken_.clear(); }

 private:
  std::vector<std::uint32_t> taken_;  // down, and ours
};

}  // namespace demo
