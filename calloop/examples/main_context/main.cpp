// A program of calloop's that uses a library of GLib's: what the library does runs in the loop, and
// either may call the other.
//
//     main_context
//
// GLib's half is a counter that is as good as any asynchronous function of GIO: it is told what to
// do, works for a while, and calls back.
#include <cstdio>
#include <exception>
#include <memory>
#include <utility>

#include <glib.h>

#include <calloop/adapters/glib.hpp>
#include <calloop/calloop.hpp>

namespace {

using namespace calloop;
using namespace std::chrono_literals;

// How C calls back: a function and its data.
void count_to(int last, void (*done)(int, void*), void* data) {
  struct Count {
    int now = 0;
    int last;
    void (*done)(int, void*);
    void* data;
  };
  const auto step = [](void* pointer) -> gboolean {
    auto& count = *static_cast<Count*>(pointer);
    std::printf("GLib counts %d\n", ++count.now);
    if (count.now < count.last)
      return G_SOURCE_CONTINUE;
    count.done(count.now, count.data);
    return G_SOURCE_REMOVE;
  };
  g_timeout_add_full(G_PRIORITY_DEFAULT, 5, step, new Count{0, last, done, data},
                     [](void* count) { delete static_cast<Count*>(count); });
}

struct App {
  LoopHandle<App> loop;
  LoopSignal signal;
  std::shared_ptr<FirstError> errors;  // of the source

  // Called by GLib, inside of its source in the loop: what it inserts there is as anything else.
  // C must not be left by an exception, so that is kept, and leaves the loop's dispatch.
  static void counted(int result, void* data) noexcept {
    auto& app = *static_cast<App*>(data);
    try {
      app.loop.insert_source(Timer::after(1ms), [result](App& self) {
        std::printf("calloop has heard %d\n", result);
        self.signal.stop();
        return TimeoutAction::drop();
      });
    } catch (...) {
      app.errors->keep_current();
    }
  }
};

}  // namespace

int main() try {
  EventLoop<App> loop;
  // GLib's default context; a library that has one of its own is given to ContextSource.
  glib::ContextSource context;
  App app{loop.handle(), loop.signal(), context.errors()};
  loop.handle().insert_source(std::move(context), [](glib::Dispatched) {});
  count_to(3, &App::counted, &app);

  loop.run(app);
} catch (const std::exception& error) {
  std::fprintf(stderr, "main_context: %s\n", error.what());
  return 1;
}
