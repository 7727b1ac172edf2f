// What one says to a running QEMU: docs/interop/qmp-spec.txt of its sources.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <calloop/fd.hpp>

namespace vm {

// A connection. Throws std::runtime_error when QEMU refuses, or does not answer in time.
class Qmp {
 public:
  explicit Qmp(const std::filesystem::path& socket);

  // `arguments` is a JSON object. Returns the answer as it came, after it is known to be no error.
  std::string command(std::string_view name, std::string_view arguments = "{}");
  // Waits for an event with these texts, unless one has come since the last time.
  void wait_for_event(std::string_view name, std::string_view detail);
  void plug_in(const std::string& driver, const std::string& id);
  // Returns when it is gone.
  void unplug(const std::string& id);

  // Input, as a person would make it. Keys are those of QKeyCode: "a", "ret", "f2".
  void key(std::string_view key, bool down);
  void type(std::string_view key) {
    this->key(key, true);
    this->key(key, false);
  }
  void move_by(int dx, int dy);
  // 0 to 32767, over the whole screen.
  void move_to(int x, int y);
  // "left", "wheel-down"
  void button(std::string_view button, bool down);
  void click(std::string_view which) {
    button(which, true);
    button(which, false);
  }
  // Writes what a monitor shows.
  void screendump(const std::filesystem::path& file, int head = 0);

 private:
  void send_events(const std::string& events);
  std::string read_line();

  calloop::OwnedFd socket_;
  std::string received_;
  std::vector<std::string> events_;  // that nobody has waited for yet
};

}  // namespace vm
