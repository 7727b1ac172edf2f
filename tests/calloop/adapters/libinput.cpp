// Through libinput and libudev as they are, with devices of tests/umockdev.
#include <calloop/adapters/libinput.hpp>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstddef>
#include <future>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/event_loop.hpp>
#include <calloop/scoped_registration.hpp>
#include <calloop/testing.hpp>

#include "tests/calloop/boom.hpp"
#include "tests/calloop/descriptor_count.hpp"
#include "tests/calloop/pipe.hpp"
#include "tests/program.hpp"
#include "tests/umockdev/devices.hpp"

namespace calloop {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using tests::Boom;

int open_node(const char* path, int flags) {
  const int fd = ::open(path, flags);
  return fd < 0 ? -errno : fd;
}

// What one wants to read of an event in a failed test.
std::string told(const LibinputEvent& event) {
  const std::string device = libinput_device_get_sysname(event.device());
  switch (event.type()) {
    case LIBINPUT_EVENT_DEVICE_ADDED:
      return device + " added";
    case LIBINPUT_EVENT_DEVICE_REMOVED:
      return device + " removed";
    case LIBINPUT_EVENT_KEYBOARD_KEY: {
      auto* const key = libinput_event_get_keyboard_event(event.get());
      return "key " + std::to_string(libinput_event_keyboard_get_key(key)) +
             (libinput_event_keyboard_get_key_state(key) == LIBINPUT_KEY_STATE_PRESSED ? " down"
                                                                                       : " up");
    }
    case LIBINPUT_EVENT_POINTER_MOTION: {
      auto* const motion = libinput_event_get_pointer_event(event.get());
      const auto x = static_cast<int>(libinput_event_pointer_get_dx_unaccelerated(motion));
      const auto y = static_cast<int>(libinput_event_pointer_get_dy_unaccelerated(motion));
      return "motion " + std::to_string(x) + ' ' + std::to_string(y);
    }
    case LIBINPUT_EVENT_POINTER_BUTTON: {
      auto* const button = libinput_event_get_pointer_event(event.get());
      return "button " + std::to_string(libinput_event_pointer_get_button(button)) +
             (libinput_event_pointer_get_button_state(button) == LIBINPUT_BUTTON_STATE_PRESSED
                  ? " down"
                  : " up");
    }
    case LIBINPUT_EVENT_POINTER_SCROLL_WHEEL: {
      auto* const scroll = libinput_event_get_pointer_event(event.get());
      return "scroll " +
             std::to_string(static_cast<int>(libinput_event_pointer_get_scroll_value_v120(
                 scroll, LIBINPUT_POINTER_AXIS_SCROLL_VERTICAL)));
    }
    case LIBINPUT_EVENT_TOUCH_DOWN: {
      auto* const touch = libinput_event_get_touch_event(event.get());
      const auto x = std::lround(libinput_event_touch_get_x_transformed(touch, 100));
      const auto y = std::lround(libinput_event_touch_get_y_transformed(touch, 100));
      return "touch " + std::to_string(x) + ' ' + std::to_string(y);
    }
    case LIBINPUT_EVENT_TOUCH_UP:
      return "touch up";
    default:  // frames, and the old scroll events beside the new ones
      return {};
  }
}

class LibinputTest : public testing::Test {
 protected:
  LibinputTest() {
    interface_.open = [this](const char* path, int flags) {
      if (const auto error = refused_.find(path); error != refused_.end())
        throw std::system_error{error->second, std::generic_category(), path};
      const int fd = open_node(path, flags);
      if (fd >= 0)
        open_.push_back(fd);
      return fd;
    };
    interface_.close = [this](int fd) {
      EXPECT_EQ(std::erase(open_, fd), 1U) << "closed what was not open";
      ::close(fd);
    };
    interface_.log = [this](libinput_log_priority, std::string_view line) { log_ += line; };
    interface_.log_priority = LIBINPUT_LOG_PRIORITY_INFO;
  }

  RegistrationToken insert(Libinput& input) {
    return loop_.handle().insert_source(
        LibinputSource{input}, [this, &input](const LibinputEvent& event, ::libinput& context) {
          EXPECT_EQ(&context, input.get());
          note(event);
        });
  }
  void note(const LibinputEvent& event) {
    if (std::string text = told(event); !text.empty())
      events_.push_back(std::move(text));
  }
  // Runs the loop until there are so many events, and returns them.
  std::vector<std::string> next(std::size_t count) {
    for (const TimePoint end = Clock::now() + 10s; events_.size() < count && Clock::now() < end;)
      loop_.dispatch(10ms);
    return std::exchange(events_, {});
  }
  // Whether no more descriptors are open than that. The testbed closes its end of a device when it
  // hears of the end: some time later.
  static bool settled(std::ptrdiff_t most) {
    for (const TimePoint end = Clock::now() + 10s; tests::descriptor_count() > most;) {
      if (Clock::now() > end)
        return false;
    }
    return true;
  }

  umockdev::Testbed testbed_;
  EventLoop<> loop_;
  LibinputInterface interface_;
  std::map<std::string, int> refused_;  // nodes that cannot be opened, and the errno
  std::vector<int> open_;               // what libinput has
  std::vector<std::string> events_;
  std::string log_;
};

TEST_F(LibinputTest, KeyboardMouseAndTouchScreen) {
  const umockdev::Device keyboard = testbed_.add_keyboard();
  const umockdev::Device mouse = testbed_.add_mouse();
  const umockdev::Device screen = testbed_.add_touch_screen();
  Libinput input = Libinput::from_udev(interface_);
  insert(input);
  EXPECT_THAT(next(3),
              testing::UnorderedElementsAre("event0 added", "event1 added", "event2 added"));

  keyboard.press(KEY_A);
  keyboard.release(KEY_A);
  EXPECT_THAT(next(2), ElementsAre("key 30 down", "key 30 up"));
  mouse.move(10, -4);
  mouse.press(BTN_LEFT);
  mouse.release(BTN_LEFT);
  EXPECT_THAT(next(3), ElementsAre("motion 10 -4", "button 272 down", "button 272 up"));
  mouse.scroll(-1);
  EXPECT_THAT(next(1), ElementsAre("scroll 120"));
  screen.touch_down(500, 250);
  screen.touch_up();
  EXPECT_THAT(next(2), ElementsAre("touch 50 25", "touch up"));
}

TEST_F(LibinputTest, DevicesArePluggedInAndOut) {
  Libinput input = Libinput::from_udev(interface_);
  insert(input);
  const umockdev::Device mouse = testbed_.add_mouse();
  EXPECT_THAT(next(1), ElementsAre("event0 added"));
  EXPECT_EQ(open_.size(), 1U);
  mouse.move(1, 1);
  EXPECT_THAT(next(1), ElementsAre("motion 1 1"));
  testbed_.unplug(mouse);
  EXPECT_THAT(next(1), ElementsAre("event0 removed"));
  EXPECT_THAT(open_, IsEmpty());
}

TEST_F(LibinputTest, SuspendReleasesWhatIsHeldAndResumeFindsItAgain) {
  const umockdev::Device keyboard = testbed_.add_keyboard();
  Libinput input = Libinput::from_udev(interface_);
  const int fd = libinput_get_fd(input.get());
  insert(input);
  keyboard.press(KEY_LEFTCTRL);
  EXPECT_THAT(next(2), ElementsAre("event0 added", "key 29 down"));

  // By hand, at once: for who has to have it before the session goes.
  input.suspend();
  EXPECT_THAT(open_, IsEmpty());
  while (const auto event = input.next_event())
    note(*event);
  EXPECT_THAT(std::exchange(events_, {}), ElementsAre("key 29 up", "event0 removed"));
  EXPECT_EQ(loop_.prepare(), Timeout{}) << "nothing is left";

  input.resume();
  EXPECT_THAT(next(1), ElementsAre("event0 added"));
  EXPECT_EQ(libinput_get_fd(input.get()), fd);
  keyboard.press(KEY_A);
  EXPECT_THAT(next(1), ElementsAre("key 30 down"));
}

// libinput's descriptor says nothing of what is queued: one iteration without waiting must do.
TEST_F(LibinputTest, WhatIsQueuedWithoutTheKernelIsDelivered) {
  (void)testbed_.add_keyboard();
  Libinput input = Libinput::from_udev(interface_);
  insert(input);
  EXPECT_EQ(loop_.prepare(), Timeout{Duration::zero()});
  loop_.dispatch(0ms);
  EXPECT_THAT(std::exchange(events_, {}), ElementsAre("event0 added"));
  input.suspend();
  loop_.dispatch(10s);
  EXPECT_THAT(std::exchange(events_, {}), ElementsAre("event0 removed"));
  input.resume();
  loop_.dispatch(10s);
  EXPECT_THAT(std::exchange(events_, {}), ElementsAre("event0 added"));
}

TEST_F(LibinputTest, DevicesMayBeNamed) {
  const umockdev::Device keyboard = testbed_.add_keyboard();
  Libinput input = Libinput::from_paths(interface_);
  insert(input);
  loop_.dispatch(0ms);
  libinput_device* const device = input.add_device(keyboard.node());
  loop_.dispatch(10s);
  EXPECT_THAT(std::exchange(events_, {}), ElementsAre("event0 added"));
  libinput_path_remove_device(device);
  loop_.dispatch(10s);
  EXPECT_THAT(std::exchange(events_, {}), ElementsAre("event0 removed"));
}

TEST_F(LibinputTest, DeviceThatCannotBeAddedIsNamed) {
  const umockdev::Device keyboard = testbed_.add_keyboard();
  refused_[keyboard.node()] = EACCES;
  Libinput input = Libinput::from_paths(interface_);
  try {
    input.add_device(keyboard.node());
    FAIL() << "it was added";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::permission_denied);
    EXPECT_THAT(error.what(), HasSubstr("libinput_path_add_device " + keyboard.node()));
  }
  EXPECT_THAT(log_, HasSubstr("event0"));
  try {
    input.add_device("/dev/input/event77");
    FAIL() << "it was added";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::no_such_device);
    EXPECT_THAT(error.what(), HasSubstr("/dev/input/event77"));
  }
}

TEST_F(LibinputTest, ErrorThatIsNoErrnoIsOneForLibinput) {
  const umockdev::Device keyboard = testbed_.add_keyboard();
  for (const std::error_code code : {std::make_error_code(std::future_errc::no_state),
                                     std::error_code{},
                                     {-EACCES, std::system_category()}}) {
    interface_.open = [code](const char*, int) -> int { throw std::system_error{code}; };
    Libinput input = Libinput::from_paths(interface_);
    try {
      input.add_device(keyboard.node());
      FAIL() << "it was added";
    } catch (const std::system_error& error) {
      EXPECT_EQ(error.code(), std::errc::io_error) << code;
    }
  }
}

TEST_F(LibinputTest, ResumeThatFailsIsAnErrorAndMayBeTriedAgain) {
  const umockdev::Device keyboard = testbed_.add_keyboard();
  Libinput input = Libinput::from_paths(interface_);
  insert(input);
  input.add_device(keyboard.node());
  input.suspend();
  EXPECT_THAT(next(2), ElementsAre("event0 added", "event0 removed"));
  refused_[keyboard.node()] = EACCES;
  try {
    input.resume();
    FAIL() << "it was resumed";
  } catch (const std::system_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("libinput_resume"));
  }
  refused_.clear();
  input.resume();
  EXPECT_THAT(next(1), ElementsAre("event0 added"));
}

TEST_F(LibinputTest, WhatCannotBeOpenedIsLeftOut) {
  const umockdev::Device keyboard = testbed_.add_keyboard();
  (void)testbed_.add_mouse();
  refused_[keyboard.node()] = EACCES;
  Libinput input = Libinput::from_udev(interface_);
  insert(input);
  EXPECT_THAT(next(1), ElementsAre("event1 added"));
  loop_.dispatch(0ms);
  EXPECT_THAT(events_, IsEmpty());
}

TEST_F(LibinputTest, ExceptionsOfTheClosuresComeOutOfTheCallThatCausedThem) {
  bool broken = false;
  interface_.open = [&](const char* path, int flags) {
    if (broken)
      throw std::runtime_error{"cannot open"};
    return open_node(path, flags);
  };
  interface_.close = [&](int fd) {
    ::close(fd);
    if (broken)
      throw std::runtime_error{"cannot close"};
  };
  (void)testbed_.add_keyboard();
  Libinput input = Libinput::from_udev(interface_);
  insert(input);
  EXPECT_THAT(next(1), ElementsAre("event0 added"));

  broken = true;
  EXPECT_THROW(input.suspend(), std::runtime_error);
  EXPECT_THROW(input.resume(), std::runtime_error);
  EXPECT_THROW((void)Libinput::from_udev(interface_), std::runtime_error);
  broken = false;
  input.suspend();
  input.resume();
  next(2);

  // In the source it leaves the dispatch, and the source goes on.
  broken = true;
  (void)testbed_.add_mouse();
  EXPECT_THROW(
      {
        for (int turn = 0; turn != 100; ++turn)
          loop_.dispatch(100ms);
      },
      std::runtime_error);
  broken = false;
  events_.clear();
  (void)testbed_.add_touch_screen();
  EXPECT_THAT(next(1), ElementsAre("event2 added"));
}

TEST_F(LibinputTest, ExceptionOfTheLogComesOutOfTheCallThatCausedIt) {
  const umockdev::Device keyboard = testbed_.add_keyboard();
  interface_.log = [](libinput_log_priority, std::string_view) { throw Boom{"the disk is full"}; };
  EXPECT_THROW((void)Libinput::from_udev(interface_), Boom);
  Libinput input = Libinput::from_paths(interface_);
  EXPECT_THROW(input.add_device(keyboard.node()), Boom);

  // By others than the Libinput: the source does not sleep over it.
  insert(input);
  while (loop_.prepare() == Timeout{Duration::zero()})
    loop_.dispatch(0ms);
  refused_[keyboard.node()] = EACCES;
  EXPECT_EQ(libinput_path_add_device(input.get(), keyboard.node().c_str()), nullptr);
  EXPECT_EQ(loop_.prepare(), Timeout{Duration::zero()});
  EXPECT_THROW(loop_.dispatch(0ms), Boom);
  EXPECT_NO_THROW(loop_.dispatch(0ms));
}

TEST_F(LibinputTest, CallbackThatThrowsLosesNothing) {
  const umockdev::Device keyboard = testbed_.add_keyboard();
  Libinput input = Libinput::from_udev(interface_);
  const ScopedRegistration source{
      loop_.handle(), loop_.handle().insert_source(LibinputSource{input}, [&](LibinputEvent event) {
        note(event);
        if (events_.size() == 2)
          throw std::runtime_error{"not this one"};
      })};
  next(1);
  for (int times = 0; times != 3; ++times) {
    keyboard.press(KEY_A);
    keyboard.release(KEY_A);
  }
  EXPECT_THROW(next(6), std::runtime_error);
  EXPECT_EQ(events_.size(), 2U);
  // The kernel has nothing more to say; libinput's queue has.
  loop_.dispatch(10s);
  EXPECT_EQ(events_.size(), 6U);
}

TEST_F(LibinputTest, DisabledInItsCallbackKeepsTheRest) {
  const umockdev::Device keyboard = testbed_.add_keyboard();
  Libinput input = Libinput::from_udev(interface_);
  RegistrationToken token;
  token = loop_.handle().insert_source(LibinputSource{input}, [&](LibinputEvent event) {
    note(event);
    loop_.handle().disable(token);
  });
  next(1);
  keyboard.press(KEY_A);
  keyboard.release(KEY_A);
  loop_.dispatch(0ms);
  EXPECT_THAT(events_, IsEmpty());
  loop_.handle().enable(token);
  EXPECT_THAT(next(1), ElementsAre("key 30 down"));
  EXPECT_EQ(loop_.prepare(), Timeout{});
  loop_.handle().enable(token);
  loop_.dispatch(10s);
  EXPECT_THAT(events_, ElementsAre("key 30 up"));
}

// More than one iteration hands out; others have their turn, and nothing is left behind.
TEST_F(LibinputTest, AFloodIsBounded) {
  const umockdev::Device keyboard = testbed_.add_keyboard();
  Libinput input = Libinput::from_udev(interface_);
  std::size_t keys = 0;
  loop_.handle().insert_source(LibinputSource{input}, [&](const LibinputEvent& event) {
    keys += event.type() == LIBINPUT_EVENT_KEYBOARD_KEY ? 1 : 0;
  });
  loop_.dispatch(0ms);
  constexpr std::size_t sent = 3000;
  for (std::size_t i = 0; i != sent; i += 2) {
    keyboard.press(KEY_A);
    keyboard.release(KEY_A);
    // Into libinput's queue: the device holds less.
    pollfd device{.fd = libinput_get_fd(input.get()), .events = POLLIN, .revents = 0};
    ASSERT_EQ(::poll(&device, 1, 10'000), 1);
    libinput_dispatch(input.get());
  }
  std::size_t most = 0;
  for (std::size_t before = 0; keys != sent; before = keys) {
    loop_.dispatch(10s);
    ASSERT_GT(keys, before);
    most = std::max(most, keys - before);
  }
  EXPECT_EQ(most, 1024U);
  EXPECT_EQ(loop_.prepare(), Timeout{});
}

TEST_F(LibinputTest, EventsMayBeKept) {
  const umockdev::Device mouse = testbed_.add_mouse();
  std::optional<LibinputEvent> kept;
  {
    Libinput input = Libinput::from_udev(interface_);
    kept = input.next_event();
    ASSERT_TRUE(kept);
    testbed_.unplug(mouse);
  }
  EXPECT_EQ(told(*kept), "event0 added") << "its device and context are still there";
  (void)testbed_.add_keyboard();
  Libinput other = Libinput::from_udev(interface_);
  *kept = *other.next_event();  // the first one goes, and its context last of all
  EXPECT_EQ(told(*kept), "event1 added");
}

TEST_F(LibinputTest, MayGoBeforeItsSource) {
  const umockdev::Device keyboard = testbed_.add_keyboard();
  RegistrationToken token;
  {
    Libinput input = Libinput::from_udev(interface_);
    token = insert(input);
    next(1);
  }
  EXPECT_THAT(open_, IsEmpty()) << "closed by the closures, while they were there";
  keyboard.press(KEY_A);
  (void)testbed_.add_mouse();
  EXPECT_EQ(loop_.prepare(), Timeout{});
  loop_.dispatch(0ms);
  EXPECT_THAT(events_, IsEmpty());
  EXPECT_TRUE(loop_.handle().update(token));
  EXPECT_TRUE(loop_.handle().remove(token));
}

TEST_F(LibinputTest, ContextOfSomebodyElse) {
  (void)testbed_.add_keyboard();
  static constexpr libinput_interface theirs{
      .open_restricted = [](const char* path, int flags, void*) { return open_node(path, flags); },
      .close_restricted = [](int fd, void*) { ::close(fd); }};
  udev* const devices = udev_new();
  ::libinput* const context = libinput_udev_create_context(&theirs, nullptr, devices);
  udev_unref(devices);
  ASSERT_EQ(libinput_udev_assign_seat(context, "seat0"), 0);
  loop_.handle().insert_source(LibinputSource{context},
                               [&](const LibinputEvent& event) { note(event); });
  libinput_unref(context);  // the source has its own reference
  EXPECT_THAT(next(1), ElementsAre("event0 added"));
}

TEST_F(LibinputTest, FailingLibinputIsAnError) {
  Libinput input = Libinput::from_udev(interface_);
  const int fd = libinput_get_fd(input.get());
  const tests::Pipe readable = tests::Pipe::filled();
  ASSERT_EQ(::dup2(readable.fd(), fd), fd);  // it waits for what is no epoll
  int errors = 0;
  loop_.handle().insert_source(LibinputSource{input}, [](const LibinputEvent&) { FAIL(); },
                               {.on_error = [&](std::exception_ptr error) {
                                 ++errors;
                                 try {
                                   std::rethrow_exception(error);
                                 } catch (const std::system_error& failure) {
                                   EXPECT_THAT(failure.what(), HasSubstr("libinput_dispatch"));
                                 }
                                 return ErrorAction::Disable;
                               }});
  for (int turn = 0; turn != 3; ++turn)
    loop_.dispatch(0ms);
  EXPECT_EQ(errors, 1);
}

TEST_F(LibinputTest, SuspendedAndResumedAThousandTimesLeaksNothing) {
  (void)testbed_.add_keyboard();
  Libinput input = Libinput::from_udev(interface_);
  insert(input);
  next(1);
  const std::ptrdiff_t before = tests::descriptor_count();
  for (int times = 0; times != 1000; ++times) {
    input.suspend();
    input.resume();
    loop_.dispatch(0ms);
  }
  EXPECT_EQ(open_.size(), 1U);
  EXPECT_EQ(events_.size(), 2000U);
  EXPECT_TRUE(settled(before)) << tests::descriptor_count() << " descriptors, before " << before;
}

TEST_F(LibinputTest, Example) {
  const umockdev::Device keyboard = testbed_.add_keyboard();
  const umockdev::Device screen = testbed_.add_touch_screen();
  tests::Program example{{CALLOOP_EXAMPLES "/example-input-events"}};
  example.wait_for("event0 added: Mocked Keyboard\n");
  example.wait_for("event1 added: Mocked Touch Screen\n");
  keyboard.press(KEY_A);
  example.wait_for("event0 key 30 pressed\n");
  screen.touch_down(500, 250);
  example.wait_for("event1 touch at 50 mm 25 mm\n");
  testbed_.unplug(keyboard);
  example.wait_for("event0 removed\n");
  example.send_signal(SIGTERM);
  EXPECT_TRUE(example.wait_for_end().success());
}

TEST_F(LibinputTest, SeatOfAnotherNameHasNothing) {
  (void)testbed_.add_keyboard();
  Libinput input = Libinput::from_udev(interface_, "seat7");
  EXPECT_FALSE(input.next_event());
  EXPECT_THAT(open_, IsEmpty());
}

TEST_F(LibinputTest, OpensAndClosesByItselfWithoutClosures) {
  (void)testbed_.add_keyboard();
  Libinput input = Libinput::from_udev({});
  EXPECT_EQ(input.next_event()->type(), LIBINPUT_EVENT_DEVICE_ADDED);
  const std::ptrdiff_t before = tests::descriptor_count();
  Libinput moved = std::move(input);
  for (int times = 0; times != 10; ++times) {
    moved.suspend();
    EXPECT_EQ(moved.next_event()->type(), LIBINPUT_EVENT_DEVICE_REMOVED);
    moved.resume();
    EXPECT_EQ(moved.next_event()->type(), LIBINPUT_EVENT_DEVICE_ADDED);
  }
  EXPECT_TRUE(settled(before)) << tests::descriptor_count() << " descriptors, before " << before;
}

}  // namespace
}  // namespace calloop
