#include "loopback.hpp"

#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include <gtest/gtest.h>

#include <calloop/fd.hpp>

#include "compositor-demo/protocol/compositor.hpp"
#include "compositor-demo/protocol/data_device.hpp"
#include "compositor-demo/protocol/output_global.hpp"
#include "compositor-demo/protocol/pointer_constraints.hpp"
#include "compositor-demo/protocol/presentation.hpp"
#include "compositor-demo/protocol/primary_selection.hpp"
#include "compositor-demo/protocol/relative_pointer.hpp"
#include "compositor-demo/protocol/seat.hpp"
#include "compositor-demo/protocol/shm.hpp"
#include "compositor-demo/protocol/single_pixel_buffer.hpp"
#include "compositor-demo/protocol/subsurface.hpp"
#include "compositor-demo/protocol/viewporter.hpp"
#include "compositor-demo/protocol/windows.hpp"
#include "compositor-demo/protocol/xdg_output.hpp"
#include "compositor-demo/protocol/xdg_shell.hpp"
#include "xdg-shell-client-protocol.h"

namespace demo {
namespace {

struct DestroyDisplay {
  void operator()(wl_display* display) const noexcept { wl_display_destroy(display); }
};
using ServerDisplay = std::unique_ptr<wl_display, DestroyDisplay>;

// More turns than any exchange of ours takes; a test that needs them all has hung.
constexpr int most_turns = 2000;

}  // namespace

struct LoopbackServer::Parts {
  explicit Parts(Host& host) : windows{host} {}
  ~Parts() { wl_display_destroy_clients(display.get()); }

  ServerDisplay display{wl_display_create()};
  Outputs outputs{display.get()};
  Compositor compositor{display.get(), outputs};
  Subcompositor subcompositor{display.get()};
  Shm shm{display.get()};
  Windows windows;
  Seat seat{display.get()};
  XdgShell shell{display.get(), windows, outputs, seat};
  DataDeviceManager data_devices{display.get(), seat};
  Presentation presentation{display.get()};
  PrimarySelection primary_selection{display.get(), seat};
  RelativePointers relative_pointers{display.get()};
  PointerConstraints constraints{display.get()};
  XdgOutputManager xdg_outputs{display.get(), outputs};
  Viewporter viewporter{display.get()};
  SinglePixelBuffers single_pixel_buffers{display.get()};
};

LoopbackServer::LoopbackServer() : parts_{std::make_unique<Parts>(host)} {}
LoopbackServer::~LoopbackServer() = default;

void LoopbackServer::admit(int socket) {
  if (wl_client_create(display(), socket) == nullptr)
    throw std::runtime_error{"wl_client_create"};
}

void LoopbackServer::serve() {
  wl_event_loop* const loop = wl_display_get_event_loop(display());
  wl_event_loop_dispatch(loop, 0);
  wl_event_loop_dispatch_idle(loop);
  wl_display_flush_clients(display());
}

wl_display* LoopbackServer::display() const noexcept {
  return parts_->display.get();
}
Windows& LoopbackServer::windows() noexcept {
  return parts_->windows;
}
Outputs& LoopbackServer::outputs() noexcept {
  return parts_->outputs;
}
PointerConstraints& LoopbackServer::constraints() noexcept {
  return parts_->constraints;
}
RelativePointers& LoopbackServer::relative_pointers() noexcept {
  return parts_->relative_pointers;
}
Seat& LoopbackServer::seat() noexcept {
  return parts_->seat;
}
XdgShell& LoopbackServer::shell() noexcept {
  return parts_->shell;
}
DataDeviceManager& LoopbackServer::data_devices() noexcept {
  return parts_->data_devices;
}

Window& LoopbackServer::last_window() {
  if (host.mapped.empty())
    throw std::logic_error{"no window is mapped"};
  return *windows().find(host.mapped.back());
}

LoopbackClient::LoopbackClient(ServesClients& server, Versions versions)
    : server_{server}, versions_{versions} {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) < 0)
    throw std::system_error{errno, std::generic_category(), "socketpair"};
  server.admit(ends[0]);
  display = wl_display_connect_to_fd(ends[1]);
  if (display == nullptr)
    throw std::runtime_error{"wl_display_connect_to_fd"};
  registry = wl_display_get_registry(display);
  static const wl_registry_listener listener{.global = global, .global_remove = global_remove};
  wl_registry_add_listener(registry, &listener, this);
  roundtrip();  // the globals
  roundtrip();  // what they say when they are bound
}

LoopbackClient::~LoopbackClient() {
  // What the test has made goes with the connection; libwayland frees no proxies of its own.
  const auto destroy = [](auto* proxy) {
    if (proxy != nullptr)
      wl_proxy_destroy(reinterpret_cast<wl_proxy*>(proxy));
  };
  destroy(wm_base);
  destroy(data_device_manager);
  destroy(seat);
  destroy(shm);
  destroy(subcompositor);
  destroy(compositor);
  destroy(registry);
  wl_display_disconnect(display);
  server_.serve();
}

void LoopbackClient::global(void* self, wl_registry* registry, std::uint32_t name,
                            const char* interface, std::uint32_t version) {
  auto& client = *static_cast<LoopbackClient*>(self);
  client.globals_[interface] = {name, version};
  const auto bind = [&](auto*& proxy, const wl_interface& type, std::uint32_t wanted) {
    if (std::string_view{interface} != type.name)
      return;
    using Proxy = std::remove_reference_t<decltype(proxy)>;
    proxy =
        static_cast<Proxy>(wl_registry_bind(registry, name, &type, wanted == 0 ? version : wanted));
  };
  bind(client.compositor, wl_compositor_interface, 0);
  bind(client.subcompositor, wl_subcompositor_interface, 0);
  bind(client.shm, wl_shm_interface, 0);
  bind(client.seat, wl_seat_interface, client.versions_.seat);
  static const wl_seat_listener seat_listener{
      .capabilities =
          [](void* data, wl_seat*, std::uint32_t capabilities) {
            static_cast<LoopbackClient*>(data)->seat_capabilities = capabilities;
          },
      .name =
          [](void* data, wl_seat*, const char* seat_name) {
            static_cast<LoopbackClient*>(data)->seat_name = seat_name;
          }};
  if (std::string_view{interface} == wl_seat_interface.name)
    wl_seat_add_listener(client.seat, &seat_listener, self);
  bind(client.data_device_manager, wl_data_device_manager_interface,
       client.versions_.data_device_manager);
  bind(client.wm_base, xdg_wm_base_interface, client.versions_.xdg_wm_base);
}

void LoopbackClient::global_remove(void*, wl_registry*, std::uint32_t) {}

void* LoopbackClient::bind(const wl_interface& interface) {
  const Advertised& advertised = globals_.at(interface.name);
  return wl_registry_bind(registry, advertised.name, &interface, advertised.version);
}

void LoopbackClient::handle_events() {
  while (wl_display_prepare_read(display) != 0)
    if (wl_display_dispatch_pending(display) < 0)
      return;
  pollfd ready{.fd = wl_display_get_fd(display), .events = POLLIN, .revents = 0};
  if (poll(&ready, 1, 0) > 0) {
    wl_display_read_events(display);
  } else {
    wl_display_cancel_read(display);
  }
  wl_display_dispatch_pending(display);
}

void LoopbackClient::dispatch() {
  server_.serve();
  handle_events();
}

void LoopbackClient::roundtrip() {
  bool done = false;
  static const wl_callback_listener listener{
      .done = [](void* data, wl_callback*, std::uint32_t) { *static_cast<bool*>(data) = true; }};
  wl_callback* const callback = wl_display_sync(display);
  wl_callback_add_listener(callback, &listener, &done);
  for (int turn = 0; !done && alive(); ++turn) {
    if (turn == most_turns) {
      ADD_FAILURE() << "the server does not answer";
      break;
    }
    wl_display_flush(display);
    dispatch();
  }
  wl_callback_destroy(callback);
  if (alive())
    dispatch();  // what was sent after the answer
}

ReceivedError LoopbackClient::error() const {
  if (wl_display_get_error(display) != EPROTO)
    return {};
  const wl_interface* interface = nullptr;
  std::uint32_t id = 0;
  const std::uint32_t code = wl_display_get_protocol_error(display, &interface, &id);
  return {interface != nullptr ? interface->name : "", code};
}

wl_buffer* LoopbackClient::make_buffer(int width, int height) {
  const int stride = 4 * width;
  const int size = stride * height;
  const calloop::OwnedFd file{memfd_create("buffer", MFD_CLOEXEC)};
  if (ftruncate(file.get(), size) < 0)
    throw std::system_error{errno, std::generic_category(), "ftruncate"};
  wl_shm_pool* const pool = wl_shm_create_pool(shm, file.get(), size);
  wl_buffer* const buffer =
      wl_shm_pool_create_buffer(pool, 0, width, height, stride, WL_SHM_FORMAT_XRGB8888);
  wl_shm_pool_destroy(pool);
  return buffer;
}

}  // namespace demo
