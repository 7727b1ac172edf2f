// Input devices where there are none: keyboards, mice and touch screens that libinput and libudev
// find, open and read as they would real ones.
//
//     umockdev::Testbed testbed;
//     umockdev::Device keyboard = testbed.add_keyboard();
//     keyboard.press(KEY_A);
//     testbed.unplug(keyboard);
//
// umockdev redirects what this process, and those that it starts, ask of /sys, /dev and the
// kernel's messages about devices. The program has to be run with LD_PRELOAD as in meson.build.
#pragma once

#include <linux/input-event-codes.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include <umockdev.h>

namespace umockdev {

/// What a device is: its name, what it can do, and what udev's rules have found out about it.
struct Description;

/// A device that has been plugged in, and the events that its user makes. Copyable, without owner.
class Device {
 public:
  /// "/dev/input/event0"
  [[nodiscard]] std::string node() const;
  [[nodiscard]] std::string syspath() const;

  /// One event as the kernel would write it. Throws std::system_error, also when nobody has read
  /// as many as a device holds.
  void send(std::uint16_t type, std::uint16_t code, std::int32_t value) const;
  /// Ends what has happened at the same time.
  void synchronize() const { send(EV_SYN, SYN_REPORT, 0); }

  void press(std::uint16_t key) const { turn(key, 1); }
  void release(std::uint16_t key) const { turn(key, 0); }
  void move(int dx, int dy) const;
  void scroll(int clicks) const;
  void touch_down(int x, int y) const;
  void touch_up() const;

 private:
  friend class Testbed;
  Device(UMockdevTestbed* testbed, int number) : testbed_{testbed}, number_{number} {}
  void turn(std::uint16_t key, int value) const;

  UMockdevTestbed* testbed_;
  int number_;
};

/// An empty machine. One at a time in a process.
class Testbed {
 public:
  /// Throws std::runtime_error if the program was not run as it has to be.
  Testbed();

  /// Plugs a device in, and tells the listeners.
  [[nodiscard]] Device add_keyboard();
  [[nodiscard]] Device add_mouse();
  [[nodiscard]] Device add_touch_screen();
  /// Unplugs it, and tells the listeners.
  void unplug(const Device& device);
  /// Tells the listeners that something about it is different.
  void change(const Device& device);
  /// The messages that listeners have not read when they look next get lost: ENOBUFS.
  void overflow();
  /// Sets when udev has initialized it, as if another one had been plugged into its place.
  void set_initialized(const Device& device, int microseconds);
  /// Gives it a tag, as a rule of udev's does, which the next message about it has.
  void add_tag(const Device& device, const std::string& tag);
  /// Tells the listeners that it was `from`, and has been moved to where it is.
  void move(const Device& from, const Device& device);
  /// Sets a property of it, which the next message about it has.
  void set_property(const Device& device, const std::string& name, const std::string& value);

 private:
  struct Unref {
    void operator()(UMockdevTestbed* testbed) const noexcept { g_object_unref(testbed); }
  };
  [[nodiscard]] std::filesystem::path root() const;
  Device add(const Description& description);

  std::unique_ptr<UMockdevTestbed, Unref> testbed_{umockdev_testbed_new()};
  int next_number_ = 0;
};

}  // namespace umockdev
