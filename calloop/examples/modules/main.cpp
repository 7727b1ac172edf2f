// Two modules in one loop that do not know each other. This file is the only one that knows both.
#include <cstdio>
#include <exception>
#include <string_view>
#include <utility>

#include <calloop/event_loop.hpp>

#include "calloop/examples/modules/keyboard.hpp"
#include "calloop/examples/modules/screen.hpp"

namespace {

using namespace std::chrono_literals;

// What the loop lends to its callbacks. Each module has a handle on its own part of it, and the
// App is what each module calls when it has something to say.
struct App : modules::Keyboard::Host, modules::Screen::Host {
  App(const calloop::LoopHandle<App>& loop, calloop::LoopSignal signal)
      : keyboard{loop.part<&App::keyboard>(), *this, {.delay = 60ms, .interval = 10ms}},
        screen{loop.part<&App::screen>(), *this, 16ms},
        stop{std::move(signal)} {}

  // From the keyboard to the screen.
  void key_pressed(char key) override {
    screen.write(key);
    if (++keys == 5)
      keyboard.release();
  }
  void shown(std::string_view text) override {
    if (text.size() < 5)
      return;
    std::printf("%.*s\n", static_cast<int>(text.size()), text.data());
    stop.stop();
  }

  modules::Keyboard keyboard;
  modules::Screen screen;
  calloop::LoopSignal stop;
  int keys = 0;
};

}  // namespace

int main() try {
  calloop::EventLoop<App> loop;
  App app{loop.handle(), loop.signal()};
  app.keyboard.press('a');
  loop.run(app);
} catch (const std::exception& error) {
  std::fprintf(stderr, "modules: %s\n", error.what());
  return 1;
}
