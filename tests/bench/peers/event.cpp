// libevent with its exact timers, and without locks where no other thread takes part. Its time-outs
// are relative, so that whoever has a deadline reads the clock.
#include <event2/event.h>
#include <event2/thread.h>
#include <sys/time.h>

#include <algorithm>
#include <cstdint>
#include <memory>

#include "tests/bench/harness/pool.hpp"
#include "tests/bench/harness/program.hpp"
#include "tests/bench/harness/units.hpp"

namespace {

class Peer {
 public:
  using Watch = event*;
  using Timer = event*;

  explicit Peer(const bench::Setup& setup) {
    if (setup.other_threads)
      evthread_use_pthreads();
    event_config* const config = event_config_new();
    event_config_set_flag(
        config, EVENT_BASE_FLAG_PRECISE_TIMER | (setup.other_threads ? 0 : EVENT_BASE_FLAG_NOLOCK));
    base_.reset(event_base_new_with_config(config));
    event_config_free(config);
    bench::verify(base_ != nullptr, "libevent gives a base");
  }

  template <auto F, class T>
  Watch add_fd(int fd, T& argument) {
    event* const watch = make<F>(fd, EV_READ | EV_PERSIST, argument);
    event_add(watch, nullptr);
    return watch;
  }
  static void remove_fd(Watch watch) { event_free(watch); }

  // It would not wait when all that may come is another thread's event_active().
  void turn() { event_base_loop(base_.get(), EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY); }
  void turn_at_once() { event_base_loop(base_.get(), EVLOOP_ONCE | EVLOOP_NONBLOCK); }

  template <auto F, class T>
  Timer add_timer(std::int64_t deadline, T& argument) {
    event* const timer = make<F>(-1, EV_TIMEOUT, argument);
    move(timer, deadline);
    return timer;
  }
  static void finish(Timer timer) { event_free(timer); }
  static void cancel(Timer timer) { event_free(timer); }
  static void move(Timer timer, std::int64_t deadline) {
    const std::int64_t delay =
        std::max<std::int64_t>(bench::microseconds(deadline - bench::nanoseconds()), 0);
    const timeval timeout{delay / 1'000'000, delay % 1'000'000};
    event_add(timer, &timeout);
  }

  template <auto F, class T>
  void defer(T& argument) {
    DeferredCall& call = deferred_.take([this](DeferredCall& made) {
      made.peer = this;
      made.activation = make<&DeferredCall::run>(-1, 0, made);
    });
    call.argument = &argument;
    call.function = [](void* target) { F(*static_cast<T*>(target)); };
    event_active(call.activation, EV_TIMEOUT, 0);
  }

  template <auto F, class T>
  class Waker {
   public:
    static constexpr bool wakes_for_each_message = false;
    Waker(Peer& peer, T& argument) : event_{peer.make<F>(-1, EV_PERSIST, argument)} {}
    Waker(const Waker&) = delete;
    Waker& operator=(const Waker&) = delete;
    ~Waker() { event_free(event_); }
    void wake() { event_active(event_, EV_READ, 0); }

   private:
    event* event_;
  };

 private:
  struct DeferredCall {
    event* activation;
    Peer* peer;
    void (*function)(void* target);
    void* argument;
    static void run(DeferredCall& self) {
      self.function(self.argument);
      self.peer->deferred_.give_back(self);
    }
  };
  struct Free {
    void operator()(event_base* base) const { event_base_free(base); }
  };
  template <auto F, class T>
  event* make(int fd, int what, T& argument) {
    const auto callback = [](evutil_socket_t, short, void* data) { F(*static_cast<T*>(data)); };
    return event_new(base_.get(), fd, static_cast<short>(what), callback, &argument);
  }

  std::unique_ptr<event_base, Free> base_;
  bench::Pool<DeferredCall> deferred_;
};

}  // namespace

int main(int argc, char** argv) {
  return bench::run_program<Peer>(argc, argv);
}
