// A compositor whose loop is libwayland's, as one of wlroots or libweston has it, takes a calloop
// in.
//
//     embedded COMMAND [ARGUMENT...]
//
// Its frames are a timer of the wl_event_loop; the command is a child process in the calloop. It
// ends with the command, and with its status.
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include <wayland-server-core.h>

#include <calloop/adapters/wayland_guest.hpp>
#include <calloop/calloop.hpp>

namespace {

// What was there before: a display, a frame timer, wl_display_run.
class Compositor {
 public:
  Compositor() : display_{wl_display_create()} {
    frames_ = wl_event_loop_add_timer(wl_display_get_event_loop(display_), &draw_frame, this);
    wl_event_source_timer_update(frames_, 1);
  }
  Compositor(const Compositor&) = delete;
  Compositor& operator=(const Compositor&) = delete;
  ~Compositor() {
    wl_event_source_remove(frames_);
    wl_display_destroy(display_);
  }

  [[nodiscard]] wl_display* display() const noexcept { return display_; }
  void run() { wl_display_run(display_); }
  void child_ended(calloop::ChildExit exit) {
    std::printf("the command has ended after %s frames: %d\n", frame_ == 0 ? "no" : "some",
                exit.shell_status());
    status_ = exit.shell_status();
    wl_display_terminate(display_);
  }
  [[nodiscard]] int status() const noexcept { return status_; }

 private:
  static int draw_frame(void* data) {
    auto& self = *static_cast<Compositor*>(data);
    if (self.frame_++ == 0)
      std::printf("the first frame\n");
    wl_event_source_timer_update(self.frames_, 16);
    return 0;
  }

  wl_display* display_;
  wl_event_source* frames_;
  int frame_ = 0;
  int status_ = 1;
};

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s COMMAND [ARGUMENT...]\n", argv[0]);
    return 2;
  }
  Compositor compositor;

  // These ten lines take a loop in. What is inserted into it from now on runs in wl_display_run,
  // and an exception ends that and is rethrown after it.
  calloop::EventLoop<Compositor> loop;
  std::exception_ptr error;
  const calloop::wayland::Guest guest{{loop, compositor},
                                      [&](std::exception_ptr thrown) {
                                        error = thrown;
                                        wl_display_terminate(compositor.display());
                                        return calloop::ErrorAction::Remove;
                                      },
                                      wl_display_get_event_loop(compositor.display())};

  loop.handle().insert_source(
      calloop::Child::spawn(std::vector<std::string>{argv + 1, argv + argc}),
      [](calloop::ChildExit exit, Compositor& data) { data.child_ended(exit); });

  compositor.run();
  if (error)
    std::rethrow_exception(error);
  return compositor.status();
} catch (const std::exception& error) {
  std::fprintf(stderr, "embedded: %s\n", error.what());
  return 1;
}
