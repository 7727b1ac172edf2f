// What the tests on a seat have in common: one virtual machine for all, a compositor for each.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "machine.hpp"
#include "tests/compositor-demo/e2e/screenshot.hpp"

namespace vm {

// Of windows, as a screenshot has them.
constexpr std::uint32_t red = 0xff0000;
constexpr std::uint32_t green = 0x00ff00;
constexpr std::uint32_t blue = 0x0000ff;

// Returns when it can be asked for the seat.
void start_seatd(Machine& machine);

// The compositor, in the guest.
class Demo {
 public:
  // Starts it with `--backend drm` and these, and waits until it listens. Throws
  // std::runtime_error.
  explicit Demo(Machine& machine, const std::string& arguments = {});
  Demo(const Demo&) = delete;
  Demo& operator=(const Demo&) = delete;
  // Ends it if that was not done, and its clients.
  ~Demo();

  int pid() const noexcept { return pid_; }
  std::string log() const;
  // Its log has this text, now or soon.
  bool says(const std::string& text) const;
  // Sends a signal and waits for the end; the status is that of the shell, 128 + N for signal N.
  int end(const std::string& signal = "TERM");
  int wait();

 private:
  Machine& machine_;
  int pid_ = 0;
  bool ended_ = false;
};

// An input device of uinput.hpp, in the guest.
class InputDevice {
 public:
  InputDevice(Machine& machine, const std::string& kind, const std::string& name);
  InputDevice(const InputDevice&) = delete;
  InputDevice& operator=(const InputDevice&) = delete;
  ~InputDevice();

  void order(const std::string& what);
  void unplug();

 private:
  Machine& machine_;
  std::string orders_;
  std::string pid_;
};

// A device of the machine itself, which loses its driver and gets it back: for whoever uses it, it
// is unplugged and plugged in.
class VirtioDevice {
 public:
  // The one of that driver; of several input devices the one with that name.
  VirtioDevice(Machine& machine, const std::string& driver, const std::string& name = {});
  VirtioDevice(const VirtioDevice&) = delete;
  VirtioDevice& operator=(const VirtioDevice&) = delete;
  ~VirtioDevice();

  void unplug();
  void plug_in();

 private:
  void tell_driver(const std::string& what);

  Machine& machine_;
  std::string driver_;
  std::string device_;
  bool plugged_in_ = true;
};

class SeatTest : public testing::Test {
 protected:
  static void SetUpTestSuite();
  // Fails each test if there is no machine, with the reason.
  void SetUp() override;
  // Keeps the logs and the screen of a test that has failed.
  void TearDown() override;

  static Machine& machine();
  // Such a device, which the compositor uses already.
  std::unique_ptr<InputDevice> plug_in(const std::string& kind, const std::string& name);
  // A window of that colour, and the events of who owns it under that name. In the guest; ends with
  // the compositor. With "draw" for `more` it draws all the time.
  void start_client(const std::string& name, int width, int height, std::uint32_t colour,
                    const std::string& more = {});
  // What clients hear until one hears what begins with this, which is the last one. A failure if
  // nobody does in time.
  static std::vector<std::string> events_until(const std::string& begin);
  // Puts the pointer at this pixel of a screen, or of several together, of that size.
  void point_at(int x, int y, e2e::Area screens = {0, 0, 1280, 800});
  // What a monitor shows now.
  e2e::Screenshot screen(int head = 0);
  // Whether the screen is, now or soon, as one wants it.
  bool screen_becomes(const std::function<bool(const e2e::Screenshot&)>& condition, int head = 0);
  bool shows(std::uint32_t colour, const e2e::Area& where, int head = 0);

  std::unique_ptr<Demo> demo;
};

}  // namespace vm
