// compositor-demo: a small Wayland compositor, all of whose parts share one calloop loop.

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <utility>
#include <variant>

#include <calloop/event_loop.hpp>
#include <calloop/sources/signals.hpp>

#include "compositor-demo/app.hpp"
#include "compositor-demo/log.hpp"
#include "compositor-demo/options.hpp"

namespace {

int run(demo::Options options) {
  calloop::EventLoop<demo::App> loop;

  // Signals first: threads that a library starts later inherit the mask.
  loop.handle().insert_source(calloop::Signals{SIGINT, SIGTERM, SIGHUP, SIGUSR1},
                              [](calloop::SignalInfo info, demo::App& app) {
                                if (info.signal() == SIGUSR1)
                                  app.write_screenshot();
                                else
                                  app.quit(0);
                              },
                              {.name = "signals"});

  demo::App app{loop.handle(), loop.signal(), std::move(options)};
  loop.run(app);
  return app.exit_status();
}

}  // namespace

int main(int argc, char** argv) {
  auto options = demo::parse_options(argc, argv);
  if (const auto* refusal = std::get_if<demo::Refusal>(&options)) {
    std::fprintf(refusal->status == 0 ? stdout : stderr, "%s%s",
                 refusal->status == 0 ? "" : "compositor-demo: ", refusal->text.c_str());
    return refusal->status;
  }
  demo::log::install_c_handlers();
  // It names a connection to the compositor we were started from, which our clients would take for
  // ours.
  ::unsetenv("WAYLAND_SOCKET");
  // A client that hangs up is an error of one write, not the end of everybody.
  ::signal(SIGPIPE, SIG_IGN);
  try {
    return run(std::move(std::get<demo::Options>(options)));
  } catch (const std::exception& error) {
    demo::log::error("%s", error.what());
    return 1;
  }
}
