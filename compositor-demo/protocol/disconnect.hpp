// Getting rid of a client from where it must not be destroyed at once.
#pragma once

#include <wayland-server-core.h>

namespace demo {

// Destroys the client before the loop sleeps again: after what is running now, and before anything
// else of that client is served. What was posted to it (an error) still reaches it. May be called
// more than once: false if it is decided already. If memory is short the client stays until it is
// heard of again.
bool disconnect_soon(wl_client* client) noexcept;

}  // namespace demo
