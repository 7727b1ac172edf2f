// sd-event. Its default accuracy of 250 ms would fire nearly all timers together: it is told 1 µs.
#include <systemd/sd-event.h>

#include <cstdint>
#include <ctime>
#include <memory>

#include "tests/bench/harness/program.hpp"
#include "tests/bench/harness/units.hpp"

namespace {

void check(int result) {
  bench::verify(result >= 0, "sd-event takes what it is given");
}

class Peer {
 public:
  using Watch = sd_event_source*;
  using Timer = sd_event_source*;

  explicit Peer(const bench::Setup&) {
    sd_event* loop = nullptr;
    check(sd_event_new(&loop));
    loop_.reset(loop);
  }

  template <auto F, class T>
  Watch add_fd(int fd, T& argument) {
    const auto callback = [](sd_event_source*, int, std::uint32_t, void* data) {
      F(*static_cast<T*>(data));
      return 0;
    };
    Watch watch = nullptr;
    check(sd_event_add_io(loop_.get(), &watch, fd, EPOLLIN, callback, &argument));
    return watch;
  }
  static void remove_fd(Watch watch) { sd_event_source_disable_unref(watch); }

  void turn() { check(sd_event_run(loop_.get(), ~std::uint64_t{0})); }
  void turn_at_once() { check(sd_event_run(loop_.get(), 0)); }

  template <auto F, class T>
  Timer add_timer(std::int64_t deadline, T& argument) {
    const auto callback = [](sd_event_source*, std::uint64_t, void* data) {
      F(*static_cast<T*>(data));
      return 0;
    };
    Timer timer = nullptr;
    check(sd_event_add_time(loop_.get(), &timer, CLOCK_MONOTONIC, to_usec(deadline), 1, callback,
                            &argument));
    return timer;
  }
  static void finish(Timer timer) { sd_event_source_disable_unref(timer); }
  static void cancel(Timer timer) { sd_event_source_disable_unref(timer); }
  static void move(Timer timer, std::int64_t deadline) {
    check(sd_event_source_set_time(timer, to_usec(deadline)));
  }

  template <auto F, class T>
  void defer(T& argument) {
    const auto callback = [](sd_event_source* source, void* data) {
      F(*static_cast<T*>(data));
      sd_event_source_unref(source);
      return 0;
    };
    sd_event_source* source = nullptr;
    check(sd_event_add_defer(loop_.get(), &source, callback, &argument));
  }

 private:
  static std::uint64_t to_usec(std::int64_t deadline) {
    return static_cast<std::uint64_t>(bench::microseconds(deadline));
  }
  struct Unref {
    void operator()(sd_event* loop) const { sd_event_unref(loop); }
  };
  std::unique_ptr<sd_event, Unref> loop_;
};

}  // namespace

int main(int argc, char** argv) {
  return bench::run_program<Peer>(argc, argv);
}
