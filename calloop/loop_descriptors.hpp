// What the slot of the loop's own descriptors leads to: the loop was woken, by somebody or by its
// timer. Internal to the loop.
#pragma once

#include <memory>

#include <calloop/backend.hpp>
#include <calloop/dispatcher_base.hpp>

namespace calloop {

[[nodiscard]] std::unique_ptr<DispatcherBase> make_loop_descriptors(Backend& backend);

}  // namespace calloop
