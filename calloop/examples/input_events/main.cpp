// Shows what keyboards, mice and touch screens say, as `libinput debug-events` does, until Ctrl-C.
//
//     input_events [SEAT]
//
// Opens the devices itself, so it has to be run by root, or by somebody in the group `input`.
#include <csignal>
#include <cstdio>
#include <exception>
#include <string_view>

#include <calloop/adapters/libinput.hpp>
#include <calloop/calloop.hpp>

namespace {

void show(const calloop::LibinputEvent& event) {
  std::printf("%s ", libinput_device_get_sysname(event.device()));
  switch (event.type()) {
    case LIBINPUT_EVENT_DEVICE_ADDED:
      std::printf("added: %s\n", libinput_device_get_name(event.device()));
      break;
    case LIBINPUT_EVENT_DEVICE_REMOVED:
      std::printf("removed\n");
      break;
    case LIBINPUT_EVENT_KEYBOARD_KEY: {
      auto* const key = libinput_event_get_keyboard_event(event.get());
      std::printf("key %u %s\n", libinput_event_keyboard_get_key(key),
                  libinput_event_keyboard_get_key_state(key) != 0 ? "pressed" : "released");
      break;
    }
    case LIBINPUT_EVENT_POINTER_MOTION: {
      auto* const motion = libinput_event_get_pointer_event(event.get());
      std::printf("motion %.1f %.1f\n", libinput_event_pointer_get_dx(motion),
                  libinput_event_pointer_get_dy(motion));
      break;
    }
    case LIBINPUT_EVENT_TOUCH_DOWN: {
      auto* const touch = libinput_event_get_touch_event(event.get());
      std::printf("touch at %.0f mm %.0f mm\n", libinput_event_touch_get_x(touch),
                  libinput_event_touch_get_y(touch));
      break;
    }
    default:
      std::printf("event %d\n", event.type());
  }
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) try {
  calloop::EventLoop<> loop;
  calloop::Libinput input = calloop::Libinput::from_udev(
      {.log = [](libinput_log_priority,
                 std::string_view line) { std::fwrite(line.data(), 1, line.size(), stderr); }},
      argc > 1 ? argv[1] : "seat0");
  loop.handle().insert_source(calloop::LibinputSource{input}, show);
  loop.handle().insert_source(calloop::Signals{SIGINT, SIGTERM},
                              [stop = loop.signal()] { stop.stop(); });
  loop.run();
} catch (const std::exception& error) {
  std::fprintf(stderr, "input_events: %s\n", error.what());
  return 1;
}
