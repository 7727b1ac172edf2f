// libuv. Timers in milliseconds from the time that it read last; a handle may be freed only when
// its close callback has run.
#include <uv.h>

#include <algorithm>
#include <cstdint>

#include "tests/bench/harness/pool.hpp"
#include "tests/bench/harness/program.hpp"
#include "tests/bench/harness/units.hpp"

namespace {

void check(int result) {
  bench::verify(result >= 0, "libuv takes what it is given");
}

class Peer {
 public:
  using Watch = uv_poll_t*;
  using Timer = uv_timer_t*;

  explicit Peer(const bench::Setup&) { check(uv_loop_init(&loop_)); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  ~Peer() = default;  // handles are still open, which libuv refuses to close the loop for

  template <auto F, class T>
  Watch add_fd(int fd, T& argument) {
    auto* const watch = new uv_poll_t;
    check(uv_poll_init(&loop_, watch, fd));
    watch->data = &argument;
    check(uv_poll_start(watch, UV_READABLE,
                        [](uv_poll_t* handle, int, int) { F(*static_cast<T*>(handle->data)); }));
    return watch;
  }
  static void remove_fd(Watch watch) { close(watch); }

  void turn() { uv_run(&loop_, UV_RUN_ONCE); }
  void turn_at_once() { uv_run(&loop_, UV_RUN_NOWAIT); }

  template <auto F, class T>
  Timer add_timer(std::int64_t deadline, T& argument) {
    auto* const timer = new uv_timer_t;
    check(uv_timer_init(&loop_, timer));
    timer->data = &argument;
    check(uv_timer_start(
        timer, [](uv_timer_t* handle) { F(*static_cast<T*>(handle->data)); }, delay(deadline), 0));
    return timer;
  }
  static void finish(Timer timer) { close(timer); }
  static void cancel(Timer timer) { close(timer); }
  void move(Timer timer, std::int64_t deadline) {
    check(uv_timer_start(timer, timer->timer_cb, delay(deadline), 0));
  }

  // Stopped as soon as it has run once.
  template <auto F, class T>
  void defer(T& argument) {
    DeferredCall& call = deferred_.take([this](DeferredCall& made) {
      made.peer = this;
      check(uv_idle_init(&loop_, &made.handle));
      made.handle.data = &made;
    });
    call.argument = &argument;
    check(uv_idle_start(&call.handle, [](uv_idle_t* handle) {
      auto& self = *static_cast<DeferredCall*>(handle->data);
      F(*static_cast<T*>(self.argument));
      uv_idle_stop(handle);
      self.peer->deferred_.give_back(self);
    }));
  }

  template <auto F, class T>
  class Waker {
   public:
    static constexpr bool wakes_for_each_message = true;  // as its documentation says
    Waker(Peer& peer, T& argument) {
      check(uv_async_init(&peer.loop_, &async_,
                          [](uv_async_t* handle) { F(*static_cast<T*>(handle->data)); }));
      async_.data = &argument;
    }
    void wake() { check(uv_async_send(&async_)); }

   private:
    uv_async_t async_{};
  };

 private:
  struct DeferredCall {
    uv_idle_t handle;
    Peer* peer;
    void* argument;
  };
  template <class Handle>
  static void close(Handle* handle) {
    uv_close(reinterpret_cast<uv_handle_t*>(handle),
             [](uv_handle_t* closed) { delete reinterpret_cast<Handle*>(closed); });
  }
  [[nodiscard]] std::uint64_t delay(std::int64_t deadline) const {
    const auto now = static_cast<std::int64_t>(uv_now(&loop_));
    return static_cast<std::uint64_t>(
        std::max<std::int64_t>(bench::milliseconds(deadline) - now, 0));
  }

  uv_loop_t loop_{};
  bench::Pool<DeferredCall> deferred_;
};

}  // namespace

int main(int argc, char** argv) {
  return bench::run_program<Peer>(argc, argv);
}
