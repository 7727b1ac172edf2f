// What the loop does with a source once its events are processed.
//
//     loop.insert_source(Generic{fd, interest().read()}, [](Readiness ready) {
//       return ready.hangup() ? PostAction::Remove : PostAction::Continue;
//     });
#pragma once

#include <cstdint>

namespace calloop {

/// In ascending strength: where a source's answer and what was asked for it from inside its own
/// callback differ, the loop does the stronger.
enum class PostAction : std::uint8_t {
  Continue,    ///< nothing
  Reregister,  ///< reregister_with: what it waits for has changed
  Disable,     ///< unregister it until somebody enables it
  Remove,      ///< unregister and destroy it
};

/// Combines the answers of two children of one source: equal stays, different means that the
/// parent has to look again, Reregister.
[[nodiscard]] constexpr PostAction operator|(PostAction a, PostAction b) noexcept {
  return a == b ? a : PostAction::Reregister;
}
constexpr PostAction& operator|=(PostAction& a, PostAction b) noexcept {
  return a = a | b;
}

}  // namespace calloop
