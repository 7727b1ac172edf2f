#include "machine.hpp"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "monitor.hpp"

namespace vm {
namespace {

using namespace std::chrono_literals;

// Ends what a command has printed; nothing else prints such a byte.
constexpr char end_of_answer = '\x01';

std::string text_of(const std::filesystem::path& file) {
  std::ifstream in{file};
  return {std::istreambuf_iterator<char>{in}, {}};
}

// Where the kernel is itself the guest of a paravirtualized one, /dev/kvm is there and boots no
// ordinary kernel.
bool kvm_works() {
  return ::access("/dev/kvm", R_OK | W_OK) == 0 && !std::filesystem::exists("/sys/module/kvm_pvm");
}

std::vector<std::string> qemu_command(const std::filesystem::path& image,
                                      const std::filesystem::path& shared,
                                      const std::string& accelerator) {
  const std::string directory = shared.string();
  std::string kernel_arguments = "console=ttyS0 quiet loglevel=4 panic=-1 mitigations=off audit=0";
  std::vector<std::string> words{"qemu-system-x86_64"};
  const auto add = [&](std::initializer_list<std::string> more) {
    words.insert(words.end(), more);
  };
  // With usb and i8042 off there are no other keyboards and mice than ours.
  add({"-M", "pc,usb=off,i8042=off", "-smp", "2", "-m", "1024", "-nodefaults", "-no-user-config",
       "-no-reboot", "-display", "none", "-vga", "none"});
  if (accelerator == "kvm") {
    add({"-accel", "kvm", "-cpu", "host"});
  } else {
    add({"-accel", "tcg,thread=multi,tb-size=512", "-cpu", "max"});
    kernel_arguments += " tsc=reliable no_timer_check";
  }
  add({"-kernel", (image / "vmlinux").string(), "-initrd", (image / "initrd").string(), "-append",
       kernel_arguments, "-serial", "file:" + directory + "/console.log"});
  add({"-fsdev", "local,id=host,path=/,security_model=none,readonly=on,multidevs=remap", "-device",
       "virtio-9p-pci,fsdev=host,mount_tag=host", "-fsdev",
       "local,id=out,path=" + directory + ",security_model=none", "-device",
       "virtio-9p-pci,fsdev=out,mount_tag=out"});
  add({"-device", "virtio-gpu-pci,id=gpu0,max_outputs=2", "-device", "virtio-keyboard-pci,id=keys",
       "-device", "virtio-mouse-pci,id=mouse", "-device", "virtio-tablet-pci,id=tablet"});
  const auto joined = [](std::initializer_list<std::string_view> parts) {
    std::string text;
    for (const std::string_view part : parts)
      text += part;
    return text;
  };
  for (const char* const head : {"0", "1"})
    add({"-vnc", joined({"unix:", directory, "/vnc", head, ",display=gpu0,head=", head})});
  // What is plugged in while it runs is plugged in here. QEMU itself is not safe from what comes
  // and goes on PCI while another processor of the guest runs.
  add({"-device", "qemu-xhci"});
  add({"-device", "virtio-serial-pci"});
  for (const char* const port : {"control", "events"})
    add({"-chardev",
         joined({"socket,id=", port, ",path=", directory, "/", port, ",server=on,wait=off"}),
         "-device", joined({"virtserialport,chardev=", port, ",name=", port})});
  add({"-qmp", "unix:" + directory + "/qmp,server=on,wait=off"});
  return words;
}

}  // namespace

Machine::Machine(const std::filesystem::path& image, const std::filesystem::path& shared)
    : shared_{shared}, accelerator_{kvm_works() ? "kvm" : "tcg"} {
  try {
    qemu_ = std::make_unique<e2e::Process>(qemu_command(image, shared, accelerator_),
                                           e2e::ProcessOptions{.output = shared / "qemu.log"});
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!std::filesystem::exists(shared / "qmp")) {
      if (!qemu_->running())
        throw std::runtime_error{"qemu has ended"};
      if (std::chrono::steady_clock::now() > deadline)
        throw std::runtime_error{"qemu opens no socket"};
      std::this_thread::sleep_for(10ms);
    }
    qmp_ = std::make_unique<Qmp>(shared / "qmp");
    control_ = connect_to(shared / "control");
    events_ = connect_to(shared / "events");
    run("exec 5>$EVENTS", 100s);
  } catch (const std::exception& error) {
    throw std::runtime_error{std::string{"no virtual machine: "} + error.what() + "\n" +
                             text_of(shared / "qemu.log") + text_of(shared / "console.log") +
                             text_of(shared / "guest.log")};
  }
}

std::string Machine::last_words() {
  // The sockets close before the process has ended.
  const std::optional<int> status = qemu_->wait_for_end(2s);
  const std::string console = text_of(shared_ / "console.log");
  constexpr std::size_t enough = 8000;
  return (status ? "qemu ended with status " + std::to_string(*status) : "qemu runs") + "\n" +
         text_of(shared_ / "qemu.log") + "--- the end of the kernel's messages\n" +
         console.substr(console.size() - std::min(console.size(), enough));
}

Answer Machine::run(const std::string& command, std::chrono::seconds limit) {
  send(control_, "{ " + command + "\n} </dev/null 2>&1; printf '\\001%d\\n' $?\n");
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (true) {
    const std::size_t end = answers_.find(end_of_answer);
    const std::size_t newline = end == std::string::npos ? end : answers_.find('\n', end);
    if (newline != std::string::npos) {
      Answer answer{std::stoi(answers_.substr(end + 1)), answers_.substr(0, end)};
      answers_.erase(0, newline + 1);
      return answer;
    }
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    const std::string more = left.count() > 0 ? receive_within(control_, left) : std::string{};
    if (more.empty())
      throw std::runtime_error{"the guest does not finish: " + command + "\n" + answers_};
    answers_ += more;
  }
}

std::string Machine::must(const std::string& command) {
  Answer answer = run(command);
  if (answer.status != 0)
    throw std::runtime_error{command + ": status " + std::to_string(answer.status) + "\n" +
                             answer.output};
  return std::move(answer.output);
}

bool Machine::becomes_true(const std::string& condition) {
  return run("limit=$(($(date +%s) + " + std::to_string(patience.count()) + ")); until { " +
                 condition +
                 "; } >/dev/null 2>&1; do [ $(date +%s) -lt $limit ] || { limit=0; break; }; sleep "
                 ".05; done; [ $limit != 0 ]",
             patience * 3)
             .status == 0;
}

std::string Machine::next_event(std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  std::size_t end = 0;
  while ((end = lines_.find('\n')) == std::string::npos) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0)
      return {};
    lines_ += receive_within(events_, left);
  }
  std::string line = lines_.substr(0, end);
  lines_.erase(0, end + 1);
  return line;
}

std::string Machine::wait_for_event(std::string_view begin, std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (true) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    std::string line = left.count() > 0 ? next_event(left) : std::string{};
    if (line.empty() || line.starts_with(begin))
      return line;
  }
}

void Machine::forget_events() {
  while (!next_event(50ms).empty()) {
  }
}

void Machine::set_monitor(int head, int width, int height) {
  vm::set_monitor(shared_ / ("vnc" + std::to_string(head)), width, height);
}

}  // namespace vm
