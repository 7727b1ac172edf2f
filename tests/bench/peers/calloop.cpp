// Ours, used as its documentation says.
#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

#include <calloop/calloop.hpp>

#include "tests/bench/harness/program.hpp"

namespace {

using calloop::Duration;
using calloop::TimePoint;

class Peer {
 public:
  using Watch = calloop::RegistrationToken;
  using Timer = calloop::RegistrationToken;
  using MovableTimer = calloop::Dispatcher<calloop::Timer>;

  explicit Peer(const bench::Setup& setup) {
    if (setup.slack_ns >= 0)
      loop_.set_timer_slack(Duration{setup.slack_ns});
  }

  template <auto F, class T>
  Watch add_fd(int fd, T& argument) {
    return handle_.insert_source(calloop::Generic{fd, calloop::interest().read()},
                                 [&argument] { F(argument); });
  }
  void remove_fd(Watch watch) { handle_.remove(watch); }

  void turn() { loop_.dispatch(std::nullopt); }
  void turn_at_once() { loop_.dispatch(Duration::zero()); }
  void turn_within(std::int64_t nanoseconds) { loop_.dispatch(Duration{nanoseconds}); }

  template <auto F, class T>
  Timer add_timer(std::int64_t deadline, T& argument) {
    return handle_.insert_source(timer_at(deadline), [&argument] { F(argument); });
  }
  static void finish(Timer) {}
  void cancel(Timer timer) { handle_.remove(timer); }

  template <auto F, class T>
  MovableTimer add_movable_timer(std::int64_t deadline, T& argument) {
    auto source = handle_.make_dispatcher(timer_at(deadline), [&argument] { F(argument); });
    handle_.register_dispatcher(source);
    return source;
  }
  static void move(MovableTimer& timer, std::int64_t deadline) {
    timer->set_deadline(TimePoint{Duration{deadline}});
  }

  template <auto F, class T>
  void defer(T& argument) {
    handle_.insert_idle([&argument] { F(argument); });
  }

  template <auto F, class T>
  class Inbox {
   public:
    Inbox(Peer& peer, T& argument) {
      auto [sender, channel] = calloop::make_channel<int>();
      peer.handle_.insert_source(std::move(channel), [&argument](std::optional<int> message) {
        if (message)
          F(argument, *message);
      });
      sender_.emplace(std::move(sender));
    }
    void post(int message) { sender_->send(message); }

   private:
    std::optional<calloop::Sender<int>> sender_;
  };

  template <auto F, class T>
  class ClosureInbox {
   public:
    ClosureInbox(Peer& peer, T& argument)
        : argument_{argument}, remote_{calloop::remote_endpoint(peer.handle_)} {}
    void post(int message) {
      remote_.post([&argument = argument_, message] { F(argument, message); });
    }

   private:
    T& argument_;
    calloop::RemoteHandle<void> remote_;
  };

 private:
  static calloop::Timer timer_at(std::int64_t deadline) {
    return calloop::Timer::at(TimePoint{Duration{deadline}});
  }

  calloop::EventLoop<> loop_;
  calloop::LoopHandle<> handle_ = loop_.handle();
};

}  // namespace

int main(int argc, char** argv) {
  return bench::run_program<Peer>(argc, argv);
}
