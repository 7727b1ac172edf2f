#include "tests/umockdev/devices.hpp"

#include <fcntl.h>
#include <linux/input.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <vector>

#include "tests/temporary_directory.hpp"

namespace umockdev {

struct Description {
  std::string name = {};
  std::vector<std::string> udev_properties = {};  // beside ID_INPUT
  std::vector<int> types = {};
  std::vector<int> keys = {};
  std::vector<int> relative_axes = {};
  std::vector<int> properties = {};
  std::map<int, input_absinfo> absolute_axes = {};
};

namespace {

constexpr int major_number = 13;
constexpr int first_minor = 64;

// The bits of an EVIOCGBIT, as long as it asks for.
std::vector<std::uint8_t> bits(const std::vector<int>& set, std::size_t bytes) {
  std::vector<std::uint8_t> result(bytes);
  for (const int bit : set)
    result[static_cast<std::size_t>(bit) / 8] |= static_cast<std::uint8_t>(1 << bit % 8);
  return result;
}

// The same as sysfs shows it: words of 64 bits, the highest first.
std::string words(const std::vector<int>& set, std::size_t bytes) {
  const std::vector<std::uint8_t> all = bits(set, bytes);
  std::ostringstream text;
  text << std::hex;
  bool begun = false;
  for (std::size_t word = bytes / 8; word-- != 0;) {
    std::uint64_t value = 0;
    std::memcpy(&value, &all[word * 8], sizeof value);
    if (!begun && value == 0 && word != 0)
      continue;
    text << (begun ? " " : "") << value;
    begun = true;
  }
  return text.str();
}

std::vector<int> keys_of(const std::map<int, input_absinfo>& axes) {
  std::vector<int> keys;
  for (const auto& [key, value] : axes)
    keys.push_back(key);
  return keys;
}

// What the device answers to ioctls, in umockdev's language. A line is the request, the value it
// returns, and the data in hexadecimal; the data has to be as long as the caller's buffer.
class Ioctls {
 public:
  explicit Ioctls(const std::string& node) { text_ << "@DEV " << node << '\n'; }

  void add(const std::string& request, std::size_t returns, const void* data, std::size_t size) {
    static constexpr char digits[] = "0123456789ABCDEF";
    text_ << request << ' ' << returns << ' ';
    for (std::size_t i = 0; i != size; ++i) {
      const unsigned byte = static_cast<const std::uint8_t*>(data)[i];
      text_ << digits[byte / 16] << digits[byte % 16];
    }
    text_ << '\n';
  }
  template <class T>
  void add(const std::string& request, const T& value) {
    add(request, 0, &value, sizeof value);
  }
  void add_bits(const std::string& request, const std::vector<int>& set, std::size_t bytes) {
    add(request, bytes, bits(set, bytes).data(), bytes);
  }
  // libevdev's buffers for texts have 256 bytes, of which it offers all but one.
  void add_text(const std::string& request, const std::string& text) {
    std::array<char, 255> buffer{};
    std::copy_n(text.begin(), std::min(text.size(), buffer.size() - 1), buffer.begin());
    add(request, text.size() + 1, buffer.data(), buffer.size());
  }
  [[nodiscard]] std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
};

std::string ioctls_of(const Description& device, const std::string& node) {
  constexpr std::size_t key_bytes = 96;
  constexpr std::size_t few = 8;
  Ioctls ioctls{node};
  ioctls.add_bits("EVIOCGBIT(0)", device.types, few);
  ioctls.add_text("EVIOCGNAME(0)", device.name);
  ioctls.add_text("EVIOCGPHYS(0)", "umockdev/input0");
  ioctls.add_text("EVIOCGUNIQ(0)", "");
  ioctls.add("EVIOCGID", std::array<std::uint16_t, 4>{BUS_USB, 0x1234, 0x5678, 0x111});
  ioctls.add("EVIOCGVERSION", std::uint32_t{0x10001});
  ioctls.add_bits("EVIOCGPROP(0)", device.properties, few);
  ioctls.add_bits("EVIOCGBIT(1)", device.keys, key_bytes);
  ioctls.add_bits("EVIOCGBIT(2)", device.relative_axes, few);
  ioctls.add_bits("EVIOCGBIT(3)", keys_of(device.absolute_axes), few);
  for (const char* none : {"EVIOCGBIT(4)", "EVIOCGBIT(5)", "EVIOCGBIT(17)", "EVIOCGBIT(18)"})
    ioctls.add_bits(none, {}, few);
  ioctls.add_bits("EVIOCGBIT(21)", {}, 16);
  ioctls.add_bits("EVIOCGKEY(0)", {}, key_bytes);
  ioctls.add_bits("EVIOCGLED(0)", {}, few);
  ioctls.add_bits("EVIOCGSW(0)", {}, few);
  ioctls.add("EVIOCGREP", std::array<std::uint32_t, 2>{250, 33});
  for (const auto& [axis, info] : device.absolute_axes)
    ioctls.add(axis == 0 ? "EVIOCGABS" : "EVIOCGABS(" + std::to_string(axis) + ")", info);
  return ioctls.text();
}

std::string input_path(int number) {
  return "/devices/virtual/input/input" + std::to_string(number);
}

// Under which name the node is in udev's database.
std::string database_id(int number) {
  return 'c' + std::to_string(major_number) + ':' + std::to_string(first_minor + number);
}

// Device and node in umockdev's language: path, node, properties (E), attributes (A) and links (L).
std::string devices_of(const Description& device, int number) {
  std::string rules = "E: ID_INPUT=1\n";
  for (const std::string& property : device.udev_properties)
    rules += "E: " + property + "=1\n";
  const std::string input = "input" + std::to_string(number);
  const std::string event = "event" + std::to_string(number);
  const std::string minor_number = std::to_string(first_minor + number);
  std::ostringstream text;
  text << "P: " << input_path(number) << "\nE: SUBSYSTEM=input\nE: NAME=\"" << device.name << "\"\n"
       << "E: PRODUCT=3/1234/5678/111\n"
       << rules << "A: name=" << device.name << "\\n\n"
       << "A: capabilities/ev=" << words(device.types, 8) << "\\n\n"
       << "A: capabilities/key=" << words(device.keys, 96) << "\\n\n"
       << "A: capabilities/rel=" << words(device.relative_axes, 8) << "\\n\n"
       << "A: capabilities/abs=" << words(keys_of(device.absolute_axes), 8) << "\\n\n"
       << "A: properties=" << words(device.properties, 8) << "\\n\n"
       << "A: id/bustype=0003\\n\nA: id/vendor=1234\\n\nA: id/product=5678\\n\n"
       << "A: id/version=0111\\n\n\n"
       << "P: " << input_path(number) << '/' << event << "\nN: input/" << event << '\n'
       << "E: DEVNAME=/dev/input/" << event << "\nE: MAJOR=" << major_number
       << "\nE: MINOR=" << minor_number << "\nE: SUBSYSTEM=input\n"
       << rules << "A: dev=" << major_number << ':' << minor_number << "\\n\n"
       << "L: device=../../" << input << "\n\n";
  return text.str();
}

[[noreturn]] void fail(const char* what, GError* error) {
  const std::string text = error == nullptr ? "no reason given" : error->message;
  g_clear_error(&error);
  throw std::runtime_error{std::string{what} + ": " + text};
}

void write_file(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream file{path};
  if (!(file << text << std::flush))
    throw std::runtime_error{"cannot write " + path.string()};
}

}  // namespace

std::string Device::node() const {
  return "/dev/input/event" + std::to_string(number_);
}

std::string Device::syspath() const {
  return "/sys" + input_path(number_) + "/event" + std::to_string(number_);
}

void Device::send(std::uint16_t type, std::uint16_t code, std::int32_t value) const {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  input_event event{};
  event.input_event_sec = now.tv_sec;
  event.input_event_usec = now.tv_nsec / 1000;
  event.type = type;
  event.code = code;
  event.value = value;
  const int fd = umockdev_testbed_get_dev_fd(testbed_, node().c_str());
  if (::write(fd, &event, sizeof event) != sizeof event)
    throw std::system_error{errno, std::generic_category(), "write to " + node()};
}

void Device::turn(std::uint16_t key, int value) const {
  send(EV_KEY, key, value);
  synchronize();
}

void Device::move(int dx, int dy) const {
  send(EV_REL, REL_X, dx);
  send(EV_REL, REL_Y, dy);
  synchronize();
}

void Device::scroll(int clicks) const {
  send(EV_REL, REL_WHEEL, clicks);
  synchronize();
}

void Device::touch_down(int x, int y) const {
  send(EV_ABS, ABS_MT_TRACKING_ID, 1);
  send(EV_ABS, ABS_MT_POSITION_X, x);
  send(EV_ABS, ABS_MT_POSITION_Y, y);
  send(EV_KEY, BTN_TOUCH, 1);
  synchronize();
}

void Device::touch_up() const {
  send(EV_ABS, ABS_MT_TRACKING_ID, -1);
  send(EV_KEY, BTN_TOUCH, 0);
  synchronize();
}

Testbed::Testbed() {
  if (::access("/sys/kernel", F_OK) == 0)  // the testbed has no kernel
    throw std::runtime_error{"umockdev is not preloaded: run this by meson test"};
  // That udev runs: without, libudev listens to nobody.
  write_file(root() / "run/udev/control", "");
}

std::filesystem::path Testbed::root() const {
  gchar* const root = umockdev_testbed_get_root_dir(testbed_.get());
  std::filesystem::path path{root};
  g_free(root);
  return path;
}

Device Testbed::add(const Description& description) {
  const Device device{testbed_.get(), next_number_++};
  set_initialized(device, 1);
  // The answers have to be there when the listeners are told, which adding does.
  const tests::TemporaryDirectory directory;
  const std::string ioctls = directory.path() / "ioctls";
  write_file(ioctls, ioctls_of(description, device.node()));
  GError* error = nullptr;
  if (umockdev_testbed_load_ioctl(testbed_.get(), device.node().c_str(), ioctls.c_str(), &error) ==
      FALSE)
    fail("umockdev_testbed_load_ioctl", error);
  const std::string devices = devices_of(description, device.number_);
  if (umockdev_testbed_add_from_string(testbed_.get(), devices.c_str(), &error) == FALSE)
    fail("umockdev_testbed_add_from_string", error);
  // A device that nobody reads must not stop who writes: that is often the same thread.
  const int fd = umockdev_testbed_get_dev_fd(testbed_.get(), device.node().c_str());
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  return device;
}

Device Testbed::add_keyboard() {
  Description keyboard{.name = "Mocked Keyboard",
                       .udev_properties = {"ID_INPUT_KEY", "ID_INPUT_KEYBOARD"},
                       .types = {EV_SYN, EV_KEY, EV_REP}};
  for (int key = KEY_ESC; key <= KEY_RIGHTALT; ++key)
    keyboard.keys.push_back(key);
  return add(keyboard);
}

Device Testbed::add_mouse() {
  return add({.name = "Mocked Mouse",
              .udev_properties = {"ID_INPUT_MOUSE"},
              .types = {EV_SYN, EV_KEY, EV_REL},
              .keys = {BTN_LEFT, BTN_RIGHT, BTN_MIDDLE},
              .relative_axes = {REL_X, REL_Y, REL_WHEEL}});
}

Device Testbed::add_touch_screen() {
  const auto axis = [](int maximum, int per_millimetre) {
    input_absinfo info{};
    info.maximum = maximum;
    info.resolution = per_millimetre;
    return info;
  };
  return add({.name = "Mocked Touch Screen",
              .udev_properties = {"ID_INPUT_TOUCHSCREEN"},
              .types = {EV_SYN, EV_KEY, EV_ABS},
              .keys = {BTN_TOUCH},
              .properties = {INPUT_PROP_DIRECT},
              .absolute_axes = {{ABS_X, axis(1000, 10)},
                                {ABS_Y, axis(1000, 10)},
                                {ABS_MT_SLOT, axis(9, 0)},
                                {ABS_MT_POSITION_X, axis(1000, 10)},
                                {ABS_MT_POSITION_Y, axis(1000, 10)},
                                {ABS_MT_TRACKING_ID, axis(65535, 0)}}});
}

void Testbed::unplug(const Device& device) {
  const std::string parent = "/sys" + input_path(device.number_);
  umockdev_testbed_uevent(testbed_.get(), device.syspath().c_str(), "remove");
  umockdev_testbed_uevent(testbed_.get(), parent.c_str(), "remove");
  umockdev_testbed_remove_device(testbed_.get(), parent.c_str());
}

void Testbed::change(const Device& device) {
  umockdev_testbed_uevent(testbed_.get(), device.syspath().c_str(), "change");
}

void Testbed::overflow() {
  write_file(root() / "overflow", "");
}

void Testbed::set_initialized(const Device& device, int microseconds) {
  write_file(root() / "run/udev/data" / database_id(device.number_),
             "I:" + std::to_string(microseconds) + "\nE:ID_INPUT=1\n");
}

void Testbed::add_tag(const Device& device, const std::string& tag) {
  const std::string id = database_id(device.number_);
  write_file(root() / "run/udev/data" / id, "I:1\nE:ID_INPUT=1\nG:" + tag + "\nQ:" + tag + '\n');
  write_file(root() / "run/udev/tags" / tag / id, "");
  set_property(device, "TAGS", ':' + tag + ':');
}

void Testbed::move(const Device& from, const Device& device) {
  set_property(device, "DEVPATH_OLD", from.syspath().substr(std::string_view{"/sys"}.size()));
  umockdev_testbed_uevent(testbed_.get(), device.syspath().c_str(), "move");
}

void Testbed::set_property(const Device& device, const std::string& name,
                           const std::string& value) {
  umockdev_testbed_set_property(testbed_.get(), device.syspath().c_str(), name.c_str(),
                                value.c_str());
}

}  // namespace umockdev
