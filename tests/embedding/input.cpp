#include <calloop/adapters/libinput.hpp>
#include <calloop/calloop.hpp>

int main() {
  calloop::EventLoop<> loop;
  calloop::Libinput input = calloop::Libinput::from_paths({});
  loop.handle().insert_source(calloop::LibinputSource{input}, [](calloop::LibinputEvent) {});
  loop.dispatch(calloop::Duration::zero());
}
