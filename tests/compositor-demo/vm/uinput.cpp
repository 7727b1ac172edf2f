#include "uinput.hpp"

#include <fcntl.h>
#include <linux/uinput.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <fstream>
#include <functional>
#include <map>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <vector>

#include <calloop/fd.hpp>

namespace vm {
namespace {

void check(int result, const std::string& what) {
  if (result < 0)
    throw std::system_error{errno, std::generic_category(), what};
}

struct Axis {
  int code = 0;
  int largest = 0;
  int resolution = 0;  // units to the millimetre
};

// What a device can do.
struct Abilities {
  std::vector<int> keys = {};  // and buttons
  std::vector<int> relative = {};
  std::vector<Axis> absolute = {};
  std::vector<int> properties = {};
};

class Device {
 public:
  Device(const std::string& name, const Abilities& abilities) {
    check(device_.get(), "/dev/uinput");
    set(UI_SET_EVBIT, EV_KEY);
    for (const int key : abilities.keys)
      set(UI_SET_KEYBIT, key);
    if (!abilities.relative.empty())
      set(UI_SET_EVBIT, EV_REL);
    for (const int axis : abilities.relative)
      set(UI_SET_RELBIT, axis);
    for (const int property : abilities.properties)
      set(UI_SET_PROPBIT, property);
    if (!abilities.absolute.empty())
      set(UI_SET_EVBIT, EV_ABS);
    for (const Axis& axis : abilities.absolute) {
      uinput_abs_setup setup{};
      setup.code = static_cast<__u16>(axis.code);
      setup.absinfo.maximum = axis.largest;
      setup.absinfo.resolution = axis.resolution;
      check(::ioctl(device_.get(), UI_ABS_SETUP, &setup), "UI_ABS_SETUP");
    }
    uinput_setup setup{};
    name.copy(setup.name, sizeof setup.name - 1);
    setup.id.bustype = BUS_VIRTUAL;
    check(::ioctl(device_.get(), UI_DEV_SETUP, &setup), "UI_DEV_SETUP");
    check(::ioctl(device_.get(), UI_DEV_CREATE), "UI_DEV_CREATE");
  }

  void put(int type, int code, int value) {
    input_event event{};
    event.type = static_cast<__u16>(type);
    event.code = static_cast<__u16>(code);
    event.value = value;
    check(::write(device_.get(), &event, sizeof event) == sizeof event ? 0 : -1, "uinput");
  }
  void report() { put(EV_SYN, SYN_REPORT, 0); }
  void key(int code, bool down) {
    put(EV_KEY, code, down ? 1 : 0);
    report();
  }

 private:
  void set(unsigned long request, int value) {
    check(::ioctl(device_.get(), request, value), "uinput");
  }

  calloop::OwnedFd device_{::open("/dev/uinput", O_WRONLY | O_CLOEXEC)};
};

using Order = std::function<void(std::istream& arguments)>;
using Orders = std::map<std::string, Order>;

int number(std::istream& arguments) {
  int value = 0;
  if (!(arguments >> value))
    throw std::invalid_argument{"an order lacks a number"};
  return value;
}

void obey(const std::string& fifo, const Orders& orders) {
  std::fstream in{fifo};  // for writing, too: it does not end when a writer does
  std::string word;
  while (in >> word) {
    const auto order = orders.find(word);
    if (order == orders.end())
      throw std::invalid_argument{"no such order: " + word};
    order->second(in);
  }
}

Orders press_and_release(Device& device) {
  return {{"press", [&](std::istream& in) { device.key(number(in), true); }},
          {"release", [&](std::istream& in) { device.key(number(in), false); }}};
}

void keyboard(const std::string& name, const std::string& fifo) {
  Abilities abilities;
  for (int key = KEY_ESC; key <= KEY_MICMUTE; ++key)
    abilities.keys.push_back(key);
  Device device{name, abilities};
  obey(fifo, press_and_release(device));
}

void mouse(const std::string& name, const std::string& fifo) {
  Device device{name,
                {.keys = {BTN_LEFT, BTN_RIGHT, BTN_MIDDLE}, .relative = {REL_X, REL_Y, REL_WHEEL}}};
  Orders orders = press_and_release(device);
  orders["move"] = [&](std::istream& in) {
    device.put(EV_REL, REL_X, number(in));
    device.put(EV_REL, REL_Y, number(in));
    device.report();
  };
  struct Vanished {};
  orders["vanish"] = [&](std::istream&) {
    for (int i = 0; i < 200; ++i) {
      device.put(EV_REL, REL_X, i % 2 == 0 ? 1 : -1);
      device.report();
    }
    device.put(EV_KEY, BTN_RIGHT, 1);  // and no report
    throw Vanished{};
  };
  try {
    obey(fifo, orders);
  } catch (const Vanished&) {  // the device goes with this function
  }
}

std::vector<Axis> places_of_fingers(int width, int height, int resolution, int fingers) {
  return {{ABS_X, width, resolution},
          {ABS_Y, height, resolution},
          {ABS_MT_SLOT, fingers - 1},
          {ABS_MT_TRACKING_ID, 65535},
          {ABS_MT_POSITION_X, width, resolution},
          {ABS_MT_POSITION_Y, height, resolution}};
}

void place(Device& device, int slot, int x, int y) {
  device.put(EV_ABS, ABS_MT_SLOT, slot);
  device.put(EV_ABS, ABS_MT_POSITION_X, x);
  device.put(EV_ABS, ABS_MT_POSITION_Y, y);
  if (slot != 0)
    return;
  device.put(EV_ABS, ABS_X, x);
  device.put(EV_ABS, ABS_Y, y);
}

void touchscreen(const std::string& name, const std::string& fifo) {
  Device device{name,
                {.keys = {BTN_TOUCH},
                 .absolute = places_of_fingers(1000, 1000, 10, 10),
                 .properties = {INPUT_PROP_DIRECT}}};
  int touches = 0;
  const Order move = [&](std::istream& in) {
    const int x = number(in);
    place(device, 0, x, number(in));
    device.report();
  };
  obey(fifo, {{"down",
               [&](std::istream& in) {
                 device.put(EV_ABS, ABS_MT_SLOT, 0);
                 device.put(EV_ABS, ABS_MT_TRACKING_ID, ++touches);
                 device.put(EV_KEY, BTN_TOUCH, 1);
                 move(in);
               }},
              {"move", move},
              {"up", [&](std::istream&) {
                 device.put(EV_ABS, ABS_MT_TRACKING_ID, -1);
                 device.key(BTN_TOUCH, false);
               }}});
}

// 100 by 70 millimetres, with room around its middle for whatever is not taken for a palm.
class Touchpad {
 public:
  explicit Touchpad(const std::string& name)
      : device_{name,
                {.keys = {BTN_LEFT, BTN_TOUCH, BTN_TOOL_FINGER, BTN_TOOL_DOUBLETAP},
                 .absolute = places_of_fingers(100 * unit, 70 * unit, unit, 2),
                 .properties = {INPUT_PROP_POINTER, INPUT_PROP_BUTTONPAD}}} {}

  void tap() {
    down(1);
    up(1);
  }
  // Fingers take their time: what jumps, or has just come, is not believed to be one that scrolls.
  void scroll(int dx, int dy) {
    constexpr int steps = 30;
    down(2);
    for (int step = 1; step <= steps; ++step) {
      std::this_thread::sleep_for(std::chrono::milliseconds{10});
      put_fingers(2, dx * unit * step / steps, dy * unit * step / steps);
    }
    up(2);
  }

 private:
  static constexpr int unit = 40;  // to the millimetre

  void put_fingers(int count, int dx, int dy) {
    for (int finger = 0; finger < count; ++finger)
      place(device_, finger, (40 + 15 * finger) * unit + dx, 35 * unit + dy);
    device_.report();
  }
  void down(int count) {
    for (int finger = 0; finger < count; ++finger) {
      device_.put(EV_ABS, ABS_MT_SLOT, finger);
      device_.put(EV_ABS, ABS_MT_TRACKING_ID, ++touches_);
    }
    device_.put(EV_KEY, BTN_TOUCH, 1);
    device_.put(EV_KEY, count == 1 ? BTN_TOOL_FINGER : BTN_TOOL_DOUBLETAP, 1);
    put_fingers(count, 0, 0);
  }
  void up(int count) {
    for (int finger = 0; finger < count; ++finger) {
      device_.put(EV_ABS, ABS_MT_SLOT, finger);
      device_.put(EV_ABS, ABS_MT_TRACKING_ID, -1);
    }
    device_.put(EV_KEY, count == 1 ? BTN_TOOL_FINGER : BTN_TOOL_DOUBLETAP, 0);
    device_.key(BTN_TOUCH, false);
  }

  Device device_;
  int touches_ = 0;
};

void touchpad(const std::string& name, const std::string& fifo) {
  Touchpad pad{name};
  obey(fifo, {{"tap", [&](std::istream&) { pad.tap(); }}, {"scroll", [&](std::istream& in) {
                                                             const int dx = number(in);
                                                             pad.scroll(dx, number(in));
                                                           }}});
}

}  // namespace

void run_device(const std::string& kind, const std::string& name, const std::string& fifo) {
  const std::map<std::string, void (*)(const std::string&, const std::string&)> kinds{
      {"keyboard", keyboard},
      {"mouse", mouse},
      {"touchscreen", touchscreen},
      {"touchpad", touchpad}};
  const auto found = kinds.find(kind);
  if (found == kinds.end())
    throw std::invalid_argument{"no such device: " + kind};
  found->second(name, fifo);
}

}  // namespace vm
