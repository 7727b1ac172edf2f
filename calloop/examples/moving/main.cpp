// From a wl_event_loop to calloop, one source at a time: the same program in six stages.
//
//     moving [STAGE]
//
// At stage 0 all is libwayland's. Each of the stages 1 to 4 moves one more source into a calloop
// that is a guest in the wl_event_loop, and at stage 5 the loop is ours and the wl_display a source
// in it. Every stage does the same and says the same: a timer writes a line to a pipe, what is read
// asks for a redraw, which is done when there is nothing else to do, and sends a signal that ends
// the program.
#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <system_error>
#include <vector>

#include <wayland-server-core.h>

#include <calloop/adapters/wayland_guest.hpp>
#include <calloop/adapters/wayland_server.hpp>
#include <calloop/calloop.hpp>

namespace {

// What the program does. How it is called is what moves.
class Compositor {
 public:
  Compositor() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
      throw std::system_error{errno, std::generic_category(), "pipe2"};
    reader_.reset(ends[0]);
    writer_.reset(ends[1]);
  }
  std::function<void()> schedule_redraw;
  std::function<void()> stop;

  [[nodiscard]] int fd() const noexcept { return reader_.get(); }
  void tick() {
    std::printf("timer\n");
    [[maybe_unused]] const auto written = ::write(writer_.get(), "frame", 5);
  }
  void read() {
    char text[16];
    const auto length = ::read(reader_.get(), text, sizeof text);
    std::printf("read %.*s\n", static_cast<int>(length), text);
    schedule_redraw();
  }
  void redraw() {
    std::printf("redraw\n");
    ::kill(::getpid(), SIGTERM);
  }
  void end(int signal) {
    std::printf("signal %d\n", signal);
    stop();
  }

 private:
  calloop::OwnedFd reader_;
  calloop::OwnedFd writer_;
};

Compositor& compositor(void* data) {
  return *static_cast<Compositor*>(data);
}

// ------------------------------------------------------------------------------------- before

namespace before {

wl_event_source* watch_pipe(wl_event_loop* loop, Compositor& app) {
  return wl_event_loop_add_fd(
      loop, app.fd(), WL_EVENT_READABLE,
      [](int, std::uint32_t, void* data) {
        compositor(data).read();
        return 0;
      },
      &app);
}

wl_event_source* start_timer(wl_event_loop* loop, Compositor& app) {
  wl_event_source* const timer = wl_event_loop_add_timer(
      loop,
      [](void* data) {
        compositor(data).tick();
        return 0;
      },
      &app);
  wl_event_source_timer_update(timer, 10);
  return timer;
}

wl_event_source* wait_for_signal(wl_event_loop* loop, Compositor& app) {
  return wl_event_loop_add_signal(
      loop, SIGTERM,
      [](int signal, void* data) {
        compositor(data).end(signal);
        return 0;
      },
      &app);
}

void redraw_when_idle(wl_event_loop* loop, Compositor& app) {
  app.schedule_redraw = [loop, &app] {
    wl_event_loop_add_idle(loop, [](void* data) { compositor(data).redraw(); }, &app);
  };
}

}  // namespace before

// -------------------------------------------------------------------------------------- after

namespace after {

using Loop = calloop::LoopHandle<Compositor>;

void watch_pipe(const Loop& loop, Compositor& app) {
  loop.insert_source(calloop::Generic{app.fd(), calloop::interest().read()},
                     [](calloop::Readiness, int, Compositor& data) { data.read(); });
}

void start_timer(const Loop& loop) {
  loop.insert_source(calloop::Timer::after(std::chrono::milliseconds{10}),
                     [](Compositor& data) { data.tick(); });
}

void wait_for_signal(const Loop& loop) {
  loop.insert_source(calloop::Signals{SIGTERM}, [](calloop::SignalInfo signal, Compositor& data) {
    data.end(signal.signal());
  });
}

void redraw_when_idle(const Loop& loop, Compositor& app) {
  app.schedule_redraw = [loop] { loop.insert_idle([](Compositor& data) { data.redraw(); }); };
}

}  // namespace after

// --------------------------------------------------------------------------------- the stages

void run(int stage) {
  wl_display* const display = wl_display_create();
  wl_event_loop* const host = wl_display_get_event_loop(display);
  std::vector<wl_event_source*> of_the_host;
  {
    Compositor app;  // ahead of the loop, which polls its pipe for as long as it lives
    calloop::EventLoop<Compositor> loop;
    std::exception_ptr error;

    if (stage < 1)
      of_the_host.push_back(before::watch_pipe(host, app));
    else
      after::watch_pipe(loop.handle(), app);

    if (stage < 2)
      of_the_host.push_back(before::start_timer(host, app));
    else
      after::start_timer(loop.handle());

    if (stage < 3)
      of_the_host.push_back(before::wait_for_signal(host, app));
    else
      after::wait_for_signal(loop.handle());

    if (stage < 4)
      before::redraw_when_idle(host, app);
    else
      after::redraw_when_idle(loop.handle(), app);

    if (stage < 5) {  // wl_display_run stays, and the loop is its guest
      const calloop::wayland::Guest guest{{loop, app},
                                          [&](std::exception_ptr thrown) {
                                            error = thrown;
                                            wl_display_terminate(display);
                                            return calloop::ErrorAction::Remove;
                                          },
                                          host};
      app.stop = [&] { wl_display_terminate(display); };
      wl_display_run(display);
      for (wl_event_source* const source : of_the_host)
        wl_event_source_remove(source);
      if (error)
        std::rethrow_exception(error);
    } else {  // the guest has become the host, and exceptions leave run()
      loop.handle().insert_source(calloop::wayland::DisplaySource{display}, [] {});
      app.stop = [signal = loop.signal()] { signal.stop(); };
      loop.run(app);
    }
  }
  wl_display_destroy(display);
}

}  // namespace

int main(int argc, char** argv) try {
  run(argc > 1 ? std::atoi(argv[1]) : 0);
} catch (const std::exception& error) {
  std::fprintf(stderr, "moving: %s\n", error.what());
  return 1;
}
