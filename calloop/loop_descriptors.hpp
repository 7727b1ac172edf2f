// What the slot of the loop's own descriptors leads to: the loop was woken, by somebody or by its
// timer.
//
//     DispatcherRef woken = make_loop_descriptors(blocks, *backend);
//     woken->process_events(Readiness{EPOLLIN}, Token{});  // the backend may be woken anew
//
// Internal to the loop, and not installed.
#pragma once

#include <calloop/backend.hpp>
#include <calloop/block_pool.hpp>
#include <calloop/dispatcher_base.hpp>

namespace calloop {

[[nodiscard]] DispatcherRef make_loop_descriptors(BlockPool& blocks, Backend& backend);

}  // namespace calloop
