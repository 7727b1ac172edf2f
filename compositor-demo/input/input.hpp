// Keyboards, mice, touchpads and touch screens: libinput, and what of it a compositor wants to
// know.
//
// It opens devices through its host and tells it what people do with them; it knows no seat, no
// windows and no layout.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <calloop/adapters/libinput.hpp>
#include <calloop/clock.hpp>
#include <calloop/loop_handle.hpp>
#include <calloop/scoped_registration.hpp>

namespace demo {

// In pixels, and as the device had it, before acceleration.
struct MotionEvent {
  double dx = 0;
  double dy = 0;
  double unaccelerated_dx = 0;
  double unaccelerated_dy = 0;
};

// One turn of a wheel, or one stroke of fingers.
struct ScrollEvent {
  enum class Source { Wheel, Finger, Continuous };
  Source source = Source::Wheel;
  double dx = 0;  // as pointer motion
  double dy = 0;
  int v120_x = 0;  // of wheels: 120 a click
  int v120_y = 0;
  bool stop_x = false;  // the fingers are off
  bool stop_y = false;
};

struct InputSettings {
  bool natural_scroll = false;  // content follows the fingers
  bool tap = true;              // a tap on a touchpad is a click
  double acceleration = 0;      // of pointers, from -1 to 1
};

class Input {
 public:
  // Codes are those of linux/input-event-codes.h. Times are of the device's events, on the clock of
  // the loop.
  class Host {
   public:
    // The descriptor of a device. Throws std::system_error.
    virtual int open_device(const std::string& path) = 0;
    virtual void close_device(int fd) noexcept = 0;

    virtual void key(std::uint32_t key, bool pressed, calloop::TimePoint time) = 0;
    virtual void pointer_moved(const MotionEvent& motion, calloop::TimePoint time) = 0;
    // To a place of the device's own space, from 0 to 1.
    virtual void pointer_placed(double x, double y, calloop::TimePoint time) = 0;
    virtual void button(std::uint32_t button, bool pressed, calloop::TimePoint time) = 0;
    virtual void scrolled(const ScrollEvent& event, calloop::TimePoint time) = 0;
    // Places from 0 to 1; `touch` tells fingers apart while they are down, over all devices.
    virtual void touch_down(std::int32_t touch, double x, double y, calloop::TimePoint time) = 0;
    virtual void touch_moved(std::int32_t touch, double x, double y, calloop::TimePoint time) = 0;
    virtual void touch_up(std::int32_t touch, calloop::TimePoint time) = 0;
    // What was touched since the last frame belongs together.
    virtual void touch_frame() = 0;
    // The device takes back what it said of fingers that are down.
    virtual void touch_cancelled() = 0;
    // There is another set of devices: what the seat can do may have changed.
    virtual void devices_changed() = 0;

   protected:
    ~Host() = default;
  };

  // Opens what is there, of this seat; nothing is no error. Throws std::system_error.
  Input(const calloop::LoopHandle<>& loop, Host& host, std::string_view seat,
        const InputSettings& settings);
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;
  ~Input() = default;

  // Closes all devices. The host hears of keys, buttons and fingers that were down before this
  // returns, and of no events afterwards.
  void suspend();
  // Opens them again; those that fail to open have their line in the log.
  void resume();

  // A bit for each LED, as libinput has them: 1 num lock, 2 caps lock, 4 scroll lock.
  void set_leds(std::uint32_t leds) noexcept;

  std::size_t devices() const noexcept { return devices_.size(); }
  bool has_pointer() const noexcept { return has(LIBINPUT_DEVICE_CAP_POINTER); }
  bool has_keyboard() const noexcept { return has(LIBINPUT_DEVICE_CAP_KEYBOARD); }
  bool has_touch() const noexcept { return has(LIBINPUT_DEVICE_CAP_TOUCH); }

 private:
  // What is pressed on a device, so that it can be let go when the device is unplugged.
  struct Device {
    libinput_device* device;  // libinput's as long as it is added
    std::vector<std::uint32_t> keys;
    std::vector<std::uint32_t> buttons;
    std::vector<std::int32_t> touches;
  };

  bool has(libinput_device_capability capability) const noexcept;
  Device* find(libinput_device* device) noexcept;
  void handle(const calloop::LibinputEvent& event);
  void take_devices();
  void added(libinput_device* device);
  void removed(libinput_device* device);
  void key(Device& device, libinput_event_keyboard* event);
  void button(Device& device, libinput_event_pointer* event);
  void scroll(libinput_event_pointer* event, ScrollEvent::Source source);
  void touch(Device& device, libinput_event_type type, libinput_event_touch* event);
  void configure(libinput_device* device) const noexcept;

  Host& host_;
  InputSettings settings_;
  std::vector<Device> devices_;
  bool reports_devices_ = false;  // those that come and go one by one
  std::uint32_t leds_ = 0;
  calloop::TimePoint last_;  // of the last event
  calloop::Libinput input_;
  calloop::ScopedRegistration events_;
};

}  // namespace demo
