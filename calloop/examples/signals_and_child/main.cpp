// Runs a command, passes SIGINT and SIGTERM on to it, and ends as it ends: what a launcher does.
//
//     signals_and_child sleep 60
#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include <calloop/calloop.hpp>

namespace {

struct App {
  int status = 0;
};

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 2) {
    std::fprintf(stderr, "usage: signals_and_child COMMAND [ARGUMENT...]\n");
    return 2;
  }
  calloop::EventLoop<App> loop;

  // From here on these signals are blocked and come as events. Made before the child and before any
  // thread: nothing is missed. The child itself starts with the mask of before.
  calloop::Signals signals{SIGINT, SIGTERM};

  const std::vector<std::string> command{argv + 1, argv + argc};
  // A Dispatcher, because the loop owns the child from here on, and we want to reach it.
  const auto child = loop.handle().make_dispatcher(
      calloop::Child::spawn(command),
      [stop = loop.signal()](const calloop::ChildExit& exit, App& app) {
        app.status = exit.shell_status();
        std::printf("ended: %d\n", app.status);
        stop.stop();
      });
  loop.handle().register_dispatcher(child);

  loop.handle().insert_source(std::move(signals), [child](calloop::SignalInfo info) {
    std::printf("passing on signal %d\n", info.signal());
    child->send_signal(info.signal());  // false if it is gone: then its end is the next event
  });

  App app;
  loop.run(app);
  return app.status;
} catch (const std::exception& error) {
  std::fprintf(stderr, "signals_and_child: %s\n", error.what());
  return 1;
}
