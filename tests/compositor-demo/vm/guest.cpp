// What runs inside of the virtual machine, for its tests:
//
//     vm-guest client NAME WIDTH HEIGHT RRGGBB [MORE]   a window; what it hears, it writes to
//                                                       descriptor 5, a line for each event. MORE:
//                                                       draw all the time, timed or not, or a
//                                                       cursor of its own
//     vm-guest console TTY                              its modes, as the kernel has them
//     vm-guest leds EVENT_DEVICE                        which are lit, a bit for each
//     vm-guest card NODE                                keeps a graphics card for itself
//     vm-guest KIND NAME FIFO                           an input device of uinput.hpp, which does
//                                                       what is written there
#include <fcntl.h>
#include <linux/input.h>
#include <linux/kd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include <calloop/fd.hpp>

#include "presentation-time-client-protocol.h"
#include "tests/compositor-demo/clients/connection.hpp"
#include "tests/compositor-demo/clients/window.hpp"
#include "uinput.hpp"

namespace {

constexpr int events = 5;

void check(int result, const std::string& what) {
  if (result < 0)
    throw std::system_error{errno, std::generic_category(), what};
}

calloop::OwnedFd open(const std::string& path, int flags) {
  calloop::OwnedFd fd{::open(path.c_str(), flags | O_CLOEXEC)};
  check(fd.get(), path);
  return fd;
}

// ---------------------------------------------------------------------------------------- client

class Client {
 public:
  Client(std::string name, int width, int height, unsigned colour, const std::string& more)
      : name_{std::move(name)},
        window_{connection_, width, height, colour},
        draws_{more == "draw" || more == "timed"},
        timed_{more == "timed"} {
    if (more == "cursor") {
      cursor_ = std::make_unique<clients::Surface>(connection_);
      cursor_->attach(16, 16, 0xff0000ff);
      cursor_->commit();
    }
    // A seat says what it can do when it is bound, and the connection's own has said so already.
    wl_registry* const registry = wl_display_get_registry(connection_.display());
    wl_registry_add_listener(registry, &registry_listener, this);
    // Its globals, what the seat can do, and that our keyboard is known.
    for (int i = 0; i < 3; ++i)
      connection_.roundtrip();
  }

  int run() {
    say("ready");
    unsigned frames = 0;
    while (connection_.alive()) {
      if (!draws_) {
        connection_.dispatch_until([] { return false; }, std::chrono::hours{1});
        continue;
      }
      if (timed_)
        ask_when_it_is_seen();
      if (!window_.commit_and_wait())
        continue;  // nobody looks, or nobody is there
      if (++frames % 10 == 0)
        say("frames " + std::to_string(frames));
    }
    say("end");
    return 0;
  }

 private:
  static std::filesystem::path socket() {
    const char* const name = std::getenv("WAYLAND_DISPLAY");
    const char* const directory = std::getenv("XDG_RUNTIME_DIR");
    return std::filesystem::path{directory == nullptr ? "/run/user" : directory} /
           (name == nullptr ? "wayland-1" : name);
  }

  std::string name_;
  clients::Connection connection_{socket()};
  clients::Window window_;
  // Of which it is said where it lies and how large it is, whenever it is another place or size.
  struct Output {
    Client& client;
    std::uint32_t global;
    std::string name = {};
    std::string position = {};
    std::string mode = {};
    clients::Owned<wl_output> object = {};
  };

  bool draws_;
  bool timed_;
  wp_presentation* presentation_ = nullptr;
  std::string seen_on_;
  std::unique_ptr<clients::Surface> cursor_;
  std::vector<std::unique_ptr<Output>> outputs_;
  wl_pointer* pointer_ = nullptr;
  wl_keyboard* keyboard_ = nullptr;
  wl_touch* touch_ = nullptr;

  void say(const std::string& what) const {
    const std::string line = name_ + " " + what + "\n";
    [[maybe_unused]] const ssize_t written = ::write(events, line.data(), line.size());
  }
  void say_place(const std::string& what, wl_fixed_t x, wl_fixed_t y) const {
    std::array<char, 64> place;
    std::snprintf(place.data(), place.size(), " %.2f %.2f", wl_fixed_to_double(x),
                  wl_fixed_to_double(y));
    say(what + place.data());
  }
  static Client& self(void* data) { return *static_cast<Client*>(data); }

  void bind_seat(wl_registry* registry, std::uint32_t global, std::uint32_t version) {
    auto* const seat = static_cast<wl_seat*>(wl_registry_bind(registry, global, &wl_seat_interface,
                                                              std::min<std::uint32_t>(version, 8)));
    wl_seat_add_listener(seat, &seat_listener, this);
  }
  void ask_when_it_is_seen() {
    struct wp_presentation_feedback* const feedback =
        wp_presentation_feedback(presentation_, window_.get());
    wp_presentation_feedback_add_listener(feedback, &feedback_listener, this);
  }
  void bind_output(wl_registry* registry, std::uint32_t global) {
    Output& output = *outputs_.emplace_back(std::make_unique<Output>(Output{*this, global}));
    output.object.reset(
        static_cast<wl_output*>(wl_registry_bind(registry, global, &wl_output_interface, 4)));
    wl_output_add_listener(output.object.get(), &output_listener, &output);
  }
  void forget_output(std::uint32_t global) {
    std::erase_if(outputs_, [&](const std::unique_ptr<Output>& output) {
      if (output->global != global)
        return false;
      say("output " + output->name + " goes");
      return true;
    });
  }

  static const wl_pointer_listener pointer_listener;
  static const wl_keyboard_listener keyboard_listener;
  static const wl_touch_listener touch_listener;
  static const wl_seat_listener seat_listener;
  static const wl_output_listener output_listener;
  static const wl_registry_listener registry_listener;
  static const wp_presentation_feedback_listener feedback_listener;
};

const wl_pointer_listener Client::pointer_listener{
    .enter =
        [](void* data, wl_pointer* pointer, std::uint32_t serial, wl_surface*, wl_fixed_t x,
           wl_fixed_t y) {
          if (self(data).cursor_)
            wl_pointer_set_cursor(pointer, serial, self(data).cursor_->get(), 8, 8);
          self(data).say_place("enter", x, y);
        },
    .leave = [](void* data, wl_pointer*, std::uint32_t, wl_surface*) { self(data).say("leave"); },
    .motion = [](void* data, wl_pointer*, std::uint32_t, wl_fixed_t x,
                 wl_fixed_t y) { self(data).say_place("motion", x, y); },
    .button =
        [](void* data, wl_pointer*, std::uint32_t, std::uint32_t, std::uint32_t button,
           std::uint32_t state) {
          self(data).say("button " + std::to_string(button) + " " + std::to_string(state));
        },
    .axis =
        [](void* data, wl_pointer*, std::uint32_t, std::uint32_t axis, wl_fixed_t value) {
          self(data).say("axis " + std::to_string(axis) + " " +
                         std::to_string(wl_fixed_to_int(value)));
        },
    .frame = [](void*, wl_pointer*) {},
    .axis_source = [](void*, wl_pointer*, std::uint32_t) {},
    .axis_stop = [](void* data, wl_pointer*, std::uint32_t,
                    std::uint32_t axis) { self(data).say("stop " + std::to_string(axis)); },
    .axis_discrete = [](void*, wl_pointer*, std::uint32_t, std::int32_t) {},
    .axis_value120 =
        [](void* data, wl_pointer*, std::uint32_t axis, std::int32_t value) {
          self(data).say("v120 " + std::to_string(axis) + " " + std::to_string(value));
        }};

const wl_keyboard_listener Client::keyboard_listener{
    .keymap = [](void*, wl_keyboard*, std::uint32_t, std::int32_t fd,
                 std::uint32_t) { ::close(fd); },
    .enter = [](void* data, wl_keyboard*, std::uint32_t, wl_surface*,
                wl_array*) { self(data).say("focus"); },
    .leave = [](void* data, wl_keyboard*, std::uint32_t,
                wl_surface*) { self(data).say("unfocus"); },
    .key =
        [](void* data, wl_keyboard*, std::uint32_t, std::uint32_t, std::uint32_t key,
           std::uint32_t state) {
          self(data).say("key " + std::to_string(key) + " " + std::to_string(state));
        },
    .modifiers =
        [](void* data, wl_keyboard*, std::uint32_t, std::uint32_t depressed, std::uint32_t,
           std::uint32_t locked, std::uint32_t) {
          self(data).say("modifiers " + std::to_string(depressed) + " " + std::to_string(locked));
        },
    .repeat_info = [](void*, wl_keyboard*, std::int32_t, std::int32_t) {}};

const wl_touch_listener Client::touch_listener{
    .down = [](void* data, wl_touch*, std::uint32_t, std::uint32_t, wl_surface*, std::int32_t id,
               wl_fixed_t x,
               wl_fixed_t y) { self(data).say_place("touch-down " + std::to_string(id), x, y); },
    .up = [](void* data, wl_touch*, std::uint32_t, std::uint32_t,
             std::int32_t id) { self(data).say("touch-up " + std::to_string(id)); },
    .motion =
        [](void* data, wl_touch*, std::uint32_t, std::int32_t id, wl_fixed_t x, wl_fixed_t y) {
          self(data).say_place("touch-motion " + std::to_string(id), x, y);
        },
    .frame = [](void* data, wl_touch*) { self(data).say("touch-frame"); },
    .cancel = [](void* data, wl_touch*) { self(data).say("touch-cancel"); },
    .shape = [](void*, wl_touch*, std::int32_t, wl_fixed_t, wl_fixed_t) {},
    .orientation = [](void*, wl_touch*, std::int32_t, wl_fixed_t) {}};

const wl_seat_listener Client::seat_listener{
    .capabilities =
        [](void* data, wl_seat* seat, std::uint32_t capabilities) {
          Client& client = self(data);
          client.say("capabilities " + std::to_string(capabilities));
          if ((capabilities & WL_SEAT_CAPABILITY_POINTER) != 0 && !client.pointer_) {
            client.pointer_ = wl_seat_get_pointer(seat);
            wl_pointer_add_listener(client.pointer_, &pointer_listener, data);
          }
          if ((capabilities & WL_SEAT_CAPABILITY_KEYBOARD) != 0 && !client.keyboard_) {
            client.keyboard_ = wl_seat_get_keyboard(seat);
            wl_keyboard_add_listener(client.keyboard_, &keyboard_listener, data);
          }
          if ((capabilities & WL_SEAT_CAPABILITY_TOUCH) != 0 && !client.touch_) {
            client.touch_ = wl_seat_get_touch(seat);
            wl_touch_add_listener(client.touch_, &touch_listener, data);
          }
        },
    .name = [](void*, wl_seat*, const char*) {}};

const wl_output_listener Client::output_listener{
    .geometry =
        [](void* data, wl_output*, std::int32_t x, std::int32_t y, std::int32_t, std::int32_t,
           std::int32_t, const char*, const char*, std::int32_t) {
          static_cast<Output*>(data)->position = std::to_string(x) + " " + std::to_string(y);
        },
    .mode =
        [](void* data, wl_output*, std::uint32_t, std::int32_t width, std::int32_t height,
           std::int32_t) {
          static_cast<Output*>(data)->mode = std::to_string(width) + "x" + std::to_string(height);
        },
    .done =
        [](void* data, wl_output*) {
          const Output& output = *static_cast<Output*>(data);
          output.client.say("output " + output.name + " at " + output.position + " is " +
                            output.mode);
        },
    .scale = [](void*, wl_output*, std::int32_t) {},
    .name = [](void* data, wl_output*,
               const char* name) { static_cast<Output*>(data)->name = name; },
    .description = [](void*, wl_output*, const char*) {}};

const wl_registry_listener Client::registry_listener{
    .global =
        [](void* data, wl_registry* registry, std::uint32_t name, const char* interface,
           std::uint32_t version) {
          if (std::string_view{interface} == wl_seat_interface.name)
            self(data).bind_seat(registry, name, version);
          else if (std::string_view{interface} == wl_output_interface.name)
            self(data).bind_output(registry, name);
          else if (std::string_view{interface} == wp_presentation_interface.name)
            self(data).presentation_ = static_cast<wp_presentation*>(
                wl_registry_bind(registry, name, &wp_presentation_interface, 1));
        },
    .global_remove = [](void* data, wl_registry*,
                        std::uint32_t name) { self(data).forget_output(name); }};

const wp_presentation_feedback_listener Client::feedback_listener{
    .sync_output =
        [](void* data, struct wp_presentation_feedback*, wl_output* output) {
          for (const auto& known : self(data).outputs_)
            if (known->object.get() == output)
              self(data).seen_on_ = known->name;
        },
    .presented =
        [](void* data, struct wp_presentation_feedback* feedback, std::uint32_t high,
           std::uint32_t low, std::uint32_t nanoseconds, std::uint32_t refresh, std::uint32_t,
           std::uint32_t, std::uint32_t flags) {
          const auto seconds = static_cast<std::int64_t>((std::uint64_t{high} << 32U) | low);
          const std::chrono::nanoseconds seen =
              std::chrono::seconds{seconds} + std::chrono::nanoseconds{nanoseconds};
          const auto age = std::chrono::steady_clock::now().time_since_epoch() - seen;
          self(data).say("presented " + self(data).seen_on_ + " " + std::to_string(refresh) + " " +
                         std::to_string(flags) + " " + std::to_string(seen.count()) + " " +
                         std::to_string(age.count()));
          wp_presentation_feedback_destroy(feedback);
        },
    .discarded =
        [](void*, struct wp_presentation_feedback* feedback) {
          wp_presentation_feedback_destroy(feedback);
        }};

// --------------------------------------------------------------------------------------- devices

int console(const std::string& path) {
  const calloop::OwnedFd tty = open(path, O_RDWR | O_NOCTTY);
  long mode = 0;
  long keyboard = 0;
  check(::ioctl(tty.get(), KDGETMODE, &mode), "KDGETMODE");
  check(::ioctl(tty.get(), KDGKBMODE, &keyboard), "KDGKBMODE");
  std::cout << (mode == KD_TEXT ? "text" : "graphics") << " keyboard " << keyboard << '\n';
  return 0;
}

int leds(const std::string& path) {
  const calloop::OwnedFd device = open(path, O_RDONLY);
  unsigned char bits = 0;
  check(::ioctl(device.get(), EVIOCGLED(sizeof bits), &bits), "EVIOCGLED");
  std::cout << static_cast<int>(bits) << '\n';
  return 0;
}

int card(const std::string& node) {
  const calloop::OwnedFd device = open(node, O_RDWR);  // the first who opens it may set modes
  std::this_thread::sleep_for(std::chrono::hours{1});
  return 0;
}

int run_device(const std::string& kind, const std::string& name, const std::string& fifo) {
  vm::run_device(kind, name, fifo);
  return 0;
}

int run(const std::vector<std::string>& words) {
  if (words.size() >= 5 && words[0] == "client")
    return Client{words[1], std::stoi(words[2]), std::stoi(words[3]),
                  0xff000000U | static_cast<unsigned>(std::stoul(words[4], nullptr, 16)),
                  words.size() > 5 ? words[5] : std::string{}}
        .run();
  if (words.size() == 2 && words[0] == "console")
    return console(words[1]);
  if (words.size() == 2 && words[0] == "leds")
    return leds(words[1]);
  if (words.size() == 2 && words[0] == "card")
    return card(words[1]);
  if (words.size() == 3)
    return run_device(words[0], words[1], words[2]);
  throw std::runtime_error{"what?"};
}

}  // namespace

int main(int argc, char** argv) try {
  return run({argv + 1, argv + argc});
} catch (const std::exception& error) {
  std::cerr << "vm-guest: " << error.what() << '\n';
  return 1;
}
