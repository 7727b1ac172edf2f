// The way from the data that dispatch() was given to the part that a module works on.
//
//     const DataPath* const seat = core.path(core.root_path(), [](void* app) noexcept -> void* {
//       return &static_cast<App*>(app)->seat;
//     });
//     core.dispatch(LoopCore::for_ever, &app);  // in its callbacks seat->resolved is &app.seat
//
// Interned, one per part and loop, and resolved only when dispatch() gets other data than the last
// time: a callback finds its part with one load. Internal to the loop; installed because the
// templates need it.
#pragma once

namespace calloop {

class LoopCore;

struct DataPath {
  LoopCore* core = nullptr;
  const DataPath* parent = nullptr;  // null: this is the whole
  void* (*step)(void*) noexcept = nullptr;
  void* resolved = nullptr;  // null while no data is known

  void resolve() noexcept {
    resolved = parent->resolved != nullptr ? step(parent->resolved) : nullptr;
  }
};

}  // namespace calloop
