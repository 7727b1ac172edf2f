// wl_event_loop of libwayland-server. Timers in milliseconds from now.
#include <wayland-server-core.h>

#include <algorithm>
#include <cstdint>
#include <memory>

#include "tests/bench/harness/program.hpp"
#include "tests/bench/harness/units.hpp"

namespace {

class Peer {
 public:
  using Watch = wl_event_source*;
  using Timer = wl_event_source*;

  explicit Peer(const bench::Setup&) {}

  template <auto F, class T>
  Watch add_fd(int fd, T& argument) {
    const auto callback = [](int, std::uint32_t, void* data) {
      F(*static_cast<T*>(data));
      return 0;
    };
    return wl_event_loop_add_fd(loop_.get(), fd, WL_EVENT_READABLE, callback, &argument);
  }
  static void remove_fd(Watch watch) { wl_event_source_remove(watch); }

  void turn() { wl_event_loop_dispatch(loop_.get(), -1); }
  void turn_at_once() { wl_event_loop_dispatch(loop_.get(), 0); }

  template <auto F, class T>
  Timer add_timer(std::int64_t deadline, T& argument) {
    const auto callback = [](void* data) {
      F(*static_cast<T*>(data));
      return 0;
    };
    Timer timer = wl_event_loop_add_timer(loop_.get(), callback, &argument);
    move(timer, deadline);
    return timer;
  }
  static void finish(Timer timer) { wl_event_source_remove(timer); }
  static void cancel(Timer timer) { wl_event_source_remove(timer); }
  static void move(Timer timer, std::int64_t deadline) {
    // Zero would disarm it.
    const auto delay =
        std::max<std::int64_t>(bench::milliseconds(deadline - bench::nanoseconds()), 1);
    wl_event_source_timer_update(timer, static_cast<int>(delay));
  }

  template <auto F, class T>
  void defer(T& argument) {
    const auto callback = [](void* data) { F(*static_cast<T*>(data)); };
    wl_event_loop_add_idle(loop_.get(), callback, &argument);
  }

 private:
  struct Destroy {
    void operator()(wl_event_loop* loop) const { wl_event_loop_destroy(loop); }
  };
  std::unique_ptr<wl_event_loop, Destroy> loop_{wl_event_loop_create()};
};

}  // namespace

int main(int argc, char** argv) {
  return bench::run_program<Peer>(argc, argv);
}
