// wl_touch: fingers, each of which belongs to the surface on which it was put down.
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <vector>

#include <wayland-server-core.h>

#include "compositor-demo/protocol/client_limits.hpp"
#include "compositor-demo/protocol/input_serials.hpp"
#include "compositor-demo/protocol/surface.hpp"
#include "compositor-demo/protocol/surface_watch.hpp"

namespace demo {

// The touch screen of the seat. What happens at one time ends with frame() or cancel().
class Touch {
 public:
  explicit Touch(InputSerials& serials) noexcept : serials_{serials} {}
  Touch(const Touch&) = delete;
  Touch& operator=(const Touch&) = delete;

  // Answers wl_seat.get_touch. Of fingers that are down already it hears nothing.
  void create_resource(wl_client* client, int version, std::uint32_t id);

  // A finger is put down on this point of a surface, or on none: then nobody hears of it. `x` and
  // `y` are the same point in the coordinates in which motion() will tell where it goes, which may
  // be outside. An id that is down already is lifted first.
  void down(std::int32_t id, const std::optional<Surface::Hit>& under, double x, double y,
            std::uint32_t milliseconds);
  void motion(std::int32_t id, double x, double y, std::uint32_t milliseconds);
  // Those who have lost the surface since have been told then.
  void up(std::int32_t id, std::uint32_t milliseconds);
  // To those who have heard something since the last one.
  void frame();
  // All fingers are somebody else's from now on, and what they have done so far is to be undone.
  void cancel();

  // The same for those of one client.
  void cancel(const wl_client* client);

  // The finger that was put down with the event of this serial, if its surface is still there.
  std::optional<std::int32_t> put_down_with(std::uint32_t serial) const noexcept;
  // The surface that a finger belongs to; null when it is gone, or there is none.
  Surface* surface_of(std::int32_t id) const noexcept;

 private:
  // What a client's wl_touch is to us.
  class Resource {
   public:
    Resource(Touch& touch, wl_resource* resource);
    Resource(const Resource&) = delete;
    Resource& operator=(const Resource&) = delete;
    ~Resource();

    static const struct wl_touch_interface requests;

   private:
    Touch& touch_;
    wl_resource* resource_;
    Charge charge_;
  };
  struct Finger {
    Finger(Touch& touch, std::int32_t number)
        : id{number}, surface{[this, &touch] { touch.surface_gone(*this); }} {}

    std::int32_t id;
    SurfaceWatch surface;
    std::uint32_t serial = 0;        // of its being put down
    std::uint32_t milliseconds = 0;  // when it was heard of last
    double dx = 0;                   // from the coordinates of motion() to the surface's
    double dy = 0;
    double x = 0;  // where it is on the surface
    double y = 0;
    std::vector<wl_resource*> told;  // who have heard of its being put down
  };

  std::list<Finger>::iterator find(std::int32_t id) noexcept;
  void expect_frame(wl_resource* resource);
  void send_up(Finger& finger, std::uint32_t milliseconds);
  void surface_gone(Finger& finger) noexcept;
  template <class F>
  void cancel_if(F chosen);

  InputSerials& serials_;
  std::vector<wl_resource*> resources_;  // of all clients
  std::vector<wl_resource*> unframed_;
  std::list<Finger> fingers_;
};

}  // namespace demo
