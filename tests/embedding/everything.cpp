// Calls what templates reach of the loop's inner classes, so that the shared library has to have
// it.
#include <array>
#include <chrono>
#include <exception>
#include <string_view>
#include <utility>

#include <calloop/calloop.hpp>

namespace {

struct Seat {
  int fired = 0;
};
struct App {
  Seat seat;
};
struct Counting final : calloop::Observer {
  void callback_begins(std::string_view) noexcept override { ++begun; }
  int begun = 0;
};

}  // namespace

int main() {
  using namespace std::chrono_literals;
  Counting observer;
  App app;
  calloop::EventLoop<App> loop;
  loop.set_observer(&observer);
  loop.set_timer_slack(0ns);
  loop.set_on_error([](std::exception_ptr) { return calloop::ErrorAction::Keep; });

  const auto seat = loop.handle().part<&App::seat>();
  const std::array<char, 512> large{};  // too large for a place in the pool
  const auto token =
      seat.insert_source(calloop::Timer::after(1h),
                         [large, stop = loop.signal()](calloop::TimePoint, Seat& owner) {
                           owner.fired += 1 + large[0];
                           stop.stop();
                           return calloop::TimeoutAction::drop();
                         },
                         {.name = "large"});
  if (!seat.disable(token) || !seat.enable(token) || !seat.update(token) || !seat.remove(token))
    return 1;

  auto [ping, pinged] = calloop::make_ping();
  seat.insert_source(std::move(pinged), [stop = loop.signal()](calloop::Pinged, Seat& owner) {
    ++owner.fired;
    stop.stop();
  });
  auto idle = seat.insert_idle([] {});
  idle.cancel();
  ping.ping();
  static_cast<void>(loop.prepare(app));
  loop.run(app);
  return app.seat.fired == 1 && observer.begun > 0 && loop.fd() >= 0 ? 0 : 1;
}
