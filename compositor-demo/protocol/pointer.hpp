// wl_pointer: where the pointer is, who hears of it, what it looks like.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <wayland-server-core.h>

#include "compositor-demo/protocol/client_limits.hpp"
#include "compositor-demo/protocol/cursor.hpp"
#include "compositor-demo/protocol/input_serials.hpp"
#include "compositor-demo/protocol/surface.hpp"
#include "compositor-demo/protocol/surface_watch.hpp"

namespace demo {

// The pointer of the seat. Each call is one thing that happened, and ends with wl_pointer.frame.
class Pointer {
 public:
  // One turn of a wheel or stroke of a finger along an axis.
  struct Scroll {
    enum class Source { Unknown, Wheel, Finger, Continuous, WheelTilt };
    struct Axis {
      double value = 0;   // as pointer motion, in surface-local pixels
      int value120 = 0;   // of wheels: 120 for each click
      bool stop = false;  // the finger was lifted
    };
    Source source = Source::Unknown;
    std::optional<Axis> vertical = std::nullopt;
    std::optional<Axis> horizontal = std::nullopt;
  };

  explicit Pointer(InputSerials& serials);
  Pointer(const Pointer&) = delete;
  Pointer& operator=(const Pointer&) = delete;

  // Answers wl_seat.get_pointer.
  void create_resource(wl_client* client, int version, std::uint32_t id);

  // The pointer is above this point of a surface, or above none. While it is grabbed() nobody else
  // is entered: then, if the focus is not what is under the pointer, tell it where the pointer is
  // with grabbed_motion().
  void motion(const std::optional<Surface::Hit>& under, std::uint32_t milliseconds);
  // The pointer is at this point of the focus' coordinates, which may be outside.
  void grabbed_motion(double x, double y, std::uint32_t milliseconds);
  // BTN_* of linux/input-event-codes.h.
  void button(std::uint32_t button, bool pressed, std::uint32_t milliseconds);
  void scroll(const Scroll& scroll, std::uint32_t milliseconds);

  // Ends what was told to the focus by others.
  void frame() const noexcept;

  Surface* focus() const noexcept { return focus_.get(); }
  // Where it is, in the coordinates of the focus.
  double x() const noexcept { return x_; }
  double y() const noexcept { return y_; }
  // The implicit grab: from the first button that goes down to the last that goes up, all events go
  // to the surface that had the focus.
  bool grabbed() const noexcept { return !pressed_.empty(); }
  // No other button is down.
  bool holds_only(std::uint32_t button) const noexcept {
    return pressed_.size() == 1 && pressed_.front() == button;
  }
  // The surface that has it, if it began with the event of this serial.
  Surface* grabbed_with(std::uint32_t serial) const noexcept {
    return grabbed() && serial == grab_serial_ ? focus() : nullptr;
  }
  // The grab is somebody else's from now on: the surface is left, and none is entered until all
  // buttons are up.
  void take_away() { set_focus(nullptr, 0, 0); }
  // What the client with the focus wants the pointer to look like.
  const Cursor& cursor() const noexcept { return cursor_; }
  Cursor& cursor() noexcept { return cursor_; }

 private:
  // What a client's wl_pointer is to us.
  class Resource {
   public:
    Resource(Pointer& pointer, wl_resource* resource);
    Resource(const Resource&) = delete;
    Resource& operator=(const Resource&) = delete;
    ~Resource();

    void set_cursor(wl_resource* resource, std::uint32_t serial, wl_resource* surface,
                    std::int32_t hotspot_x, std::int32_t hotspot_y);

    static const struct wl_pointer_interface requests;

   private:
    Pointer& pointer_;
    wl_resource* resource_;
    Charge charge_;
  };

  bool is_focused(wl_resource* resource) const noexcept;
  void set_focus(Surface* surface, double x, double y);
  void send_motion(double x, double y, std::uint32_t milliseconds);

  InputSerials& serials_;
  std::vector<wl_resource*> resources_;  // of all clients
  std::vector<wl_resource*> focused_;    // those of the client with the focus
  SurfaceWatch focus_{[this] { focused_.clear(); }};
  double x_ = 0;  // in the coordinates of the focus
  double y_ = 0;
  std::uint32_t enter_serial_ = 0;
  std::vector<std::uint32_t> pressed_;
  std::uint32_t grab_serial_ = 0;
  // What is under the pointer while it is grabbed: entered afterwards.
  SurfaceWatch under_;
  double under_x_ = 0;
  double under_y_ = 0;
  Cursor cursor_;
};

}  // namespace demo
