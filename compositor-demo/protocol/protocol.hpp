// The client protocol: the socket, the clients, and everything they may ask for.
//
// Owns the wl_display and its clients. Tells its owner (Host) about windows and is asked for their
// pictures; knows nothing about where windows are, how they are drawn, or where input comes from.
// This header is the module's whole face; the other files in this folder are its inside.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <calloop/clock.hpp>
#include <calloop/fd.hpp>
#include <calloop/loop_handle.hpp>

#include "compositor-demo/geometry.hpp"
#include "compositor-demo/picture.hpp"

namespace demo {

// What clients are told about an output.
struct OutputInfo {
  std::string name;         // "HEADLESS-1"
  std::string description;  // for people
  std::string make;
  std::string model;
  Point position;           // of the top left corner in the space of all outputs
  Size mode;                // in pixels, before `transform`
  Size millimetres;         // positive: clients divide by it
  int refresh_mhz = 60000;  // millihertz
  int scale = 1;
  Transform transform = Transform::Normal;
};

// When a frame became visible, and what is known about that: wp_presentation_feedback.presented.
struct FrameTime {
  calloop::TimePoint time{};
  std::uint32_t refresh_ns = 0;  // until the next frame, at the earliest; 0: unknown
  std::uint64_t sequence = 0;    // the output's count of refreshes; 0: it has none
  std::uint32_t flags = 0;       // as in wp_presentation_feedback.kind
  std::string output{};          // its name; empty: of none
};

// What a window fills of its screen.
enum class WindowState { Floating, Maximized, Fullscreen };

// What the user has taken hold of a window by, to move or resize it.
struct WindowGrab {
  // Of xdg_toplevel.resize_edge: which edges follow. None: all of it moves.
  enum Edges : std::uint32_t { Top = 1, Bottom = 2, Left = 4, Right = 8 };
  std::uint32_t edges = 0;
  std::optional<std::int32_t> touch{};  // the finger; else the pointer
};

// What a client wants the size of its window to be within; 0: no limit.
struct SizeLimits {
  Size min;
  Size max;
};

// How far the pointer was moved, in pixels; and as the device had it, before the user's
// acceleration.
struct RelativeMotion {
  double dx = 0;
  double dy = 0;
  double unaccelerated_dx = 0;
  double unaccelerated_dy = 0;
};

enum class AxisSource { Wheel, Finger, Continuous };

// One turn of a wheel, or one stroke of fingers.
struct Axis {
  double dx = 0;  // as pointer motion, in surface-local pixels
  double dy = 0;
  int v120_x = 0;  // of wheels: 120 for each click
  int v120_y = 0;
  AxisSource source = AxisSource::Wheel;
  bool stop_x = false;  // the fingers were lifted
  bool stop_y = false;
};

// Which of the keys that change others are held, as the keymap has it.
struct KeyModifiers {
  bool shift = false;
  bool control = false;
  bool alt = false;
  bool logo = false;
};

// A connection of a client. Never used again for another one.
enum class ClientId : std::uint64_t {};

class Protocol {
 public:
  // What protocol needs from its owner. Called while a client's request is served, so a client is
  // in the middle of something: ask for pictures later, not from here. Not called by ~Protocol.
  class Host {
   public:
    virtual void window_mapped(WindowId) = 0;    // its first buffer was committed
    virtual void window_unmapped(WindowId) = 0;  // the client took it away, or is gone
    // Its top left is elsewhere on its content, by so much, and the client has not said so: its
    // subsurfaces reach further. The content stays where it is if the window moves as much.
    virtual void window_grew(WindowId, Point by) = 0;
    // The client asks for another state, on the output of that name or on any: answer with
    // set_window_state.
    virtual void window_wants(WindowId, WindowState, const std::string& output) = 0;
    // What it shows is made for another state now: see window_state.
    virtual void window_state_changed(WindowId) = 0;
    // The client asks that the user may move or resize it with what he holds down: if he may, take
    // that away from the client with take_pointer or take_touch.
    virtual void window_grabbed(WindowId, const WindowGrab&) = 0;
    // Something visible of the window changed (subsurfaces and popups too), or somebody waits for a
    // frame of it.
    virtual void window_committed(WindowId) = 0;
    // The pointer should be there, relative to the top left of window_size.
    virtual void pointer_warped(WindowId, double /*x*/, double /*y*/) {}
    // What the pointer looks like, or what is dragged with it, is different, or may be.
    virtual void cursor_changed() noexcept {}

   protected:
    ~Host() = default;
  };

  struct Settings {
    std::string socket;  // name in XDG_RUNTIME_DIR; empty: the first free of wayland-1, -2, ...
  };

  // Listens. Throws std::system_error or std::runtime_error whose text says what is wrong with the
  // socket. The host must outlive this.
  Protocol(calloop::LoopHandle<Protocol> loop, Host& host, const Settings& settings);
  Protocol(const Protocol&) = delete;
  Protocol& operator=(const Protocol&) = delete;
  // Disconnects every client, then closes and removes the socket.
  ~Protocol();

  // The name of the socket: what clients need in WAYLAND_DISPLAY.
  const std::string& socket() const noexcept;
  // Lets nobody in any more; the socket is gone. Those who are there stay.
  void stop_accepting() noexcept;
  // Lets in who holds the other end of this socket. Throws std::system_error.
  ClientId add_client(calloop::OwnedFd connection);
  // Clients see one more output. Before the first client, at best: some look only once.
  void add_output(const OutputInfo& output);
  // The one of that name is gone, or is different.
  void remove_output(const std::string& name);
  void change_output(const OutputInfo& output);

  // --- windows. A WindowId that is not mapped any more is not an error: sizes are empty, texts
  // too, and nothing happens.

  // Of the window without its shadows (xdg_surface.set_window_geometry).
  Size window_size(WindowId id) const;
  // Where it was when it was unmapped before, if it was; see set_position.
  std::optional<Point> window_former_position(WindowId id) const;
  // Whose content is the wl_surface that this client knows by that number of the wire.
  std::optional<WindowId> window_of(ClientId client, std::uint32_t surface) const;
  pid_t window_pid(WindowId id) const;  // 0: unknown
  std::string window_title(WindowId id) const;
  // Asks the client to take this size; an empty one leaves it to the client.
  void configure(WindowId id, Size size);
  // The same, while the user drags an edge of it.
  void configure_resizing(WindowId id, Size size, bool resizing);
  // Asks the client to be so, in this size.
  void set_window_state(WindowId id, WindowState state, Size size);
  // What it shows is made for: as the client has acknowledged it.
  WindowState window_state(WindowId id) const;
  bool window_resizing(WindowId id) const;
  SizeLimits window_limits(WindowId id) const;
  // Asks the client to close it.
  void close(WindowId id);
  // Where the top left of its window_size is on the output: popups are kept on it. Also said with
  // append_pictures, but a client may open a popup before the first frame.
  void set_position(WindowId id, Point position);
  // Ends the window's client when the loop is done with what it does now; `reason` ends the
  // sentence "client with pid 42 ..." in the log.
  void disconnect(WindowId id, const std::string& reason);
  // Who gets the keys: enter and leave, the look of an active window, the clipboard. A client that
  // has not read what it was sent before gets them when it has; nobody does until then.
  void set_keyboard_focus(std::optional<WindowId> id);

  // --- what is to be seen

  // Appends everything of a window, back to front: its surfaces, subsurfaces and popups. `origin`
  // is where the top left of its window_size is on the output. The pictures hold until the loop
  // serves clients again.
  void append_pictures(WindowId id, Point origin, std::vector<Picture>& pictures);
  // A frame with this window was shown: answers those who wait for it, forgets the damage.
  void frame_shown(WindowId id, const FrameTime& frame);
  // The same for a window that nobody can see. To be called now and then, so that clients who wait
  // for a frame before they do anything else go on living.
  void frame_throttled(WindowId id, calloop::TimePoint time);
  // Everything that the window's client committed was in a frame.
  bool shown_since_last_commit(WindowId id) const;
  // Somebody waits for frame_shown or frame_throttled.
  bool frame_wanted(WindowId id) const;

  // Appends what the client under the pointer wants it to look like, with the pixel that points at
  // `hotspot`; that may be nothing at all. False if no client has said anything.
  bool append_cursor(Point hotspot, std::vector<Picture>& pictures);
  // It was shown: see frame_shown.
  void cursor_shown(const FrameTime& frame);

  // The same for what the user drags, where he holds it.
  void append_drag_icon(Point held, std::vector<Picture>& pictures);
  bool has_drag_icon() const noexcept;

  // --- input. Coordinates are relative to the top left of window_size; codes are those of
  // linux/input-event-codes.h.

  // It was moved; where it is then is reported with pointer_motion, which may be the same place.
  void pointer_moved(const RelativeMotion& motion, calloop::TimePoint time);
  // It is to stay where it is.
  bool pointer_locked() const noexcept;
  // Where it may go instead of this place of pointer_window(): it is kept within.
  std::optional<std::pair<double, double>> pointer_confined(double x, double y) const;
  // The window that the pointer was last reported to be in, if its client has got it.
  std::optional<WindowId> pointer_window() const;
  // Buttons are held down, whoever has the pointer.
  bool pointer_pressed() const noexcept;
  // What is held down is not the client's any more: nobody has the pointer until all buttons are
  // up.
  void take_pointer();
  // The same for the client's fingers.
  void take_touch(std::int32_t touch);
  // While buttons are held down, the window that the pointer belongs to: then motion outside of it
  // is to be reported relative to this one.
  std::optional<WindowId> pointer_grab() const;
  // The pointer is there, above this window or above none.
  void pointer_motion(std::optional<WindowId> id, double x, double y, calloop::TimePoint time);
  // Whether that finger carries something: then nobody has it, and what it is above is reported
  // with touch_carries.
  bool touch_is_carrying(std::int32_t touch) const noexcept;
  void touch_carries(std::optional<WindowId> id, double x, double y, calloop::TimePoint time);
  // What is carried is not any more, and nobody gets it.
  void cancel_drag();
  void pointer_button(std::uint32_t button, bool pressed, calloop::TimePoint time);
  void pointer_axis(const Axis& axis, calloop::TimePoint time);
  void key(std::uint32_t key, bool pressed, calloop::TimePoint time);
  // Whether anything of the window, its popups included, wants the pointer at this place.
  bool accepts_input(WindowId id, double x, double y) const;
  KeyModifiers modifiers() const noexcept;
  // The LEDs of keyboards that are to be lit: 1 num lock, 2 caps lock, 4 scroll lock.
  std::uint32_t leds() const noexcept;
  // Whether there is a touch screen; without one what follows is heard by nobody.
  void set_has_touch(bool has_touch);
  // A finger, by a number that is its own while it is down, is put down above this window or above
  // none. It belongs to that window until it is lifted: motion is reported relative to it.
  void touch_down(std::optional<WindowId> id, std::int32_t touch, double x, double y,
                  calloop::TimePoint time);
  void touch_motion(std::int32_t touch, double x, double y, calloop::TimePoint time);
  void touch_up(std::int32_t touch, calloop::TimePoint time);
  // What was reported since the last one happened at one time.
  void touch_frame();
  // All fingers that are down are not for the clients any more: a gesture, or another session.
  void touch_cancel();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace demo
