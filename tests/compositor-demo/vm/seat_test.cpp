#include "seat_test.hpp"

#include <array>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>

#include "tests/command.hpp"

namespace vm {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// Made once, or not at all: then every test says why.
struct Boot {
  std::unique_ptr<Machine> machine;
  std::string why_not;
};

Boot boot() {
  const fs::path logs = TESTS_VM_LOGS;
  try {
    const tests::CommandResult made =
        tests::run_command(std::string{TESTS_VM_SOURCES "/make-image "} + TESTS_VM_IMAGE + " 2>&1");
    if (made.status != 0)
      throw std::runtime_error{"no virtual machine: make-image has failed:\n" + made.output};
    fs::remove_all(logs);
    fs::create_directories(logs);
    fs::copy_file(TESTS_VM_SOURCES "/guest.sh", logs / "guest.sh");
    const auto begin = std::chrono::steady_clock::now();
    auto machine = std::make_unique<Machine>(TESTS_VM_IMAGE, logs);
    start_seatd(*machine);
    std::printf("the virtual machine (%s) is up after %.1f s\n", machine->accelerator().c_str(),
                std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    return {std::move(machine), {}};
  } catch (const std::exception& error) {
    return {nullptr, error.what()};
  }
}

Boot& booted() {
  static Boot once = boot();
  return once;
}

// As the shell wants a word.
std::string quoted(const std::string& text) {
  std::string word = "'";
  for (const char c : text)
    word += c == '\'' ? std::string{"'\\''"} : std::string{c};
  return word + "'";
}

}  // namespace

void start_seatd(Machine& machine) {
  machine.must(
      "seatd -l info -u root >>/out/seatd.log 2>&1 & "
      "until [ -S /run/seatd.sock ]; do sleep .05; done");
}

// ------------------------------------------------------------------------------------------ Demo

Demo::Demo(Machine& machine, const std::string& arguments) : machine_{machine} {
  pid_ = std::stoi(machine_.must("rm -f /tmp/demo.log; " TESTS_COMPOSITOR_DEMO " --backend drm " +
                                 arguments + " >/tmp/demo.log 2>&1 & echo $!"));
  if (!says("listening on "))
    throw std::runtime_error{"the compositor does not listen:\n" + log()};
}

Demo::~Demo() {
  try {
    if (!ended_)
      end();
  } catch (const std::exception& error) {
    ADD_FAILURE() << error.what();
  }
}

std::string Demo::log() const {
  return machine_.run("cat /tmp/demo.log").output;
}

bool Demo::says(const std::string& text) const {
  return machine_.becomes_true("grep -qF " + quoted(text) + " /tmp/demo.log");
}

int Demo::end(const std::string& signal) {
  machine_.run("kill -" + signal + " " + std::to_string(pid_));
  return wait();
}

int Demo::wait() {
  ended_ = true;
  return machine_.run("wait " + std::to_string(pid_)).status;
}

// ----------------------------------------------------------------------------------- InputDevice

InputDevice::InputDevice(Machine& machine, const std::string& kind, const std::string& name)
    : machine_{machine}, orders_{"/tmp/orders-" + kind} {
  pid_ = machine_.must("rm -f " + orders_ + "; mkfifo " + orders_ + "; " TESTS_VM_GUEST " " + kind +
                       " " + quoted(name) + " " + orders_ + " >/tmp/device.log 2>&1 & echo $!");
  pid_.pop_back();
  order("");
}

// A machine that has died under the test has nothing plugged in; and the next test needs another.
InputDevice::~InputDevice() {
  try {
    unplug();
  } catch (const std::exception& error) {
    ADD_FAILURE() << error.what();
  }
}

void InputDevice::order(const std::string& what) {
  machine_.must("echo " + quoted(what) + " >" + orders_);
}

void InputDevice::unplug() {
  if (const std::string pid = std::exchange(pid_, {}); !pid.empty())
    machine_.run("kill " + pid + "; wait " + pid);
}

// ---------------------------------------------------------------------------------- VirtioDevice

VirtioDevice::VirtioDevice(Machine& machine, const std::string& driver, const std::string& name)
    : machine_{machine}, driver_{"/sys/bus/virtio/drivers/" + driver} {
  device_ = machine_.must(name.empty() ? "basename $(ls -d " + driver_ + "/virtio*)"
                                       : "(cd " + driver_ + "; grep -lxF " + quoted(name) +
                                             " */input/*/name | cut -d/ -f1)");
  device_.pop_back();
}

VirtioDevice::~VirtioDevice() {
  try {
    plug_in();
  } catch (const std::exception& error) {
    ADD_FAILURE() << error.what();
  }
}

void VirtioDevice::unplug() {
  if (std::exchange(plugged_in_, false))
    tell_driver("unbind");
}

void VirtioDevice::plug_in() {
  if (!std::exchange(plugged_in_, true))
    tell_driver("bind");
}

void VirtioDevice::tell_driver(const std::string& what) {
  machine_.run("echo -n " + device_ + " >" + driver_ + "/" + what);
}

// -------------------------------------------------------------------------------------- SeatTest

void SeatTest::SetUpTestSuite() {
  booted();
}

Machine& SeatTest::machine() {
  return *booted().machine;
}

void SeatTest::SetUp() {
  if (booted().machine && !machine().running()) {  // the one before has seen it die
    booted().machine.reset();
    booted() = boot();
  }
  if (!booted().machine)
    FAIL() << booted().why_not;
  machine().forget_events();
}

void SeatTest::TearDown() {
  if (!booted().machine)
    return;
  if (HasFailure()) {
    const std::string name = testing::UnitTest::GetInstance()->current_test_info()->name();
    try {
      machine().qmp().screendump(machine().shared() / (name + ".png"));
      std::cout << "--- the compositor's log\n"
                << machine().run("cat /tmp/demo.log").output << "--- the last messages of seatd\n"
                << machine().run("tail -5 /out/seatd.log").output << "--- pictures and logs are in "
                << machine().shared().string() << '\n';
    } catch (const std::exception& error) {
      std::cout << error.what() << '\n' << machine().last_words();
    }
  }
  demo.reset();
  if (!HasFailure())
    return;
  // The next one would not hear of keys that are down already.
  try {
    for (const char* const key : {"a", "b", "ctrl", "alt", "f2"})
      machine().qmp().key(key, false);
  } catch (const std::exception&) {  // without a keyboard there are none
  }
}

void SeatTest::start_client(const std::string& name, int width, int height, std::uint32_t colour,
                            const std::string& more) {
  std::array<char, 16> hex;
  std::snprintf(hex.data(), hex.size(), "%06x", colour);
  machine().must(TESTS_VM_GUEST " client " + name + " " + std::to_string(width) + " " +
                 std::to_string(height) + " " + hex.data() + " " + more + " >/tmp/" + name +
                 ".log 2>&1 &");
  if (machine().wait_for_event(name + " ready").empty())
    throw std::runtime_error{"the client " + name + " has no window:\n" +
                             machine().run("cat /tmp/" + name + ".log").output};
}

std::unique_ptr<InputDevice> SeatTest::plug_in(const std::string& kind, const std::string& name) {
  const std::string known =
      "grep -cF " + quoted("input device '" + name + "' is plugged in") + " /tmp/demo.log";
  const int before = std::stoi(machine().run(known).output);
  auto device = std::make_unique<InputDevice>(machine(), kind, name);
  if (!machine().becomes_true("[ $(" + known + ") -gt " + std::to_string(before) + " ]"))
    throw std::runtime_error{"the compositor does not use the " + kind + ":\n" + demo->log()};
  return device;
}

std::vector<std::string> SeatTest::events_until(const std::string& begin) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  std::vector<std::string> events;
  do {
    events.push_back(machine().next_event());
  } while (!events.back().starts_with(begin) && !events.back().empty() &&
           std::chrono::steady_clock::now() < deadline);
  EXPECT_EQ(events.back().substr(0, begin.size()), begin);
  return events;
}

// By the tablet, which says nothing when it is put where it has been for the test before.
void SeatTest::point_at(int x, int y, e2e::Area screens) {
  const auto place = [](int pixel, int size) {
    return static_cast<int>((pixel + 0.5) * 32768 / size);
  };
  for (const int aside : {screens.width / 2, 0})
    machine().qmp().move_to(place((x + aside) % screens.width, screens.width),
                            place((y + aside) % screens.height, screens.height));
}

e2e::Screenshot SeatTest::screen(int head) {
  const fs::path file = machine().shared() / "screen.png";
  machine().qmp().screendump(file, head);
  return e2e::Screenshot{file};
}

bool SeatTest::screen_becomes(const std::function<bool(const e2e::Screenshot&)>& condition,
                              int head) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!condition(screen(head))) {
    if (std::chrono::steady_clock::now() > deadline)
      return false;
    std::this_thread::sleep_for(50ms);
  }
  return true;
}

bool SeatTest::shows(std::uint32_t colour, const e2e::Area& where, int head) {
  e2e::Area last;
  const bool shown = screen_becomes(
      [&](const e2e::Screenshot& picture) {
        last = picture.bounds(colour);
        return last == where;
      },
      head);
  if (!shown)
    std::cout << "that colour is at " << last << '\n';
  return shown;
}

}  // namespace vm
