#include "qmp.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "socket.hpp"

namespace vm {

Qmp::Qmp(const std::filesystem::path& socket) : socket_{connect_to(socket)} {
  read_line();  // its greeting
  command("qmp_capabilities");
}

std::string Qmp::read_line() {
  std::size_t end = 0;
  while ((end = received_.find('\n')) == std::string::npos)
    received_ += receive(socket_);
  std::string line = received_.substr(0, end);
  received_.erase(0, end + 1);
  return line;
}

std::string Qmp::command(std::string_view name, std::string_view arguments) {
  send(socket_, R"({"execute": ")" + std::string{name} + R"(", "arguments": )" +
                    std::string{arguments} + "}\n");
  while (true) {
    std::string line = read_line();
    if (line.find(R"("event": )") != std::string::npos) {
      events_.push_back(std::move(line));
      continue;
    }
    if (line.find(R"("error": )") != std::string::npos)
      throw std::runtime_error{std::string{name} + ": " + line};
    return line;
  }
}

void Qmp::wait_for_event(std::string_view name, std::string_view detail) {
  const auto is_it = [&](const std::string& line) {
    return line.find(name) != std::string::npos && line.find(detail) != std::string::npos;
  };
  while (std::ranges::none_of(events_, is_it))
    events_.push_back(read_line());
  std::erase_if(events_, is_it);
}

void Qmp::plug_in(const std::string& driver, const std::string& id) {
  command("device_add", R"({"driver": ")" + driver + R"(", "id": ")" + id + R"("})");
}

// What it is made of goes first, with events of its own.
void Qmp::unplug(const std::string& id) {
  command("device_del", R"({"id": ")" + id + R"("})");
  wait_for_event(R"("DEVICE_DELETED")", R"("device": ")" + id + '"');
}

void Qmp::send_events(const std::string& events) {
  command("input-send-event", R"({"events": [)" + events + "]}");
}

namespace {

std::string boolean(bool value) {
  return value ? "true" : "false";
}

std::string axes(std::string_view type, int x, int y) {
  const auto axis = [&](char name, int value) {
    return R"({"type": ")" + std::string{type} + R"(", "data": {"axis": ")" + name +
           R"(", "value": )" + std::to_string(value) + "}}";
  };
  return axis('x', x) + ", " + axis('y', y);
}

}  // namespace

void Qmp::key(std::string_view key, bool down) {
  send_events(R"({"type": "key", "data": {"down": )" + boolean(down) +
              R"(, "key": {"type": "qcode", "data": ")" + std::string{key} + R"("}}})");
}

void Qmp::move_by(int dx, int dy) {
  send_events(axes("rel", dx, dy));
}

void Qmp::move_to(int x, int y) {
  send_events(axes("abs", x, y));
}

void Qmp::button(std::string_view button, bool down) {
  send_events(R"({"type": "btn", "data": {"down": )" + boolean(down) + R"(, "button": ")" +
              std::string{button} + R"("}})");
}

void Qmp::screendump(const std::filesystem::path& file, int head) {
  command("screendump", R"({"filename": ")" + file.string() +
                            R"(", "format": "png", "device": "gpu0", "head": )" +
                            std::to_string(head) + "}");
}

}  // namespace vm
