#include "connection.hpp"

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <string_view>
#include <system_error>

namespace clients {
namespace {

template <class T>
void bind(Owned<T>& slot, wl_registry* registry, std::uint32_t name, const wl_interface& interface,
          std::uint32_t version) {
  if (slot)
    return;
  const auto mine = static_cast<std::uint32_t>(interface.version);
  slot.reset(
      static_cast<T*>(wl_registry_bind(registry, name, &interface, std::min(version, mine))));
}

void pong(void*, xdg_wm_base* base, std::uint32_t serial) noexcept {
  xdg_wm_base_pong(base, serial);
}

constexpr xdg_wm_base_listener wm_base_listener{.ping = &pong};

}  // namespace

Connection::Connection(const std::filesystem::path& socket)
    : display_{wl_display_connect(socket.c_str())} {
  if (!display_)
    throw std::system_error{errno, std::generic_category(), socket};
  registry.reset(wl_display_get_registry(display()));
  static constexpr wl_registry_listener listener{
      .global = &Connection::global,
      .global_remove = [](void*, wl_registry*, std::uint32_t) noexcept {},
  };
  wl_registry_add_listener(registry.get(), &listener, this);
  if (!roundtrip() || !compositor || !subcompositor || !shm || !seat || !output ||
      !data_device_manager || !wm_base)
    throw std::runtime_error{"no globals of a compositor on " + socket.string()};
  xdg_wm_base_add_listener(wm_base.get(), &wm_base_listener, nullptr);
}

Connection::~Connection() = default;

void Connection::global(void* self, wl_registry* registry, std::uint32_t name,
                        const char* interface, std::uint32_t version) noexcept {
  auto& c = *static_cast<Connection*>(self);
  const std::string_view found{interface};
  if (found == wl_compositor_interface.name)
    bind(c.compositor, registry, name, wl_compositor_interface, version);
  else if (found == wl_subcompositor_interface.name)
    bind(c.subcompositor, registry, name, wl_subcompositor_interface, version);
  else if (found == wl_shm_interface.name)
    bind(c.shm, registry, name, wl_shm_interface, version);
  else if (found == wl_seat_interface.name)
    bind(c.seat, registry, name, wl_seat_interface, version);
  else if (found == wl_output_interface.name)
    bind(c.output, registry, name, wl_output_interface, version);
  else if (found == wl_data_device_manager_interface.name)
    bind(c.data_device_manager, registry, name, wl_data_device_manager_interface, version);
  else if (found == xdg_wm_base_interface.name)
    bind(c.wm_base, registry, name, xdg_wm_base_interface, version);
}

std::optional<ProtocolError> Connection::error() const {
  if (wl_display_get_error(display()) != EPROTO)
    return {};
  const wl_interface* interface = nullptr;
  std::uint32_t id = 0;
  const std::uint32_t code = wl_display_get_protocol_error(display(), &interface, &id);
  return ProtocolError{interface != nullptr ? interface->name : "", code};
}

bool Connection::wait_and_read(Clock::time_point deadline) noexcept {
  while (wl_display_prepare_read(display()) != 0)
    if (wl_display_dispatch_pending(display()) != 0)
      return alive();
  struct pollfd socket{wl_display_get_fd(display()), POLLIN, 0};
  // An error is not the end: what the compositor said before it hung up is still to be read.
  if (wl_display_flush(display()) < 0 && errno == EAGAIN)
    socket.events |= POLLOUT;
  using std::chrono::ceil;
  using std::chrono::milliseconds;
  const auto left = ceil<milliseconds>(deadline - Clock::now()).count();
  const int ready = ::poll(&socket, 1, static_cast<int>(std::max<std::int64_t>(left, 0)));
  if (ready <= 0 || (socket.revents & ~POLLOUT) == 0) {
    wl_display_cancel_read(display());
    return ready > 0 || (ready < 0 && errno == EINTR);
  }
  return wl_display_read_events(display()) == 0;
}

bool Connection::roundtrip(Clock::duration limit) {
  const Owned<wl_callback> callback{wl_display_sync(display())};
  if (!callback)
    return false;
  bool done = false;
  static constexpr wl_callback_listener listener{
      .done = [](void* flag, wl_callback*, std::uint32_t) noexcept {
        *static_cast<bool*>(flag) = true;
      }};
  wl_callback_add_listener(callback.get(), &listener, &done);
  return dispatch_until([&] { return done; }, limit);
}

bool Connection::wait_for_end(Clock::duration limit) {
  return dispatch_until([this] { return !alive(); }, limit);
}

}  // namespace clients
