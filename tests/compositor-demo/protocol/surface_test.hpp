// For tests of surfaces: a client, and what the server has of its objects.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>
#include <wayland-client.h>
#include <wayland-server-core.h>

#include <calloop/fd.hpp>

#include "compositor-demo/picture.hpp"
#include "compositor-demo/protocol/protocol.hpp"
#include "compositor-demo/protocol/surface.hpp"
#include "loopback.hpp"

namespace demo {

inline FrameTime frame_at(std::uint32_t milliseconds) {
  return {.time = calloop::TimePoint{std::chrono::milliseconds{milliseconds}}};
}

class SurfaceTest : public testing::Test {
 protected:
  // The server's side of a client's object.
  wl_resource* on_server(void* proxy) {
    wl_client* const of = wl_client_from_link(wl_display_get_client_list(server.display())->next);
    return wl_client_get_object(of, wl_proxy_get_id(static_cast<wl_proxy*>(proxy)));
  }
  Surface& of(wl_surface* surface) { return Surface::from(on_server(surface)); }

  wl_surface* make_surface() {
    wl_surface* const surface = wl_compositor_create_surface(client.compositor);
    client.roundtrip();
    return surface;
  }
  void commit(wl_surface* surface) {
    wl_surface_commit(surface);
    client.roundtrip();
  }
  void show(wl_surface* surface, wl_buffer* buffer) {
    wl_surface_attach(surface, buffer, 0, 0);
    commit(surface);
  }
  wl_surface* shown_surface(int width, int height) {
    wl_surface* const surface = make_surface();
    show(surface, client.make_buffer(width, height));
    return surface;
  }
  std::vector<Picture> pictures(wl_surface* surface, Point position = {}) {
    std::vector<Picture> all;
    of(surface).append_pictures(position, all);
    return all;
  }
  // A frame is drawn and shown.
  std::vector<Picture> frame(wl_surface* surface, std::uint32_t milliseconds = 0) {
    std::vector<Picture> all = pictures(surface);
    of(surface).frame_shown(frame_at(milliseconds));
    client.roundtrip();
    return all;
  }

  LoopbackServer server;
  LoopbackClient client{server};
};

// Counts the events of a wl_callback or wl_buffer.
struct Heard {
  int times = 0;
  std::uint32_t value = 0;

  void callback(wl_callback* callback) {
    static const wl_callback_listener listener{
        .done = [](void* self, wl_callback* from, std::uint32_t data) {
          ++static_cast<Heard*>(self)->times;
          static_cast<Heard*>(self)->value = data;
          wl_callback_destroy(from);
        }};
    wl_callback_add_listener(callback, &listener, this);
  }
  void release(wl_buffer* buffer) {
    static const wl_buffer_listener listener{
        .release = [](void* self, wl_buffer*) { ++static_cast<Heard*>(self)->times; }};
    wl_buffer_add_listener(buffer, &listener, this);
  }
};

}  // namespace demo
