// Through libudev as it is: with devices of tests/umockdev, and with the kernel's own messages.
#include <calloop/adapters/udev.hpp>

#include <arpa/inet.h>
#include <dlfcn.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/event_loop.hpp>
#include <calloop/fd.hpp>

#include "tests/calloop/descriptor_count.hpp"
#include "tests/calloop/pipe.hpp"
#include "tests/program.hpp"
#include "tests/umockdev/devices.hpp"

// Between a monitor and libudev: what happens when it has just looked for what is there.
namespace {
std::function<void()> after_scan;
}
extern "C" int udev_enumerate_scan_devices(udev_enumerate* udev_enumerate) {
  using Scan = int(struct udev_enumerate*);
  static auto* const scan =
      reinterpret_cast<Scan*>(::dlsym(RTLD_NEXT, "udev_enumerate_scan_devices"));
  const int result = scan(udev_enumerate);
  if (const auto action = std::exchange(after_scan, nullptr))
    action();
  return result;
}

namespace calloop {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string told(const UdevEvent& event) {
  const std::string name{event.device.sysname()};
  switch (event.action) {
    case UdevAction::Add:
      return name + " added";
    case UdevAction::Change:
      return name + " changed";
    case UdevAction::Remove:
      return name + " removed";
  }
  return "?";
}

const UdevFilter of_input{.subsystems = {{"input"}}};

class UdevTest : public testing::Test {
 protected:
  void insert(UdevMonitor monitor) {
    token_ = loop_.handle().insert_source(UdevSource{std::move(monitor)},
                                          [this](const UdevEvent& event) { note(event); });
  }
  // Beside the nodes there are their parents, "input0", which are of no interest here.
  void note(const UdevEvent& event) {
    if (event.device.sysname().starts_with("event"))
      events_.push_back(told(event));
  }
  std::vector<std::string> next() {
    loop_.dispatch(0ms);
    return std::exchange(events_, {});
  }

  umockdev::Testbed testbed_;
  EventLoop<> loop_;
  RegistrationToken token_;
  std::vector<std::string> events_;
};

TEST_F(UdevTest, TellsWhatIsThereAndWhatBecomesOfIt) {
  const umockdev::Device keyboard = testbed_.add_keyboard();
  insert(UdevMonitor{of_input});
  EXPECT_EQ(loop_.prepare(), Timeout{Duration::zero()}) << "there is something to tell";
  EXPECT_THAT(next(), ElementsAre("event0 added"));
  const umockdev::Device mouse = testbed_.add_mouse();
  EXPECT_THAT(next(), ElementsAre("event1 added"));
  testbed_.change(keyboard);
  EXPECT_THAT(next(), ElementsAre("event0 changed"));
  testbed_.unplug(mouse);
  EXPECT_THAT(next(), ElementsAre("event1 removed"));
  EXPECT_EQ(loop_.prepare(), Timeout{});
}

TEST_F(UdevTest, DeviceSaysWhatItIs) {
  const umockdev::Device mouse = testbed_.add_mouse();
  UdevMonitor monitor{of_input};
  std::optional<UdevDevice> found;
  for (const UdevDevice& device : monitor.devices()) {
    if (device.sysname() == "event0")
      found = device;
  }
  ASSERT_TRUE(found);
  testbed_.unplug(mouse);
  EXPECT_EQ(found->syspath(), mouse.syspath());
  EXPECT_EQ(found->devnode(), mouse.node());
  EXPECT_EQ(found->subsystem(), "input");
  EXPECT_EQ(found->devtype(), "");
  EXPECT_EQ(found->devnum(), makedev(13, 64));
  EXPECT_EQ(found->property("ID_INPUT_MOUSE"), "1");
  EXPECT_EQ(found->property("NO_SUCH_THING"), "");
  const UdevDevice copy = *found;
  found.reset();
  EXPECT_EQ(copy.sysname(), "event0");
}

// What is plugged in after the monitor listens, and before it is in a loop, is in neither gap.
TEST_F(UdevTest, NothingIsMissedBetweenTheTwo) {
  (void)testbed_.add_keyboard();
  UdevMonitor monitor{of_input};
  const umockdev::Device mouse = testbed_.add_mouse();
  (void)testbed_.add_touch_screen();
  testbed_.unplug(mouse);
  insert(std::move(monitor));
  EXPECT_THAT(next(),
              ElementsAre("event0 added", "event1 added", "event2 added", "event1 removed"));
}

TEST_F(UdevTest, NothingIsMissedWhileItLooks) {
  (void)testbed_.add_keyboard();
  after_scan = [this] { (void)testbed_.add_mouse(); };
  insert(UdevMonitor{of_input});
  EXPECT_FALSE(after_scan);
  EXPECT_THAT(next(), ElementsAre("event0 added", "event1 added"));
}

// A device may be found, and its message come later; and be removed by a message that is not read
// until it has been found to be gone.
TEST_F(UdevTest, EachIsAddedAndRemovedOnce) {
  UdevMonitor monitor{of_input};
  const umockdev::Device keyboard = testbed_.add_keyboard();  // the message waits
  monitor.rescan();                                           // and it is found
  insert(std::move(monitor));
  EXPECT_THAT(next(), ElementsAre("event0 added", "event0 changed"));

  const auto& source = loop_.handle().make_dispatcher(
      UdevSource{UdevMonitor{of_input}}, [this](const UdevEvent& event) { note(event); });
  loop_.handle().remove(token_);
  const RegistrationToken second = loop_.handle().register_dispatcher(source);
  EXPECT_THAT(next(), ElementsAre("event0 added"));
  testbed_.unplug(keyboard);
  source->monitor().rescan();
  EXPECT_THAT(next(), ElementsAre("event0 removed"));
  EXPECT_THAT(next(), IsEmpty());
  EXPECT_THAT(source->monitor().devices(), IsEmpty());
  loop_.handle().remove(second);
}

TEST_F(UdevTest, LooksAgainWhenMessagesAreLost) {
  const umockdev::Device gone = testbed_.add_keyboard();
  const umockdev::Device stays = testbed_.add_mouse();
  const umockdev::Device exchanged = testbed_.add_touch_screen();
  insert(UdevMonitor{of_input});
  EXPECT_EQ(next().size(), 3U);

  testbed_.unplug(gone);
  testbed_.set_initialized(exchanged, 2);
  (void)testbed_.add_keyboard();
  testbed_.overflow();
  EXPECT_THAT(next(), ElementsAre("event2 removed", "event0 removed", "event1 changed",
                                  "event2 added", "event3 added"));
  EXPECT_THAT(next(), IsEmpty());
  testbed_.unplug(stays);
  EXPECT_THAT(next(), ElementsAre("event1 removed"));
}

TEST_F(UdevTest, HearsOnlyWhatItAsksFor) {
  (void)testbed_.add_keyboard();
  UdevMonitor nothing{{.subsystems = {{"drm"}}}};
  EXPECT_FALSE(nothing.next_event());
  UdevMonitor no_such_type{{.subsystems = {{"input", "no_such_type"}}}};
  EXPECT_FALSE(no_such_type.next_event());
  UdevMonitor untagged{{.subsystems = {{"input"}}, .tags = {"no_such_tag"}}};
  EXPECT_FALSE(untagged.next_event());
  UdevMonitor either{{.subsystems = {{"drm"}, {"input"}}}};
  EXPECT_TRUE(either.next_event());
  (void)testbed_.add_mouse();
  EXPECT_FALSE(nothing.next_event());
  EXPECT_FALSE(no_such_type.next_event());
  EXPECT_FALSE(untagged.next_event());
}

TEST_F(UdevTest, HearsOfDevicesWithATag) {
  const umockdev::Device keyboard = testbed_.add_keyboard();
  const umockdev::Device mouse = testbed_.add_mouse();
  testbed_.add_tag(keyboard, "mine");
  insert(UdevMonitor{{.tags = {"no_such_tag", "mine"}}});
  EXPECT_THAT(next(), ElementsAre("event0 added"));
  testbed_.change(mouse);
  EXPECT_THAT(next(), IsEmpty());
  testbed_.add_tag(mouse, "mine");
  testbed_.change(mouse);
  testbed_.change(keyboard);
  EXPECT_THAT(next(), ElementsAre("event1 added", "event0 changed"));
}

TEST_F(UdevTest, HearsOfDevicesOfAType) {
  const umockdev::Device keyboard = testbed_.add_keyboard();
  testbed_.set_property(keyboard, "DEVTYPE", "mine");
  insert(UdevMonitor{{.subsystems = {{"input", "no_such_type"}, {"input", "mine"}}}});
  EXPECT_THAT(next(), ElementsAre("event0 added"));
  (void)testbed_.add_mouse();
  EXPECT_THAT(next(), IsEmpty());
  testbed_.change(keyboard);
  EXPECT_THAT(next(), ElementsAre("event0 changed"));
}

// One that is somewhere else from now on, under another name, is the same one.
TEST_F(UdevTest, DeviceThatIsMovedIsChanged) {
  const umockdev::Device old = testbed_.add_keyboard();
  const umockdev::Device moved = testbed_.add_mouse();
  testbed_.add_tag(old, "mine");
  const auto source = loop_.handle().make_dispatcher(
      UdevSource{UdevMonitor{{.tags = {"mine"}}}}, [this](const UdevEvent& event) { note(event); });
  loop_.handle().register_dispatcher(source);
  EXPECT_THAT(next(), ElementsAre("event0 added"));
  testbed_.add_tag(moved, "mine");
  testbed_.move(old, moved);
  EXPECT_THAT(next(), ElementsAre("event1 changed"));
  ASSERT_EQ(source->monitor().devices().size(), 1U);
  EXPECT_EQ(source->monitor().devices()[0].sysname(), "event1");
}

TEST_F(UdevTest, CallbackThatThrowsLosesNothing) {
  (void)testbed_.add_keyboard();
  (void)testbed_.add_mouse();
  loop_.handle().insert_source(UdevSource{UdevMonitor{of_input}}, [this](const UdevEvent& event) {
    note(event);
    if (event.device.sysname() == "event0")
      throw std::runtime_error{"not this one"};
  });
  EXPECT_THROW(loop_.dispatch(0ms), std::runtime_error);
  loop_.dispatch(10s);
  EXPECT_THAT(events_, ElementsAre("event0 added", "event1 added"));
}

TEST_F(UdevTest, DisabledInItsCallbackKeepsTheRest) {
  (void)testbed_.add_keyboard();
  (void)testbed_.add_mouse();
  token_ =
      loop_.handle().insert_source(UdevSource{UdevMonitor{of_input}}, [&](const UdevEvent& event) {
        note(event);
        if (event.device.sysname() == "event0")
          loop_.handle().disable(token_);
      });
  EXPECT_THAT(next(), ElementsAre("event0 added"));
  EXPECT_THAT(next(), IsEmpty());
  (void)testbed_.add_touch_screen();
  loop_.handle().enable(token_);
  EXPECT_THAT(next(), ElementsAre("event1 added", "event2 added"));
}

TEST_F(UdevTest, ThousandMonitorsLeakNothing) {
  (void)testbed_.add_keyboard();
  insert(UdevMonitor{of_input});
  next();
  loop_.handle().remove(token_);
  const std::ptrdiff_t before = tests::descriptor_count();
  for (int times = 0; times != 1000; ++times) {
    insert(UdevMonitor{of_input});
    EXPECT_THAT(next(), ElementsAre("event0 added"));
    loop_.handle().remove(token_);
  }
  EXPECT_EQ(tests::descriptor_count(), before);
}

TEST_F(UdevTest, Example) {
  (void)testbed_.add_keyboard();
  tests::Program example{{CALLOOP_EXAMPLES "/example-hotplug", "input"}};
  example.wait_for("event0 added\n");
  const umockdev::Device mouse = testbed_.add_mouse();
  example.wait_for("event1 added\n");
  testbed_.unplug(mouse);
  example.wait_for("event1 removed\n");
  example.send_signal(SIGINT);
  EXPECT_TRUE(example.wait_for_end().success());
}

TEST_F(UdevTest, BrokenMonitorIsAnError) {
  UdevMonitor monitor{of_input};
  const tests::Pipe readable = tests::Pipe::filled();
  ASSERT_EQ(::dup2(readable.fd(), monitor.fd()), monitor.fd());  // no socket any more
  insert(std::move(monitor));
  try {
    loop_.dispatch(0ms);
    FAIL() << "nobody was told";
  } catch (const std::system_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("udev_monitor_receive_device"));
  }
}

// -------------------------------------------------------------------------------- the real kernel

// What udevd sends to its listeners, for a device that is on every machine.
class Udevd {
 public:
  // Whether we may speak as udevd does.
  bool send() {
    struct Header {
      char prefix[8] = "libudev";
      std::uint32_t magic = htonl(0xfeedcafe);
      std::uint32_t header_size = sizeof(Header);
      std::uint32_t properties_offset = sizeof(Header);
      std::uint32_t properties_size = 0;
      std::uint32_t hashes[4]{};  // of subsystem and tags, for filters
    } header;
    std::string properties;
    for (const char* property :
         {"ACTION=change", "DEVPATH=/devices/system/cpu/cpu0", "SUBSYSTEM=cpu", "SEQNUM=1"})
      properties.append(property).push_back('\0');
    header.properties_size = static_cast<std::uint32_t>(properties.size());
    std::string message(sizeof header, '\0');
    std::memcpy(message.data(), &header, sizeof header);
    message += properties;
    sockaddr_nl listeners{};
    listeners.nl_family = AF_NETLINK;
    listeners.nl_groups = 2;
    return ::sendto(socket_.get(), message.data(), message.size(), 0,
                    reinterpret_cast<const sockaddr*>(&listeners), sizeof listeners) > 0;
  }

 private:
  OwnedFd socket_{::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT)};
};

TEST(UdevOfThisMachine, OverflowOfTheKernelsQueueIsAnsweredByLookingAgain) {
  if (!std::filesystem::exists("/sys/devices/system/cpu/cpu0"))
    GTEST_SKIP() << "no /sys here";
  EventLoop<> loop;
  UdevMonitor monitor{{}};
  ASSERT_GE(udev_monitor_set_receive_buffer_size(monitor.get(), 1), 0);  // two messages, or so
  std::vector<std::string> events;
  std::size_t others = 0;
  loop.handle().insert_source(UdevSource{std::move(monitor)}, [&](const UdevEvent& event) {
    if (event.device.sysname() == "cpu0")
      events.push_back(told(event));
    else
      ++others;
  });
  const auto settle = [&] {
    while (loop.prepare() == Timeout{Duration::zero()})
      loop.dispatch(0ms);
    return std::exchange(events, {});
  };
  EXPECT_THAT(settle(), ElementsAre("cpu0 added"));
  EXPECT_GT(others, 0U);

  Udevd udevd;
  if (!udevd.send())
    GTEST_SKIP() << "only root may send what udevd sends";
  loop.dispatch(0ms);
  if (events.empty())
    GTEST_SKIP() << "libudev does not listen where no udev runs";
  EXPECT_THAT(settle(), ElementsAre("cpu0 changed"));

  others = 0;
  for (int times = 0; times != 100; ++times)
    udevd.send();
  loop.dispatch(0ms);
  EXPECT_THAT(settle(), ElementsAre("cpu0 changed")) << "once for all that was lost";
  EXPECT_GT(others, 0U) << "and everything else was looked at, too";
}

}  // namespace
}  // namespace calloop
