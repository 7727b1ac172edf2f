// Surfaces and windows of a client of our own.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "buffer.hpp"
#include "connection.hpp"
#include "owned.hpp"

namespace clients {

// A wl_surface with what it shows.
class Surface {
 public:
  explicit Surface(Connection& connection);
  Surface(const Surface&) = delete;
  Surface& operator=(const Surface&) = delete;
  ~Surface();

  Connection& connection() const noexcept { return connection_; }
  wl_surface* get() const noexcept { return surface_.get(); }

  // Attaches it, all of it damaged. It stays with the surface until another takes its place.
  Buffer& attach(std::unique_ptr<Buffer> buffer);
  Buffer& attach(int width, int height, Colour colour,
                 wl_shm_format format = WL_SHM_FORMAT_XRGB8888);
  Buffer& buffer() const noexcept { return *buffers_.back(); }
  void commit() noexcept { wl_surface_commit(get()); }

  // Asks to be told when what is committed next is on the screen.
  void request_frame();
  // The one asked for last has come.
  bool frame_done() const noexcept { return frame_ == nullptr; }
  // The compositor's time of that frame, in milliseconds from anywhere.
  std::uint32_t frame_time() const noexcept { return frame_time_; }
  // Commits, and returns true when it is on the screen.
  bool commit_and_wait();

 private:
  Connection& connection_;
  Owned<wl_surface> surface_;
  Owned<wl_callback> frame_;
  std::uint32_t frame_time_ = 0;
  std::vector<std::unique_ptr<Buffer>> buffers_;  // the last one is shown
};

// A surface that gets its place from a configure event.
class XdgSurface : public Surface {
 public:
  explicit XdgSurface(Connection& connection);

  xdg_surface* xdg() const noexcept { return xdg_.get(); }
  // Commits without a buffer, then waits for the configure and acknowledges it. Throws
  // std::runtime_error if it does not come.
  void wait_for_configure();

 private:
  Owned<xdg_surface> xdg_;
  bool configured_ = false;
};

// A toplevel of one colour. Throws std::runtime_error when it does not get onto the screen.
class Window : public XdgSurface {
 public:
  Window(Connection& connection, int width, int height, Colour colour,
         wl_shm_format format = WL_SHM_FORMAT_XRGB8888);
  // Not on the screen yet, but configured: attach something and commit.
  explicit Window(Connection& connection);

  xdg_toplevel* toplevel() const noexcept { return toplevel_.get(); }

 private:
  Owned<xdg_toplevel> toplevel_;
};

// A surface of one colour that belongs to another one, which decides when it is shown.
class Subsurface : public Surface {
 public:
  Subsurface(Surface& parent, int x, int y, int width, int height, Colour colour);

  wl_subsurface* role() const noexcept { return subsurface_.get(); }

 private:
  Owned<wl_subsurface> subsurface_;
};

// A popup of one colour whose top left corner is at this place of its parent's window geometry, if
// it may be there: `adjustment` has the bits of xdg_positioner.constraint_adjustment.
class Popup : public XdgSurface {
 public:
  Popup(XdgSurface& parent, int x, int y, int width, int height, Colour colour,
        std::uint32_t adjustment = XDG_POSITIONER_CONSTRAINT_ADJUSTMENT_NONE);

  xdg_popup* popup() const noexcept { return popup_.get(); }

 private:
  Owned<xdg_popup> popup_;
};

}  // namespace clients
