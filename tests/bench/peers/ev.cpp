// libev. Timers in seconds from the time that it read last.
#include <ev.h>

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <limits>
#include <memory>

#include "tests/bench/harness/pool.hpp"
#include "tests/bench/harness/program.hpp"

namespace {

class Peer {
 public:
  using Watch = ev_io*;
  using Timer = ev_timer*;

  explicit Peer(const bench::Setup&) {}

  template <auto F, class T>
  Watch add_fd(int fd, T& argument) {
    auto* const watch = new ev_io;
    const auto callback = [](struct ev_loop*, ev_io* io, int) { F(*static_cast<T*>(io->data)); };
    ev_io_init(watch, callback, fd, EV_READ);
    watch->data = &argument;
    ev_io_start(loop_.get(), watch);
    return watch;
  }
  void remove_fd(Watch watch) {
    ev_io_stop(loop_.get(), watch);
    delete watch;
  }

  void turn() { ev_run(loop_.get(), EVRUN_ONCE); }
  void turn_at_once() { ev_run(loop_.get(), EVRUN_NOWAIT); }

  template <auto F, class T>
  Timer add_timer(std::int64_t deadline, T& argument) {
    auto* const timer = new ev_timer;
    const auto callback = [](struct ev_loop*, ev_timer* due, int) {
      F(*static_cast<T*>(due->data));
    };
    ev_timer_init(timer, callback, delay(deadline), 0.0);
    timer->data = &argument;
    ev_timer_start(loop_.get(), timer);
    return timer;
  }
  static void finish(Timer timer) { delete timer; }
  void cancel(Timer timer) {
    ev_timer_stop(loop_.get(), timer);
    delete timer;
  }
  // Its documentation's way to put off a time-out.
  void move(Timer timer, std::int64_t deadline) {
    timer->repeat = std::max(delay(deadline), 1e-9);
    ev_timer_again(loop_.get(), timer);
  }

  // Stopped as soon as it has run once.
  template <auto F, class T>
  void defer(T& argument) {
    DeferredCall& call = deferred_.take([this](DeferredCall& made) {
      made.peer = this;
      made.idle.data = &made;
    });
    const auto callback = [](struct ev_loop* loop, ev_idle* idle, int) {
      auto& self = *static_cast<DeferredCall*>(idle->data);
      F(*static_cast<T*>(self.argument));
      ev_idle_stop(loop, idle);
      self.peer->deferred_.give_back(self);
    };
    ev_idle_init(&call.idle, callback);
    call.argument = &argument;
    ev_idle_start(loop_.get(), &call.idle);
  }

  template <auto F, class T>
  class Waker {
   public:
    static constexpr bool wakes_for_each_message = true;  // as its documentation says
    Waker(Peer& peer, T& argument) : loop_{peer.loop_.get()} {
      const auto callback = [](struct ev_loop*, ev_async* async, int) {
        F(*static_cast<T*>(async->data));
      };
      ev_async_init(&async_, callback);
      async_.data = &argument;
      ev_async_start(loop_, &async_);
    }
    void wake() { ev_async_send(loop_, &async_); }

   private:
    struct ev_loop* loop_;
    ev_async async_{};
  };

 private:
  struct DeferredCall {
    ev_idle idle;
    Peer* peer;
    void* argument;
  };
  struct Destroy {
    void operator()(struct ev_loop* loop) const { ev_loop_destroy(loop); }
  };
  // ev_now() is on the calendar's clock. Of several readings, the one that was not interrupted.
  static double calendar_offset() {
    std::int64_t offset = std::numeric_limits<std::int64_t>::max();
    for (int i = 0; i < 10; ++i) {
      const std::int64_t monotonic = bench::nanoseconds();
      offset = std::min(offset, bench::nanoseconds(CLOCK_REALTIME) - monotonic);
    }
    return static_cast<double>(offset) * 1e-9;
  }
  [[nodiscard]] double delay(std::int64_t deadline) const {
    return static_cast<double>(deadline) * 1e-9 + offset_ - ev_now(loop_.get());
  }

  std::unique_ptr<struct ev_loop, Destroy> loop_{ev_loop_new(EVBACKEND_EPOLL)};
  double offset_ = calendar_offset();
  bench::Pool<DeferredCall> deferred_;
};

}  // namespace

int main(int argc, char** argv) {
  return bench::run_program<Peer>(argc, argv);
}
