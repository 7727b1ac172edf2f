#include <wayland-server-core.h>

#include <calloop/adapters/wayland_server.hpp>
#include <calloop/calloop.hpp>

int main() {
  wl_display* display = wl_display_create();
  {
    calloop::EventLoop<> loop;
    loop.handle().insert_source(calloop::wayland::DisplaySource{display},
                                [](calloop::wayland::ClientsServed) {});
    loop.dispatch(calloop::Duration::zero());
  }
  wl_display_destroy(display);
}
