// The wiring: every module of the demo is a member here, and what one has to tell another goes
// through here. No module includes another one.
//
// In five files: app.cpp is the beginning, the windows and the end; app.windows.cpp how windows
// fill the screen and are dragged; app.seat.cpp which backend there is, and whose turn it is;
// app.screens.cpp outputs and frames; app.input.cpp what people do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include <calloop/fd.hpp>
#include <calloop/loop_handle.hpp>
#include <calloop/loop_signal.hpp>
#include <calloop/scoped_registration.hpp>

#include "compositor-demo/input/bindings.hpp"
#include "compositor-demo/input/input.hpp"
#include "compositor-demo/input/pointer_position.hpp"
#include "compositor-demo/options.hpp"
#include "compositor-demo/output/cursor_theme.hpp"
#include "compositor-demo/output/drm.hpp"
#include "compositor-demo/output/output.hpp"
#include "compositor-demo/picture.hpp"
#include "compositor-demo/process/client_processes.hpp"
#include "compositor-demo/process/descriptor_limit.hpp"
#include "compositor-demo/protocol/protocol.hpp"
#include "compositor-demo/render/frame_budget.hpp"
#include "compositor-demo/render/missed_damage.hpp"
#include "compositor-demo/render/renderer.hpp"
#include "compositor-demo/session/session.hpp"
#include "compositor-demo/shell/shell.hpp"
#include "compositor-demo/shell/throttle.hpp"

namespace demo {

// Pictures go one way: client -> protocol -> app -> render -> output; the time at which they were
// shown goes back. What people do goes the other way: input -> app -> shell and protocol.
class App final : Protocol::Host,
                  Shell::Host,
                  ClientProcesses::Host,
                  Session::Host,
                  Drm::Host,
                  Input::Host {
 public:
  // Listens, makes the outputs and starts the clients; where a seat is waited for, the last two
  // happen when it is ours. Throws std::system_error or std::runtime_error with a line for the user
  // when the environment cannot be used.
  App(const calloop::LoopHandle<App>& loop, calloop::LoopSignal stop, Options options);
  App(const App&) = delete;
  App& operator=(const App&) = delete;
  ~App();

  // Lets no client in any more, ends those that were started, then stops the loop. The first status
  // stays; said again, it does not wait for the clients any more.
  void quit(int status);
  // Writes the file of --screenshot now, or when there is something on the screen.
  void write_screenshot();
  int exit_status() const noexcept { return exit_status_; }

  // --- for who brings clients and devices of his own, as a conformance suite does

  // Lets in who holds the other end of this socket. Throws std::system_error.
  ClientId add_client(calloop::OwnedFd connection);
  // Puts the window there whose content this wl_surface of the client is. Does nothing if there is
  // none.
  void place_window(ClientId client, std::uint32_t surface, Point position);
  // What a seat with a pointer, a keyboard and a touch screen says of them.
  Input::Host& virtual_devices();

 private:
  // What the last frame shows of a window.
  struct Shown {
    WindowId id{};
    std::size_t first_picture = 0;
    bool visible = false;
  };
  // An output and what belongs to its frames.
  struct Screen {
    Output* output = nullptr;
    DrmOutput* drm = nullptr;  // the same, if it is one
    OutputInfo info;
    Renderer renderer;
    MissedDamage missed;
    std::vector<Shown> shown;
    bool painted = false;       // there was a frame
    bool cursor_plane = false;  // the card shows the pointer, and the frame need not

    Rect area() const noexcept { return Rect::at(info.position, output->size()); }
  };

  // A finger that is down.
  struct Touched {
    WindowId window{};
    double x = 0;
    double y = 0;
  };

  // Protocol::Host
  void window_mapped(WindowId window) override;
  void window_unmapped(WindowId window) override;
  void window_grew(WindowId window, Point by) override;
  void window_wants(WindowId window, WindowState state, const std::string& output) override;
  void window_state_changed(WindowId window) override;
  void window_grabbed(WindowId window, const WindowGrab& grab) override;
  void window_committed(WindowId window) override;
  void pointer_warped(WindowId window, double x, double y) override;
  void cursor_changed() noexcept override;
  // Shell::Host
  void focus_changed(std::optional<WindowId> focus) override;
  void arrangement_changed() override;
  // Output::Host
  void frame(Output& output, calloop::TimePoint time) override;
  void presented(Output& output, calloop::TimePoint time, std::uint64_t sequence,
                 std::uint32_t flags) override;
  void resized(Output& output) override;
  void gone(Output& output) override;
  // ClientProcesses::Host
  void client_ended(pid_t client, int status) override;
  void all_clients_ended() override;
  // Session::Host
  void session_enabled() override;
  void session_disabled() override;
  void session_not_enabled() override;
  void session_lost(const std::string& reason) override;
  // Drm::Host
  int open_card(const std::string& path) override;
  void close_card(int fd) noexcept override;
  void output_added(DrmOutput& output) override;
  void output_removed(DrmOutput& output) override;
  // Input::Host
  int open_device(const std::string& path) override;
  void close_device(int fd) noexcept override;
  void key(std::uint32_t key, bool pressed, calloop::TimePoint time) override;
  void pointer_moved(const MotionEvent& motion, calloop::TimePoint time) override;
  void pointer_placed(double x, double y, calloop::TimePoint time) override;
  void button(std::uint32_t button, bool pressed, calloop::TimePoint time) override;
  void scrolled(const ScrollEvent& event, calloop::TimePoint time) override;
  void touch_down(std::int32_t touch, double x, double y, calloop::TimePoint time) override;
  void touch_moved(std::int32_t touch, double x, double y, calloop::TimePoint time) override;
  void touch_up(std::int32_t touch, calloop::TimePoint time) override;
  void touch_frame() override;
  void touch_cancelled() override;
  void devices_changed() override;

  // --- app.cpp
  void begin();
  void tell_focus();
  void start_clients();
  bool belongs_to(WindowId window, pid_t client) const;
  bool shows_a_window(pid_t client) const;
  bool in_last_frame(pid_t client) const;
  void take_first_screenshot();
  void save_screenshot();

  void move_window(WindowId window, Point position);

  // --- app.windows.cpp
  void refill_windows();
  void place_filling(WindowId window);
  Screen* screen_to_fill(const Shell::Window& window) const noexcept;
  const Screen* screen_behind(const Shell::Window& window) const noexcept;
  bool drags(std::optional<std::int32_t> touch) const noexcept;
  void drag_to(double x, double y);
  void end_drag();
  void keep_edge(WindowId window);
  void hang_on_edge(Size size);

  // --- app.seat.cpp
  void choose_backend();
  void open_session(const std::string& why);
  void use_headless(const std::string& why);
  void no_screens(const std::string& why);
  void start_seat();

  // --- app.screens.cpp
  void add_screen(Output& output, DrmOutput* drm, OutputInfo info);
  void remove_screen(Output& output);
  void arrange_screens();
  void bring_windows_over();
  Screen* screen_of(const Output& output) noexcept;
  Screen* screen_of(const Shell::Window& window) const noexcept;
  const Shell::Window* find_window(std::optional<WindowId> window) const noexcept;
  Image picture_of_all_screens() const;
  void request_frames();
  void leave_out_the_greedy(Screen& screen, std::size_t of_windows);
  void serve_covered(calloop::TimePoint now);

  // --- app.input.cpp
  void act(const Action& action);
  void carry(const Touched& touched, calloop::TimePoint time);
  void raise(WindowId window);
  const Shell::Window* window_at(double x, double y) const;
  void pointer_moves(calloop::TimePoint time);
  void keep_pointer_within();
  void tell_pointer(calloop::TimePoint time);
  void update_leds();
  void update_cursor();
  void move_cursor();
  void append_cursor(const Screen& screen);
  bool cursor_visible() const noexcept { return input_ && input_->has_pointer(); }
  CursorPicture cursor_for_plane();
  Screen* screen_under_pointer() noexcept;

  Options options_;
  calloop::LoopHandle<App> loop_;
  calloop::LoopSignal stop_;
  int exit_status_ = 0;
  bool quitting_ = false;
  bool begun_ = false;

  DescriptorLimit descriptors_;
  Protocol protocol_;
  Shell shell_;
  ClientProcesses clients_;
  // What the backend is made of. The devices are the session's, the cursors' memory a card's.
  std::optional<Session> session_;
  std::unique_ptr<Output> headless_;
  std::optional<Drm> drm_;
  std::optional<Input> input_;
  std::vector<std::unique_ptr<Screen>> screens_;  // from left to right

  std::optional<WindowId> focus_;       // as shell has it
  std::optional<WindowId> focus_told_;  // as protocol knows it
  bool focus_told_in_this_frame_ = false;

  Bindings bindings_;
  PointerPosition pointer_;
  std::unordered_map<std::int32_t, Touched> touched_;
  std::optional<Point> carried_to_;  // by a finger
  // What the user holds of a window, since when it was there.
  struct Drag {
    WindowId window{};
    WindowGrab grab;
    double x = 0;
    double y = 0;
    Rect begin;
    Size size;         // that the client was told last
    bool held = true;  // let go: the client may still draw what it was told meanwhile
  };
  std::optional<Drag> drag_;
  std::unordered_map<WindowId, std::string> filled_;  // which output, if that was said
  bool pointer_stale_ = false;                        // something else may be under it now
  CursorPicture cursor_;                              // where no client has one of its own
  bool cursor_stale_ = false;
  calloop::Idle cursor_idle_;
  std::uint32_t leds_ = 0;

  std::vector<Picture> pictures_;
  std::vector<Work> work_;  // of each that is shown
  Throttle throttle_;
  calloop::ScopedRegistration covered_timer_;
  calloop::ScopedRegistration run_timer_;
  calloop::Idle fallback_;
  std::optional<pid_t> command_;     // the client whose end is ours
  bool screenshot_pending_ = false;  // the first one is not written yet
  bool screenshot_asked_ = false;    // before there was anything to be seen
};

}  // namespace demo
