// What the slot of the loop's own descriptors leads to: that the loop was woken is all there is to
// know. Internal to the loop, and not installed.
#pragma once

#include <memory>

#include <calloop/dispatcher_base.hpp>

namespace calloop {

[[nodiscard]] std::unique_ptr<DispatcherBase> make_loop_descriptors();

}  // namespace calloop
