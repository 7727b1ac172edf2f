// The smallest program: a loop and one source. Says hello three times, a tenth of a second apart.
#include <cstdio>
#include <exception>

#include <calloop/calloop.hpp>

using namespace std::chrono_literals;

// What the callbacks share. A loop lends it to them: no globals, nothing to capture.
struct App {
  int greetings = 0;
};

int main() try {
  calloop::EventLoop<App> loop;

  // A source comes with a callback, which takes what it needs: here the deadline that was reached
  // and the App. What it returns says what becomes of the timer.
  loop.handle().insert_source(calloop::Timer::immediate(),
                              [stop = loop.signal()](calloop::TimePoint deadline, App& app) {
                                std::printf("hello %d\n", ++app.greetings);
                                if (app.greetings == 3) {
                                  stop.stop();  // run() returns after this iteration
                                  return calloop::TimeoutAction::drop();
                                }
                                // Counted from the deadline, not from now: it does not drift.
                                return calloop::TimeoutAction::at(deadline + 100ms);
                              });

  App app;
  loop.run(app);
} catch (const std::exception& error) {
  std::fprintf(stderr, "hello_timer: %s\n", error.what());
  return 1;
}
