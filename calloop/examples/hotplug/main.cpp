// Lists the devices of a subsystem, and what becomes of them, until Ctrl-C.
//
//     hotplug SUBSYSTEM
#include <csignal>
#include <cstdio>
#include <exception>
#include <string>

#include <calloop/adapters/udev.hpp>
#include <calloop/calloop.hpp>

namespace {

const char* word_for(calloop::UdevAction action) {
  switch (action) {
    case calloop::UdevAction::Add:
      return "added";
    case calloop::UdevAction::Change:
      return "changed";
    case calloop::UdevAction::Remove:
      return "removed";
  }
  return "";
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) {
    std::fprintf(stderr, "usage: hotplug SUBSYSTEM\n");
    return 2;
  }
  calloop::EventLoop<> loop;
  loop.handle().insert_source(
      calloop::UdevSource{calloop::UdevMonitor{{.subsystems = {{argv[1]}}}}},
      [](const calloop::UdevEvent& event) {
        std::printf("%s %s\n", std::string{event.device.sysname()}.c_str(), word_for(event.action));
        std::fflush(stdout);
      });
  loop.handle().insert_source(calloop::Signals{SIGINT, SIGTERM},
                              [stop = loop.signal()] { stop.stop(); });
  loop.run();
} catch (const std::exception& error) {
  std::fprintf(stderr, "hotplug: %s\n", error.what());
  return 1;
}
