// A window whose picture moves, and a thread that counts primes meanwhile; all of it meets in one
// loop.
//
//     wayland_window [--frames N]
//
// With --frames it ends when it has shown N pictures and the thread is done.
#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include <wayland-client.h>
#include <xdg-shell-client-protocol.h>

#include <calloop/adapters/wayland_client.hpp>
#include <calloop/calloop.hpp>

#include "calloop/examples/wayland_window/objects.hpp"

namespace {

using namespace std::chrono_literals;
namespace wayland = calloop::wayland;
using window::Buffer;
using window::Globals;
using window::height;
using window::Owned;
using window::width;

// The compositor's frame callback says that a new picture may be shown, the timer that there is
// one: so nothing is drawn that nobody sees, and a window that is hidden sleeps.
class Window {
 public:
  Window(wayland::Connection& connection, const Globals& globals, const calloop::LoopHandle<>& loop,
         calloop::LoopSignal stop, int frames)
      : connection_{connection},
        loop_{loop},
        stop_{std::move(stop)},
        frames_left_{frames},
        buffers_{Buffer{globals.shm.get()}, Buffer{globals.shm.get()}},
        surface_{wl_compositor_create_surface(globals.compositor.get())},
        shell_surface_{xdg_wm_base_get_xdg_surface(globals.shell.get(), surface_.get())},
        toplevel_{xdg_surface_get_toplevel(shell_surface_.get())} {
    xdg_surface_add_listener(shell_surface_.get(), &surface_listener, this);
    xdg_toplevel_add_listener(toplevel_.get(), &toplevel_listener, this);
    xdg_toplevel_set_title(toplevel_.get(), "calloop");
    wl_surface_commit(surface_.get());  // asks for the first configure
  }
  Window(const Window&) = delete;
  Window& operator=(const Window&) = delete;

  [[nodiscard]] int shown() const noexcept { return shown_; }
  // The next picture will have it.
  void set_progress(int percent) noexcept {
    percent_ = percent;
    stop_if_done();
  }
  // Where `calls` keeps what draw() throws below libwayland: the loop's dispatch will throw it.
  [[nodiscard]] const std::shared_ptr<calloop::FirstError>& errors() const noexcept {
    return connection_.errors();
  }

 private:
  static constexpr calloop::Duration step = 20ms;

  void draw() {
    const auto free = std::ranges::find(buffers_, false, &Buffer::is_busy);
    if (free == buffers_.end())
      throw std::runtime_error{"the compositor gives no buffer back"};
    const int x = shown_ * 4 % (width - 40);
    free->fill(0, 0, width, height, 0x203040);
    free->fill(x, 60, 40, 80, 0xe0a030);
    free->fill(0, height - 10, width * percent_ / 100, 10, 0x40c060);
    free->is_busy = true;
    wl_surface_attach(surface_.get(), free->get(), 0, 0);
    wl_surface_damage_buffer(surface_.get(), 0, 0, width, height);
    frame_.reset(wl_surface_frame(surface_.get()));
    wl_callback_add_listener(frame_.get(), &frame_listener, this);
    wl_surface_commit(surface_.get());
  }
  void frame_done(wl_callback* /*callback*/, std::uint32_t /*milliseconds*/) {
    ++shown_;
    stop_if_done();
    next_ = std::max(next_ + step, loop_.now());  // on a grid, unless it was hidden meanwhile
    timer_ = {loop_, loop_.insert_source(calloop::Timer::at(next_), [this] { draw(); })};
  }
  void configured(xdg_surface* surface, std::uint32_t serial) {
    xdg_surface_ack_configure(surface, serial);
    if (frame_ == nullptr)  // the first time; later its size is what it was
      draw();
  }
  void resized(xdg_toplevel* /*toplevel*/, int /*width*/, int /*height*/, wl_array*) noexcept {}
  void closed(xdg_toplevel* /*toplevel*/) noexcept { stop_.stop(); }
  void stop_if_done() const noexcept {
    if (frames_left_ != 0 && shown_ >= frames_left_ && percent_ == 100)
      stop_.stop();
  }

  static constexpr xdg_surface_listener surface_listener{.configure =
                                                             wayland::calls<&Window::configured>};
  static constexpr xdg_toplevel_listener toplevel_listener{
      .configure = wayland::calls<&Window::resized>,
      .close = wayland::calls<&Window::closed>,
      .configure_bounds = nullptr,  // of later versions than that of the shell here
      .wm_capabilities = nullptr};
  static constexpr wl_callback_listener frame_listener{.done = wayland::calls<&Window::frame_done>};

  wayland::Connection& connection_;
  calloop::LoopHandle<> loop_;
  calloop::LoopSignal stop_;
  int frames_left_;
  int shown_ = 0;
  int percent_ = 0;
  std::array<Buffer, 2> buffers_;
  Owned<wl_surface> surface_;
  Owned<xdg_surface> shell_surface_;
  Owned<xdg_toplevel> toplevel_;
  Owned<wl_callback> frame_;
  calloop::TimePoint next_{};
  calloop::ScopedRegistration timer_;
};

struct Progress {
  int percent = 0;
  int primes = 0;
};
constexpr int limit = 1'000'000;

// Knows of the window only that somebody wants to hear of progress.
void count_primes(const std::stop_token& stop, const calloop::Sender<Progress>& progress) {
  int primes = 1;  // 2
  for (int number = 3; number < limit && !stop.stop_requested(); ++number) {
    bool is_prime = number % 2 != 0;
    for (int divisor = 3; is_prime && divisor * divisor <= number; divisor += 2)
      is_prime = number % divisor != 0;
    primes += is_prime ? 1 : 0;
    if ((number + 1) % (limit / 100) == 0)
      progress.send(Progress{(number + 1) / (limit / 100), primes});
  }
}

// How many pictures to show, 0 for no end; nothing if the command line is wrong.
std::optional<int> frames_of(int argc, char** argv) {
  if (argc == 1)
    return 0;
  int frames = 0;
  const std::string_view number{argv[argc - 1]};
  if (argc != 3 || std::string_view{argv[1]} != "--frames" ||
      std::from_chars(number.data(), number.data() + number.size(), frames).ec != std::errc{} ||
      frames < 1)
    return std::nullopt;
  return frames;
}

}  // namespace

int main(int argc, char** argv) try {
  const std::optional<int> frames = frames_of(argc, argv);
  if (!frames) {
    std::fprintf(stderr, "usage: wayland_window [--frames N]\n");
    return 2;
  }
  std::jthread worker;  // ahead of what it tells, so that it is joined when that is gone
  auto connection = wayland::Connection::open();
  calloop::EventLoop<> loop;
  const Globals globals{connection};
  Window window{connection, globals, loop.handle(), loop.signal(), *frames};
  loop.handle().insert_source(wayland::ConnectionSource{connection}, [] {});

  int primes = 0;
  auto [sender, channel] = calloop::make_channel<Progress>();
  loop.handle().insert_source(std::move(channel), [&](std::optional<Progress> progress) {
    if (!progress)
      return;  // the thread has ended
    primes = progress->primes;
    window.set_progress(progress->percent);
  });
  worker = std::jthread{[progress = std::move(sender)](const std::stop_token& stop) {
    count_primes(stop, progress);
  }};

  loop.run();
  std::printf("%d pictures shown, %d primes found\n", window.shown(), primes);
} catch (const std::exception& error) {
  std::fprintf(stderr, "wayland_window: %s\n", error.what());
  return 1;
}
