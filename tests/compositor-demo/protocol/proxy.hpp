// Client-side objects that are freed when they go out of scope, without a word to the server.
#pragma once

#include <memory>

#include <wayland-client.h>

namespace demo {

struct DestroyProxy {
  template <class T>
  void operator()(T* proxy) const noexcept {
    wl_proxy_destroy(reinterpret_cast<wl_proxy*>(proxy));
  }
};

// Must go before its LoopbackClient. To make a destructor request:
//   wl_surface_destroy(surface.release());
template <class T>
using Proxy = std::unique_ptr<T, DestroyProxy>;

// Requests the destruction but keeps the client's side, so that an error can name the object. For
// interfaces whose first request is their destructor, as it is in xdg-shell.
template <class T>
void request_destroy(T* proxy) noexcept {
  wl_proxy_marshal(reinterpret_cast<wl_proxy*>(proxy), 0);
}

}  // namespace demo
