#include "compositor-demo/input/input.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <filesystem>
#include <system_error>
#include <utility>

#include <calloop/source_options.hpp>

#include "compositor-demo/log.hpp"

namespace demo {
namespace {

// libinput counts microseconds of CLOCK_MONOTONIC, which is the loop's clock too.
calloop::TimePoint moment(std::uint64_t microseconds) noexcept {
  return calloop::TimePoint{std::chrono::microseconds{microseconds}};
}

// Places of a device without a space of its own are asked for in this unit.
constexpr std::uint32_t unit = 1;

// What is taken away looks to libinput as what is unplugged, and seatd takes away first and says so
// afterwards.
bool exists(libinput_device* device) {
  return std::filesystem::exists(std::string{"/sys/class/input/"} +
                                 libinput_device_get_sysname(device));
}

bool is_down(const std::vector<std::int32_t>& touches, std::int32_t touch) noexcept {
  return std::ranges::find(touches, touch) != touches.end();
}

calloop::Libinput open_seat(Input::Host& host, std::string_view seat) {
  return calloop::Libinput::from_udev(
      {.open = [&host](const char* path, int) -> int {
         try {
           return host.open_device(path);
         } catch (const std::system_error& error) {
           log::warning("an input device cannot be used: %s", error.what());
           throw;
         }
       },
       .close = [&host](int fd) { host.close_device(fd); },
       .log =
           [](libinput_log_priority, std::string_view line) {
             log::warning("libinput: %.*s", static_cast<int>(line.size()), line.data());
           }},
      std::string{seat});
}

}  // namespace

Input::Input(const calloop::LoopHandle<>& loop, Host& host, std::string_view seat,
             const InputSettings& settings)
    : host_{host}, settings_{settings}, input_{open_seat(host, seat)} {
  take_devices();
  // People notice when a pointer waits for a frame, and not the other way round.
  events_ = {loop,
             loop.insert_source(calloop::LibinputSource{input_},
                                [this](const calloop::LibinputEvent& event) { handle(event); },
                                {.name = "input", .priority = calloop::Priority::High})};
}

void Input::suspend() {
  input_.suspend();
  take_devices();
}

void Input::resume() {
  try {
    input_.resume();
  } catch (const std::system_error& error) {
    log::error("the input devices cannot be opened again: %s", error.what());
  }
  take_devices();
}

// All of them come, or all of them go: no news about any of them.
void Input::take_devices() {
  reports_devices_ = false;
  while (const auto event = input_.next_event())
    handle(*event);
  reports_devices_ = true;
}

bool Input::has(libinput_device_capability capability) const noexcept {
  return std::ranges::any_of(devices_, [&](const Device& device) {
    return libinput_device_has_capability(device.device, capability) != 0;
  });
}

void Input::set_leds(std::uint32_t leds) noexcept {
  leds_ = leds;
  for (const Device& device : devices_)
    libinput_device_led_update(device.device, static_cast<libinput_led>(leds));
}

// --------------------------------------------------------------------------- devices come and go

Input::Device* Input::find(libinput_device* device) noexcept {
  const auto found = std::ranges::find(devices_, device, &Device::device);
  return found == devices_.end() ? nullptr : &*found;
}

void Input::configure(libinput_device* device) const noexcept {
  if (libinput_device_config_tap_get_finger_count(device) > 0)
    libinput_device_config_tap_set_enabled(
        device, settings_.tap ? LIBINPUT_CONFIG_TAP_ENABLED : LIBINPUT_CONFIG_TAP_DISABLED);
  if (libinput_device_config_scroll_has_natural_scroll(device) != 0)
    libinput_device_config_scroll_set_natural_scroll_enabled(device, settings_.natural_scroll);
  if (libinput_device_config_accel_is_available(device) != 0)
    libinput_device_config_accel_set_speed(device, std::clamp(settings_.acceleration, -1.0, 1.0));
}

void Input::added(libinput_device* device) {
  configure(device);
  devices_.push_back({device, {}, {}, {}});
  if (reports_devices_)
    log::info("input device '%s' is plugged in", libinput_device_get_name(device));
  libinput_device_led_update(device, static_cast<libinput_led>(leds_));
  host_.devices_changed();
}

// libinput lets go of keys and buttons before it says that their device is gone; for fingers, and
// for whatever else it might forget, that is done here.
void Input::removed(libinput_device* device) {
  const auto found = std::ranges::find(devices_, device, &Device::device);
  if (found == devices_.end())
    return;
  if (reports_devices_ && !exists(device))
    log::info("input device '%s' is unplugged", libinput_device_get_name(device));
  const Device gone = std::move(*found);
  devices_.erase(found);
  for (const std::uint32_t key : gone.keys)
    host_.key(key, false, last_);
  for (const std::uint32_t button : gone.buttons)
    host_.button(button, false, last_);
  if (!gone.touches.empty())
    host_.touch_cancelled();
  host_.devices_changed();
}

// ------------------------------------------------------------------------------- what people do

void Input::handle(const calloop::LibinputEvent& event) {
  libinput_event* const raw = event.get();
  const libinput_event_type type = event.type();
  if (type == LIBINPUT_EVENT_DEVICE_ADDED)
    return added(event.device());
  if (type == LIBINPUT_EVENT_DEVICE_REMOVED)
    return removed(event.device());
  Device* const device = find(event.device());
  if (device == nullptr)
    return;
  switch (type) {
    case LIBINPUT_EVENT_KEYBOARD_KEY:
      return key(*device, libinput_event_get_keyboard_event(raw));
    case LIBINPUT_EVENT_POINTER_MOTION: {
      auto* const motion = libinput_event_get_pointer_event(raw);
      last_ = moment(libinput_event_pointer_get_time_usec(motion));
      return host_.pointer_moved(
          {.dx = libinput_event_pointer_get_dx(motion),
           .dy = libinput_event_pointer_get_dy(motion),
           .unaccelerated_dx = libinput_event_pointer_get_dx_unaccelerated(motion),
           .unaccelerated_dy = libinput_event_pointer_get_dy_unaccelerated(motion)},
          last_);
    }
    case LIBINPUT_EVENT_POINTER_MOTION_ABSOLUTE: {
      auto* const motion = libinput_event_get_pointer_event(raw);
      last_ = moment(libinput_event_pointer_get_time_usec(motion));
      return host_.pointer_placed(libinput_event_pointer_get_absolute_x_transformed(motion, unit),
                                  libinput_event_pointer_get_absolute_y_transformed(motion, unit),
                                  last_);
    }
    case LIBINPUT_EVENT_POINTER_BUTTON:
      return button(*device, libinput_event_get_pointer_event(raw));
    case LIBINPUT_EVENT_POINTER_SCROLL_WHEEL:
      return scroll(libinput_event_get_pointer_event(raw), ScrollEvent::Source::Wheel);
    case LIBINPUT_EVENT_POINTER_SCROLL_FINGER:
      return scroll(libinput_event_get_pointer_event(raw), ScrollEvent::Source::Finger);
    case LIBINPUT_EVENT_POINTER_SCROLL_CONTINUOUS:
      return scroll(libinput_event_get_pointer_event(raw), ScrollEvent::Source::Continuous);
    case LIBINPUT_EVENT_TOUCH_DOWN:
    case LIBINPUT_EVENT_TOUCH_MOTION:
    case LIBINPUT_EVENT_TOUCH_UP:
    case LIBINPUT_EVENT_TOUCH_CANCEL:
      return touch(*device, type, libinput_event_get_touch_event(raw));
    case LIBINPUT_EVENT_TOUCH_FRAME:
      return host_.touch_frame();
    default:
      // Nobody here wants tablets, gestures and switches; and LIBINPUT_EVENT_POINTER_AXIS says of
      // scrolling again what the events above have said.
      return;
  }
}

void Input::key(Device& device, libinput_event_keyboard* event) {
  const std::uint32_t key = libinput_event_keyboard_get_key(event);
  const bool pressed = libinput_event_keyboard_get_key_state(event) == LIBINPUT_KEY_STATE_PRESSED;
  // A key that two keyboards hold down is pressed once.
  const std::uint32_t holders = libinput_event_keyboard_get_seat_key_count(event);
  last_ = moment(libinput_event_keyboard_get_time_usec(event));
  std::erase(device.keys, key);
  if (pressed)
    device.keys.push_back(key);
  if (holders == (pressed ? 1U : 0U))
    host_.key(key, pressed, last_);
}

void Input::button(Device& device, libinput_event_pointer* event) {
  const std::uint32_t button = libinput_event_pointer_get_button(event);
  const bool pressed =
      libinput_event_pointer_get_button_state(event) == LIBINPUT_BUTTON_STATE_PRESSED;
  const std::uint32_t holders = libinput_event_pointer_get_seat_button_count(event);
  last_ = moment(libinput_event_pointer_get_time_usec(event));
  std::erase(device.buttons, button);
  if (pressed)
    device.buttons.push_back(button);
  if (holders == (pressed ? 1U : 0U))
    host_.button(button, pressed, last_);
}

void Input::scroll(libinput_event_pointer* event, ScrollEvent::Source source) {
  ScrollEvent scroll;
  scroll.source = source;
  const auto read = [&](libinput_pointer_axis axis, double& value, int& v120, bool& stop) {
    if (libinput_event_pointer_has_axis(event, axis) == 0)
      return;
    value = libinput_event_pointer_get_scroll_value(event, axis);
    if (source == ScrollEvent::Source::Wheel)
      v120 = static_cast<int>(libinput_event_pointer_get_scroll_value_v120(event, axis));
    else
      stop = value == 0;  // "terminated with an event of value 0"
  };
  read(LIBINPUT_POINTER_AXIS_SCROLL_HORIZONTAL, scroll.dx, scroll.v120_x, scroll.stop_x);
  read(LIBINPUT_POINTER_AXIS_SCROLL_VERTICAL, scroll.dy, scroll.v120_y, scroll.stop_y);
  last_ = moment(libinput_event_pointer_get_time_usec(event));
  host_.scrolled(scroll, last_);
}

void Input::touch(Device& device, libinput_event_type type, libinput_event_touch* event) {
  // Fingers of several devices must not be mistaken for each other, as those of `slot` could be.
  const std::int32_t touch = libinput_event_touch_get_seat_slot(event);
  last_ = moment(libinput_event_touch_get_time_usec(event));
  if (type == LIBINPUT_EVENT_TOUCH_CANCEL) {
    if (!std::exchange(device.touches, {}).empty())
      host_.touch_cancelled();
    return;
  }
  if (type == LIBINPUT_EVENT_TOUCH_UP) {
    if (std::erase(device.touches, touch) != 0)
      host_.touch_up(touch, last_);
    return;
  }
  const double x = libinput_event_touch_get_x_transformed(event, unit);
  const double y = libinput_event_touch_get_y_transformed(event, unit);
  if (type == LIBINPUT_EVENT_TOUCH_DOWN && !is_down(device.touches, touch)) {
    device.touches.push_back(touch);
    host_.touch_down(touch, x, y, last_);
  } else if (is_down(device.touches, touch)) {
    host_.touch_moved(touch, x, y, last_);
  }
}

}  // namespace demo
