// What a window of a Wayland client needs: the compositor's globals, and memory for pictures.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <type_traits>

#include <wayland-client.h>
#include <xdg-shell-client-protocol.h>

#include <calloop/adapters/wayland_client.hpp>
#include <calloop/fd.hpp>

namespace window {

namespace wayland = calloop::wayland;

// Objects of libwayland that are destroyed with their owners, which must not outlive the
// connection.
struct Destroy {
  void operator()(wl_buffer* object) const noexcept { wl_buffer_destroy(object); }
  void operator()(wl_callback* object) const noexcept { wl_callback_destroy(object); }
  void operator()(wl_compositor* object) const noexcept { wl_compositor_destroy(object); }
  void operator()(wl_registry* object) const noexcept { wl_registry_destroy(object); }
  void operator()(wl_shm* object) const noexcept { wl_shm_destroy(object); }
  void operator()(wl_surface* object) const noexcept { wl_surface_destroy(object); }
  void operator()(xdg_surface* object) const noexcept { xdg_surface_destroy(object); }
  void operator()(xdg_toplevel* object) const noexcept { xdg_toplevel_destroy(object); }
  void operator()(xdg_wm_base* object) const noexcept { xdg_wm_base_destroy(object); }
};
template <class T>
using Owned = std::unique_ptr<T, Destroy>;

// What the compositor offers, as far as a window needs it.
class Globals {
 public:
  explicit Globals(wayland::Connection& connection)
      : registry_{wl_display_get_registry(connection.get())} {
    wl_registry_add_listener(registry_.get(), &registry_listener, this);
    connection.roundtrip();  // throws also what a listener has thrown
    if (!compositor || !shm || !shell)
      throw std::runtime_error{"the compositor has no windows"};
    xdg_wm_base_add_listener(shell.get(), &shell_listener, this);
  }

  Owned<wl_compositor> compositor;
  Owned<wl_shm> shm;
  Owned<xdg_wm_base> shell;

 private:
  void found(wl_registry* registry, std::uint32_t name, const char* interface,
             std::uint32_t /*version*/) noexcept {
    const auto bind = [&](auto& object, const wl_interface& wanted, std::uint32_t version) {
      if (!object && std::string_view{interface} == wanted.name)
        object.reset(static_cast<typename std::decay_t<decltype(object)>::pointer>(
            wl_registry_bind(registry, name, &wanted, version)));
    };
    bind(compositor, wl_compositor_interface, 4);  // with wl_surface.damage_buffer
    bind(shm, wl_shm_interface, 1);
    bind(shell, xdg_wm_base_interface, 1);
  }
  void lost(wl_registry* /*registry*/, std::uint32_t /*name*/) noexcept {}
  // Who does not answer is taken for hung.
  void ping(xdg_wm_base* base, std::uint32_t serial) noexcept { xdg_wm_base_pong(base, serial); }

  static constexpr wl_registry_listener registry_listener{
      .global = wayland::calls<&Globals::found>, .global_remove = wayland::calls<&Globals::lost>};
  static constexpr xdg_wm_base_listener shell_listener{.ping = wayland::calls<&Globals::ping>};

  Owned<wl_registry> registry_;
};

inline constexpr int width = 320;
inline constexpr int height = 200;

// Pixels that the compositor sees too. While it is busy with them they are not ours to change.
class Buffer {
 public:
  explicit Buffer(wl_shm* shm) {
    const calloop::OwnedFd file{::memfd_create("wayland_window", MFD_CLOEXEC)};
    if (!file || ::ftruncate(file.get(), bytes) != 0)
      throw std::system_error{errno, std::generic_category(), "memfd_create"};
    void* const memory = ::mmap(nullptr, bytes, PROT_WRITE, MAP_SHARED, file.get(), 0);
    if (memory == MAP_FAILED)
      throw std::system_error{errno, std::generic_category(), "mmap"};
    pixels_ = static_cast<std::uint32_t*>(memory);
    wl_shm_pool* const pool = wl_shm_create_pool(shm, file.get(), static_cast<int>(bytes));
    buffer_.reset(
        wl_shm_pool_create_buffer(pool, 0, width, height, 4 * width, WL_SHM_FORMAT_XRGB8888));
    wl_shm_pool_destroy(pool);
    wl_buffer_add_listener(buffer_.get(), &listener, this);
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { ::munmap(pixels_, bytes); }

  [[nodiscard]] wl_buffer* get() const noexcept { return buffer_.get(); }
  void fill(int x, int y, int columns, int rows, std::uint32_t colour) const noexcept {
    for (int row = y; row != y + rows; ++row)
      std::fill_n(pixels_ + std::ptrdiff_t{row} * width + x, columns, colour);
  }

  bool is_busy = false;

 private:
  static constexpr std::size_t bytes = sizeof(std::uint32_t) * width * height;
  void released(wl_buffer* /*buffer*/) noexcept { is_busy = false; }
  static constexpr wl_buffer_listener listener{.release = wayland::calls<&Buffer::released>};
  std::uint32_t* pixels_ = nullptr;
  Owned<wl_buffer> buffer_;
};

}  // namespace window
