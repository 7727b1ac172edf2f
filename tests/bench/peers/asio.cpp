// Standalone asio. A wait for a descriptor or a timer is for once: the callback asks again.
#include <asio.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "tests/bench/harness/program.hpp"

namespace {

class Peer {
  struct WatchNode {
    asio::posix::stream_descriptor descriptor;
  };
  struct TimerNode {
    asio::steady_timer timer;
    void (*wait)(TimerNode& node);
    void* argument;
    std::size_t waits = 0;  // whose handler has not been called
    bool is_finished = false;
  };

 public:
  using Watch = WatchNode*;
  using Timer = TimerNode*;

  explicit Peer(const bench::Setup&) {}

  template <auto F, class T>
  Watch add_fd(int fd, T& argument) {
    auto* const watch = new WatchNode{asio::posix::stream_descriptor{context_, fd}};
    wait<F>(watch, argument);
    return watch;
  }
  // The handler of the wait that this ends frees it.
  static void remove_fd(Watch watch) { watch->descriptor.release(); }

  void turn() { context_.run_one(); }
  void turn_at_once() { context_.poll(); }

  template <auto F, class T>
  Timer add_timer(std::int64_t deadline, T& argument) {
    auto* const timer =
        new TimerNode{asio::steady_timer{context_, point(deadline)}, &wait<F, T>, &argument};
    timer->wait(*timer);
    return timer;
  }
  static void finish(Timer timer) { timer->is_finished = true; }
  static void cancel(Timer timer) {
    timer->is_finished = true;
    timer->timer.cancel();
  }
  // A new deadline ends the wait for the old one, whose handler is called for it.
  void move(Timer timer, std::int64_t deadline) {
    timer->timer.expires_at(point(deadline));
    timer->wait(*timer);
    if (++moves_ % 64 == 0)
      context_.poll();
  }

  template <auto F, class T>
  void defer(T& argument) {
    asio::post(context_, [&argument] { F(argument); });
  }

  template <auto F, class T>
  class Inbox {
   public:
    Inbox(Peer& peer, T& argument) : peer_{peer}, argument_{argument} {}
    void post(int message) {
      asio::post(peer_.context_, [&argument = argument_, message] { F(argument, message); });
    }

   private:
    Peer& peer_;
    T& argument_;
  };

 private:
  template <auto F, class T>
  static void wait(Watch watch, T& argument) {
    watch->descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                                 [watch, &argument](const asio::error_code& error) {
                                   if (error) {
                                     delete watch;
                                     return;
                                   }
                                   F(argument);
                                   wait<F>(watch, argument);
                                 });
  }
  template <auto F, class T>
  static void wait(TimerNode& node) {
    ++node.waits;
    node.timer.async_wait([&node](const asio::error_code& error) {
      --node.waits;
      if (!error)
        F(*static_cast<T*>(node.argument));
      if (node.is_finished && node.waits == 0)
        delete &node;
    });
  }
  static std::chrono::steady_clock::time_point point(std::int64_t deadline) {
    return std::chrono::steady_clock::time_point{std::chrono::nanoseconds{deadline}};
  }

  asio::io_context context_{1};  // one thread runs it
  asio::executor_work_guard<asio::io_context::executor_type> work_ =
      asio::make_work_guard(context_);
  std::size_t moves_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  return bench::run_program<Peer>(argc, argv);
}
