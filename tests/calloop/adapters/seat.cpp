// Against the real seatd, started for each test: without virtual terminals, so that sessions may be
// switched anywhere, and with a /dev of its own, whose devices are plain files.
#include <calloop/adapters/seat.hpp>

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
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
#include <calloop/sources/child.hpp>
#include <calloop/sources/generic.hpp>
#include <calloop/sources/timer.hpp>
#include <calloop/testing.hpp>

#include "tests/calloop/descriptor_count.hpp"
#include "tests/calloop/pipe.hpp"
#include "tests/environment.hpp"
#include "tests/program.hpp"
#include "tests/temporary_directory.hpp"

// Between the adapter and libseat, for tests that want to see what is asked, or to answer it.
namespace {
std::function<int(int* fd)> on_open;
std::function<int(int id)> on_close;
std::function<void()> on_acknowledge;
}  // namespace
extern "C" int libseat_open_device(libseat* seat, const char* path, int* fd) {
  using Open = int(libseat*, const char*, int*);
  static auto* const open = reinterpret_cast<Open*>(::dlsym(RTLD_NEXT, "libseat_open_device"));
  return on_open ? on_open(fd) : open(seat, path, fd);
}
extern "C" int libseat_close_device(libseat* seat, int id) {
  using Close = int(libseat*, int);
  static auto* const close = reinterpret_cast<Close*>(::dlsym(RTLD_NEXT, "libseat_close_device"));
  return on_close ? on_close(id) : close(seat, id);
}
extern "C" int libseat_disable_seat(libseat* seat) {
  using Disable = int(libseat*);
  static auto* const disable =
      reinterpret_cast<Disable*>(::dlsym(RTLD_NEXT, "libseat_disable_seat"));
  if (on_acknowledge)
    on_acknowledge();
  return disable(seat);
}

namespace calloop {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Events = std::vector<SeatEvent>;

// seatd has one place for its socket, so it gets a file system in which that is ours.
class Seatd {
 public:
  Seatd() {
    const std::string run = directory_.path();
    const std::string script = "mount --bind '" + run +
                               "' /run && mount -t tmpfs none /dev && mkdir /dev/input && "
                               "touch /dev/input/event0 /dev/input/event1 && "
                               "exec /usr/sbin/seatd -n 3 -l silent";
    tests::Pipe ready;
    pid_ = Child::spawn({"unshare", "--mount", "sh", "-c", script},
                        {.environment = {"SEATD_VTBOUND=0", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"},
                         .fds = {{ready.writer.get(), 3}}})
               .pid();
    ready.writer.reset();
    // It writes a line when it listens, and its end of the pipe is closed when it does not.
    ::fcntl(ready.reader.get(), F_SETFL, 0);
    char line = '\0';
    listens_ = ::read(ready.reader.get(), &line, 1) == 1;
    socket_.emplace("SEATD_SOCK", (run + "/seatd.sock").c_str());
  }
  Seatd(const Seatd&) = delete;
  Seatd& operator=(const Seatd&) = delete;
  ~Seatd() { kill(); }

  [[nodiscard]] bool listens() const noexcept { return listens_; }
  // How many devices it has open for its clients; one more while it sends one.
  [[nodiscard]] std::ptrdiff_t devices() const {
    const std::filesystem::directory_iterator fds{"/proc/" + std::to_string(pid_) + "/fd"};
    return std::ranges::count_if(fds, [](const std::filesystem::directory_entry& fd) {
      std::error_code gone;
      return std::filesystem::read_symlink(fd, gone).string().find("/input/event") !=
             std::string::npos;
    });
  }
  void kill() noexcept {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(std::exchange(pid_, -1), nullptr, 0);
    }
  }

 private:
  tests::TemporaryDirectory directory_;
  tests::Environment backend_{"LIBSEAT_BACKEND", "seatd"};
  std::optional<tests::Environment> socket_;
  pid_t pid_ = -1;
  bool listens_ = false;
};

class SeatTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!seatd_.listens())
      GTEST_SKIP() << "seatd is not there, or may not have a mount namespace: that takes root";
  }
  RegistrationToken insert(const SeatSession& session, Events& events) {
    return loop_.handle().insert_source(SeatSource{session},
                                        [&](SeatEvent event) { events.push_back(event); });
  }
  // Runs the loop until it is so, or for ten seconds.
  template <class Condition>
  bool eventually(Condition condition) {
    for (const TimePoint end = Clock::now() + 10s; !condition() && Clock::now() < end;)
      loop_.dispatch(10ms);
    return condition();
  }

  Seatd seatd_;
  EventLoop<> loop_;
};

TEST_F(SeatTest, IsEnabledWithoutWaiting) {
  const SeatSession session;
  EXPECT_EQ(session.name(), "seat0");
  EXPECT_FALSE(session.is_active());
  Events events;
  insert(session, events);
  // libseat has heard it already, and its descriptor says nothing.
  loop_.dispatch(10s);
  EXPECT_THAT(events, ElementsAre(SeatEvent::Enable));
  EXPECT_TRUE(session.is_active());
}

TEST_F(SeatTest, OpensAndClosesDevices) {
  SeatSession session;
  Events events;
  insert(session, events);
  ASSERT_TRUE(eventually([&] { return session.is_active(); }));
  const std::ptrdiff_t before = tests::descriptor_count();
  {
    SeatDevice device = session.open_device("/dev/input/event0");
    EXPECT_TRUE(device);
    EXPECT_NE(::fcntl(device.fd(), F_GETFD), -1);
    EXPECT_EQ(::fcntl(device.fd(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    SeatDevice other = session.open_device("/dev/input/event1");
    EXPECT_TRUE(eventually([&] { return seatd_.devices() == 2; }));
    const int closed = device.fd();
    device = std::move(other);
    EXPECT_EQ(::fcntl(closed, F_GETFD), -1);
    EXPECT_EQ(tests::descriptor_count(), before + 1);
    EXPECT_TRUE(eventually([&] { return seatd_.devices() == 1; })) << "seatd was told";
    device.reset();
    EXPECT_TRUE(eventually([&] { return seatd_.devices() == 0; }));
    EXPECT_FALSE(device);
    device.reset();
  }
  EXPECT_EQ(tests::descriptor_count(), before);
}

// The number 0 is one, as with backends that take the descriptor's; and who is told of the end
// finds the descriptor open.
TEST_F(SeatTest, DeviceIsGivenBackBeforeItsDescriptorIsClosed) {
  SeatSession session;
  on_open = [](int* fd) {
    *fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    return 0;
  };
  SeatDevice device = session.open_device("/dev/input/event0");
  on_open = nullptr;
  const int fd = device.fd();
  ASSERT_NE(::fcntl(fd, F_GETFD), -1);
  std::vector<int> closed;
  on_close = [&](int id) {
    closed.push_back(id);
    EXPECT_NE(::fcntl(fd, F_GETFD), -1) << "closed too early";
    return -1;  // it fails
  };
  device.reset();
  on_close = nullptr;
  EXPECT_THAT(closed, ElementsAre(0));
  EXPECT_EQ(::fcntl(fd, F_GETFD), -1);
}

TEST_F(SeatTest, DeviceThatIsNotThereIsNamed) {
  SeatSession session;
  Events events;
  insert(session, events);
  ASSERT_TRUE(eventually([&] { return session.is_active(); }));
  try {
    (void)session.open_device("/dev/input/event77");
    FAIL() << "it was opened";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::no_such_file_or_directory);
    EXPECT_THAT(error.what(), HasSubstr("libseat_open_device /dev/input/event77"));
  }
}

TEST_F(SeatTest, NoSeatAtAllIsAnError) {
  seatd_.kill();
  try {
    const SeatSession session;
    FAIL() << "it was opened";
  } catch (const std::system_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("libseat_open_seat"));
  }
}

// seatd numbers sessions from 0 where there are no virtual terminals, and switches to none but
// those from 1 on. Here the first one is enabled.
class SeatSwitchTest : public SeatTest {
 protected:
  void SetUp() override {
    SeatTest::SetUp();
    if (!seatd_.listens())
      return;
    zeroth_.emplace();
    insert(*zeroth_, ignored_);
    ASSERT_TRUE(eventually([&] { return zeroth_->is_active(); }));
    first_.emplace();
    zeroth_->switch_session(1);
  }
  std::optional<SeatSession> zeroth_;
  std::optional<SeatSession> first_;
  Events ignored_;
};

TEST_F(SeatSwitchTest, SwitchesWhenTheCallbackIsDone) {
  SeatSession& first = *first_;
  Events of_first;
  std::optional<SeatDevice> device;
  Events of_second;
  int acknowledged = 0;
  loop_.handle().insert_source(SeatSource{first}, [&](SeatEvent event) {
    EXPECT_EQ(first.is_active(), event == SeatEvent::Enable);
    if (event == SeatEvent::Enable)
      device = first.open_device("/dev/input/event0");
    if (event == SeatEvent::Disable) {
      device.reset();  // allowed: the session is there until we return
      EXPECT_EQ(acknowledged, 0) << "the other one waits for us";
    }
    of_first.push_back(event);
  });
  ASSERT_TRUE(eventually([&] { return of_first.size() == 1; }));
  SeatSession second;
  insert(second, of_second);

  on_acknowledge = [&] { ++acknowledged; };
  first.switch_session(2);
  ASSERT_TRUE(eventually([&] { return second.is_active(); }));
  EXPECT_FALSE(first.is_active());
  EXPECT_THAT(of_first, ElementsAre(SeatEvent::Enable, SeatEvent::Disable));
  EXPECT_EQ(acknowledged, 1);
  on_acknowledge = nullptr;
  EXPECT_THROW((void)first.open_device("/dev/input/event0"), std::system_error);

  second.switch_session(1);
  ASSERT_TRUE(eventually([&] { return first.is_active(); }));
  EXPECT_THAT(of_first, ElementsAre(SeatEvent::Enable, SeatEvent::Disable, SeatEvent::Enable));
  EXPECT_THAT(of_second, ElementsAre(SeatEvent::Enable, SeatEvent::Disable));
}

TEST_F(SeatSwitchTest, SwitchingAThousandTimesLeaksNothing) {
  SeatSession& first = *first_;
  SeatSession second;
  std::vector<SeatDevice> devices;
  const auto use = [&](SeatSession& session) {
    loop_.handle().insert_source(SeatSource{session}, [&](SeatEvent event) {
      devices.clear();
      if (event == SeatEvent::Enable)
        devices.push_back(session.open_device("/dev/input/event0"));
    });
  };
  use(first);
  ASSERT_TRUE(eventually([&] { return first.is_active(); }));
  use(second);
  const std::ptrdiff_t before = tests::descriptor_count();
  for (int times = 0; times != 500; ++times) {
    first.switch_session(2);
    ASSERT_TRUE(eventually([&] { return second.is_active(); }));
    second.switch_session(1);
    ASSERT_TRUE(eventually([&] { return first.is_active(); }));
  }
  EXPECT_EQ(tests::descriptor_count(), before);
}

// Whatever the callback does, the other session is not kept waiting.
TEST_F(SeatSwitchTest, DisableIsAcknowledgedInAnyCase) {
  SeatSession& second = *first_;
  Events of_second;
  std::vector<std::function<void(RegistrationToken)>> ways{
      [](RegistrationToken) { throw std::runtime_error{"not now"}; },
      [&](RegistrationToken token) { loop_.handle().disable(token); },
      [&](RegistrationToken token) { loop_.handle().remove(token); },
  };
  insert(second, of_second);
  ASSERT_TRUE(eventually([&] { return second.is_active(); }));
  int number = 2;
  for (const auto& way : ways) {
    SeatSession first;
    RegistrationToken token;
    token = loop_.handle().insert_source(SeatSource{first}, [&](SeatEvent event) {
      if (event == SeatEvent::Disable)
        way(token);
    });
    second.switch_session(number);
    ASSERT_TRUE(eventually([&] { return first.is_active(); }));
    of_second.clear();
    first.switch_session(1);
    try {
      EXPECT_TRUE(eventually([&] { return second.is_active(); }));
    } catch (const std::runtime_error&) {
      EXPECT_TRUE(eventually([&] { return second.is_active(); }));
    }
    loop_.handle().remove(token);
    ++number;
  }
}

TEST_F(SeatTest, SessionMayBeClosedByItsCallback) {
  auto session = std::make_unique<SeatSession>();
  SeatDevice device;
  Events events;
  const RegistrationToken token =
      loop_.handle().insert_source(SeatSource{*session}, [&](SeatEvent event) {
        events.push_back(event);
        device = session->open_device("/dev/input/event0");
        session.reset();
      });
  loop_.dispatch(10s);
  EXPECT_THAT(events, ElementsAre(SeatEvent::Enable));
  const int fd = device.fd();
  EXPECT_NE(::fcntl(fd, F_GETFD), -1) << "the descriptor is ours";
  device.reset();
  EXPECT_EQ(::fcntl(fd, F_GETFD), -1);
  EXPECT_TRUE(loop_.handle().update(token));
  loop_.dispatch(0ms);
  EXPECT_EQ(events.size(), 1U);
}

// libseat says what it still has to say while the session is closed.
TEST_F(SeatTest, WhatIsCalledBackDuringCloseIsHarmless) {
  const std::ptrdiff_t before = tests::descriptor_count();
  {
    auto session = std::make_unique<SeatSession>();
    Events events;
    const RegistrationToken token = insert(*session, events);
    session.reset();  // the Enable has never been taken
    const OwnedFd reused{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
    loop_.dispatch(0ms);
    EXPECT_TRUE(loop_.handle().disable(token));
    EXPECT_TRUE(loop_.handle().enable(token));
    loop_.dispatch(0ms);
    EXPECT_THAT(events, IsEmpty());
    EXPECT_TRUE(loop_.handle().remove(token));
  }
  EXPECT_EQ(tests::descriptor_count(), before);
}

TEST_F(SeatTest, ASessionHasOneSource) {
  const SeatSession session;
  Events events;
  const RegistrationToken token = insert(session, events);
  EXPECT_THROW(SeatSource{session}, std::logic_error);
  loop_.dispatch(10s);
  EXPECT_EQ(events.size(), 1U) << "the first is not disturbed";
  loop_.handle().remove(token);
  insert(session, events);
}

TEST_F(SeatTest, SessionOutlivesTheLoop) {
  const SeatSession session;
  {
    EventLoop<> loop;
    loop.handle().insert_source(SeatSource{session}, [](SeatEvent) {});
    loop.dispatch(0ms);
  }
  EXPECT_TRUE(session.is_active());
  Events events;
  insert(session, events);
  loop_.dispatch(0ms);
  EXPECT_THAT(events, IsEmpty()) << "it was told already";
}

TEST_F(SeatTest, NeverEnabledIsToldOnce) {
  auto backend = std::make_unique<TestBackend>();
  const TestBackend& test = *backend;
  EventLoop<> loop{std::move(backend)};
  const SeatSession in_front;
  Events of_front;
  insert(in_front, of_front);
  ASSERT_TRUE(eventually([&] { return in_front.is_active(); }));

  const SeatSession session;
  const TimePoint begin = test.now();
  Events events;
  const RegistrationToken token = loop.handle().insert_source(
      SeatSource{session, 2s}, [&](SeatEvent event) { events.push_back(event); });
  while (events.empty())
    loop.dispatch(std::nullopt);
  EXPECT_THAT(events, ElementsAre(SeatEvent::NotEnabled));
  EXPECT_EQ(test.now() - begin, 2s);
  EXPECT_THROW(loop.dispatch(std::nullopt), std::logic_error) << "there is nothing to wait for";
  EXPECT_TRUE(loop.handle().update(token));
  EXPECT_TRUE(loop.handle().disable(token));
  EXPECT_TRUE(loop.handle().enable(token));
  EXPECT_THROW(loop.dispatch(std::nullopt), std::logic_error) << "nor when it is registered anew";
  EXPECT_EQ(events.size(), 1U);
}

TEST_F(SeatTest, EnabledInTimeIsNotTold) {
  auto backend = std::make_unique<TestBackend>();
  TestBackend& test = *backend;
  EventLoop<> loop{std::move(backend)};
  const SeatSession session;
  Events events;
  loop.handle().insert_source(SeatSource{session},
                              [&](SeatEvent event) { events.push_back(event); });
  loop.dispatch(0ms);
  test.advance(1h);
  loop.dispatch(0ms);
  EXPECT_THAT(events, ElementsAre(SeatEvent::Enable));
}

TEST_F(SeatTest, DeathOfTheDaemonIsToldOnceAndNothingSpins) {
  SeatSession session;
  Events events;
  SeatDevice device;
  const RegistrationToken token = insert(session, events);
  loop_.dispatch(10s);
  ASSERT_TRUE(session.is_active());
  device = session.open_device("/dev/input/event0");
  seatd_.kill();
  try {
    eventually([] { return false; });
    FAIL() << "nobody was told";
  } catch (const std::system_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("libseat_dispatch"));
  }
  EXPECT_FALSE(session.is_active());
  const auto turns = [&] {
    int count = 0;
    for (const TimePoint end = Clock::now() + 50ms; Clock::now() < end; ++count)
      loop_.dispatch(end - Clock::now());
    return count;
  };
  EXPECT_LE(turns(), 5);
  loop_.handle().update(token);
  EXPECT_LE(turns(), 5) << "nor when it is registered anew";
  EXPECT_THROW((void)session.open_device("/dev/input/event0"), std::system_error);
  EXPECT_THROW(session.switch_session(1), std::system_error);
  const int fd = device.fd();
  device.reset();
  EXPECT_EQ(::fcntl(fd, F_GETFD), -1) << "closed all the same";
  EXPECT_THAT(events, ElementsAre(SeatEvent::Enable));
}

// That it was not enabled by then is no news of a session that is lost.
TEST_F(SeatTest, DeathBeforeTheFirstEnableIsAllThatIsTold) {
  const SeatSession in_front;
  Events of_front;
  const RegistrationToken front = insert(in_front, of_front);
  ASSERT_TRUE(eventually([&] { return in_front.is_active(); }));
  loop_.handle().remove(front);
  const SeatSession session;
  Events events;
  loop_.handle().insert_source(SeatSource{session, 20ms},
                               [&](SeatEvent event) { events.push_back(event); });
  seatd_.kill();
  EXPECT_THROW(eventually([] { return false; }), std::system_error);
  for (const TimePoint end = Clock::now() + 40ms; Clock::now() < end;)
    loop_.dispatch(end - Clock::now());
  EXPECT_THAT(events, IsEmpty());
}

TEST_F(SeatTest, DeathDuringDisableIsToldOnce) {
  SeatSession first;
  int errors = 0;
  bool disabled = false;
  loop_.handle().insert_source(SeatSource{first},
                               [&](SeatEvent event) {
                                 if (event == SeatEvent::Disable) {
                                   disabled = true;
                                   seatd_.kill();
                                 }
                               },
                               {.on_error = [&](std::exception_ptr) {
                                 ++errors;
                                 return ErrorAction::Keep;
                               }});
  ASSERT_TRUE(eventually([&] { return first.is_active(); }));
  SeatSession second;
  first.switch_session(1);
  ASSERT_TRUE(eventually([&] { return errors != 0; }));
  EXPECT_TRUE(disabled);
  for (int turn = 0; turn != 10; ++turn)
    loop_.dispatch(0ms);
  EXPECT_EQ(errors, 1);
}

TEST_F(SeatTest, DevicesByDescriptor) {
  SeatSession session;
  Events events;
  insert(session, events);
  ASSERT_TRUE(eventually([&] { return session.is_active(); }));
  const std::ptrdiff_t before = tests::descriptor_count();
  SeatDevices devices{session};
  const int one = devices.open("/dev/input/event0");
  const int two = devices.open("/dev/input/event1");
  EXPECT_THROW((void)devices.open("/dev/input/event77"), std::system_error);
  EXPECT_EQ(devices.size(), 2U);
  devices.close(one);
  EXPECT_EQ(::fcntl(one, F_GETFD), -1);
  EXPECT_NE(::fcntl(two, F_GETFD), -1);
  const int foreign = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  devices.close(foreign);
  EXPECT_EQ(::fcntl(foreign, F_GETFD), -1);
  devices.close(two);
  EXPECT_EQ(tests::descriptor_count(), before);
}

TEST_F(SeatTest, Example) {
  tests::Program example{
      {CALLOOP_EXAMPLES "/example-session", "/dev/input/event0", "/dev/input/event77"}};
  example.wait_for(
      "enabled\n/dev/input/event0 opened\nlibseat_open_device /dev/input/event77: No ");
  tests::Program second{{CALLOOP_EXAMPLES "/example-session"}};
  second.wait_for("not enabled yet\n");
  example.send_signal(SIGINT);
  EXPECT_TRUE(example.wait_for_end().success());
  second.wait_for("enabled\n");
}

}  // namespace
}  // namespace calloop
