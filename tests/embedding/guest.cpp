#include <exception>

#include <wayland-server-core.h>

#include <calloop/adapters/wayland_guest.hpp>
#include <calloop/calloop.hpp>

int main() {
  wl_event_loop* const host = wl_event_loop_create();
  {
    calloop::EventLoop<> loop;
    const calloop::wayland::Guest guest{
        {loop}, [](std::exception_ptr) { return calloop::ErrorAction::Remove; }, host};
    wl_event_loop_dispatch(host, 0);
  }
  wl_event_loop_destroy(host);
}
