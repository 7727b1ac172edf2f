#include <calloop/adapters/udev.hpp>
#include <calloop/calloop.hpp>

int main() {
  calloop::EventLoop<> loop;
  loop.handle().insert_source(
      calloop::UdevSource{calloop::UdevMonitor{{.subsystems = {{"no_such_subsystem"}}}}},
      [](calloop::UdevEvent) {});
  loop.dispatch(calloop::Duration::zero());
}
