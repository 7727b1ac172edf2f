#include <calloop/adapters/wayland_server.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <wayland-client.h>
#include <wayland-server-core.h>

#include <calloop/composed.hpp>
#include <calloop/event_loop.hpp>
#include <calloop/scoped_registration.hpp>
#include <calloop/sources/timer.hpp>

#include "tests/calloop/adapters/client.hpp"
#include "tests/calloop/descriptor_count.hpp"
#include "tests/calloop/no_more_descriptors.hpp"
#include "tests/calloop/pipe.hpp"
#include "tests/environment.hpp"
#include "tests/temporary_directory.hpp"

namespace calloop::wayland {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using tests::Client;
using tests::Environment;
using tests::make_server;
using tests::NoMoreDescriptors;
using tests::ServerDisplay;

// ---------------------------------------------------------------------------------- DisplaySource

TEST(DisplaySource, ServesAClientAndSendsTheAnswerBeforeItSleeps) {
  EventLoop<> loop;
  const ServerDisplay server = make_server();
  int served = 0;
  const ScopedRegistration source{
      loop.handle(), loop.handle().insert_source(DisplaySource{server.get()},
                                                 [&](ClientsServed, wl_display& display) {
                                                   EXPECT_EQ(&display, server.get());
                                                   ++served;
                                                 })};
  Client client{server.get()};
  EXPECT_TRUE(client.roundtrip(loop));
  EXPECT_GE(served, 1);
}

TEST(DisplaySource, SendsWhatAnotherSourceCaused) {
  EventLoop<> loop;
  const ServerDisplay server = make_server();
  const ScopedRegistration source{
      loop.handle(),
      loop.handle().insert_source(DisplaySource{server.get()}, [](ClientsServed) {})};
  Client client{server.get()};
  ASSERT_TRUE(client.roundtrip(loop));
  loop.handle().insert_source(Timer::immediate(), [&](TimePoint) {
    wl_client_post_implementation_error(client.on_server, "from a timer");
  });
  for (int turn = 0; turn != 10 && wl_display_get_error(client.display) == 0; ++turn) {
    loop.dispatch(0ms);
    client.read();
  }
  EXPECT_EQ(wl_display_get_error(client.display), EPROTO);
}

TEST(DisplaySource, RunsIdleCallbacksThatCameFromOutside) {
  EventLoop<> loop;
  const ServerDisplay server = make_server();
  const ScopedRegistration source{
      loop.handle(),
      loop.handle().insert_source(DisplaySource{server.get()}, [](ClientsServed) {})};
  loop.dispatch(0ms);
  bool ran = false;
  wl_event_loop_add_idle(
      wl_display_get_event_loop(server.get()), [](void* data) { *static_cast<bool*>(data) = true; },
      &ran);
  loop.dispatch(0ms);
  EXPECT_TRUE(ran);
}

TEST(DisplaySource, ClientThatDiesInTheFlushMayRemoveSourcesAndAddIdles) {
  EventLoop<> loop;
  const ServerDisplay server = make_server();
  const ScopedRegistration source{
      loop.handle(),
      loop.handle().insert_source(DisplaySource{server.get()}, [](ClientsServed) {})};
  Client client{server.get()};
  ASSERT_TRUE(client.roundtrip(loop));

  const RegistrationToken other = loop.handle().insert_source(Timer::after(1h), [](TimePoint) {});
  struct Witness {
    wl_display* display;
    bool idle_ran = false;
  } witness{server.get()};
  bool removed = false;
  Listener gone{[&](void*) noexcept {
    removed = loop.handle().remove(other);
    wl_event_loop_add_idle(
        wl_display_get_event_loop(witness.display),
        [](void* data) { static_cast<Witness*>(data)->idle_ran = true; }, &witness);
  }};
  wl_client_add_destroy_listener(client.on_server, gone.get());
  // The answer is queued, and the other end closed: the flush fails with EPIPE.
  wl_client_post_implementation_error(client.on_server, "nobody hears this");
  client.disconnect();
  loop.dispatch(0ms);
  EXPECT_TRUE(removed);
  EXPECT_TRUE(witness.idle_ran);
  EXPECT_EQ(loop.handle().source_count(), 1U);
}

// The end of each client makes an idle callback that writes to the next one; all but the last have
// hung up, so a flush finds each of them dead.
class Dominoes {
 public:
  Dominoes(wl_display* server, std::size_t count) : server_{server} {
    for (std::size_t i = 0; i != count; ++i)
      clients_.push_back(std::make_unique<Client>(server));
    for (std::size_t i = 0; i + 1 != count; ++i) {
      falls_.push_back(std::make_unique<Listener>([this](void*) noexcept {
        ++fallen_;
        wl_event_loop_add_idle(wl_display_get_event_loop(server_), &Dominoes::push, this);
      }));
      wl_client_add_destroy_listener(clients_[i]->on_server, falls_.back()->get());
    }
  }
  // The first one is written to and has hung up. What comes of it is for the next before_sleep.
  void fall() {
    for (std::size_t i = 0; i + 1 != clients_.size(); ++i)
      clients_[i]->disconnect();
    push(this);
  }
  Client& last() { return *clients_.back(); }

 private:
  static void push(void* data) noexcept {
    auto& self = *static_cast<Dominoes*>(data);
    wl_client_post_implementation_error(self.clients_[self.fallen_]->on_server, "you are next");
  }

  wl_display* server_;
  std::size_t fallen_ = 0;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<std::unique_ptr<Listener>> falls_;
};

TEST(DisplaySource, SendsWhatTheLastIdleCallbackCausedBeforeItSleeps) {
  EventLoop<> loop;
  const ServerDisplay server = make_server();
  Dominoes dominoes{server.get(), 3};
  const ScopedRegistration source{
      loop.handle(),
      loop.handle().insert_source(DisplaySource{server.get()}, [](ClientsServed) {})};
  dominoes.fall();
  EXPECT_NE(loop.prepare(), Timeout{Duration::zero()});
  dominoes.last().read();
  EXPECT_EQ(wl_display_get_error(dominoes.last().display), EPROTO);
}

TEST(DisplaySource, DoesNotSleepAsLongAsIdleCallbacksMakeOthers) {
  EventLoop<> loop;
  const ServerDisplay server = make_server();
  Dominoes dominoes{server.get(), 20};
  const ScopedRegistration source{
      loop.handle(),
      loop.handle().insert_source(DisplaySource{server.get()}, [](ClientsServed) {})};
  dominoes.fall();
  int rounds = 0;
  while (loop.prepare() == Timeout{Duration::zero()} && rounds != 100) {
    loop.dispatch(0ms);
    ++rounds;
  }
  EXPECT_GT(rounds, 0) << "others have their turn";
  dominoes.last().read();
  EXPECT_EQ(wl_display_get_error(dominoes.last().display), EPROTO);
}

TEST(DisplaySource, ListenersExceptionLeavesTheDispatch) {
  EventLoop<> loop;
  const ServerDisplay server = make_server();
  DisplaySource display{server.get()};
  Listener created{display.errors(), [](void*) { throw std::runtime_error{"no room"}; }};
  wl_display_add_client_created_listener(server.get(), created.get());
  const ScopedRegistration source{
      loop.handle(), loop.handle().insert_source(std::move(display), [](ClientsServed) {})};
  Client client{server.get()};
  EXPECT_THROW(loop.dispatch(0ms), std::runtime_error);
  EXPECT_TRUE(client.roundtrip(loop)) << "the source goes on afterwards";
}

TEST(DisplaySource, FailingLoopOfLibwaylandsIsAnError) {
  EventLoop<> loop;
  const ServerDisplay server = make_server();
  const int fd = wl_event_loop_get_fd(wl_display_get_event_loop(server.get()));
  const tests::Pipe readable = tests::Pipe::filled();
  ASSERT_EQ(::dup2(readable.fd(), fd), fd);  // it waits for what is no epoll
  int errors = 0;
  loop.handle().insert_source(DisplaySource{server.get()}, [](ClientsServed) { FAIL(); },
                              {.on_error = [&](std::exception_ptr error) {
                                ++errors;
                                try {
                                  std::rethrow_exception(error);
                                } catch (const std::system_error& failure) {
                                  EXPECT_EQ(failure.code(), std::errc::invalid_argument);
                                  EXPECT_THAT(failure.what(), HasSubstr("wl_event_loop_dispatch"));
                                }
                                return ErrorAction::Disable;
                              }});
  for (int turn = 0; turn != 3; ++turn)
    loop.dispatch(0ms);
  EXPECT_EQ(errors, 1);
}

TEST(DisplaySource, DisplayMayGoBeforeTheSource) {
  EventLoop<> loop;
  ServerDisplay server = make_server();
  const RegistrationToken token =
      loop.handle().insert_source(DisplaySource{server.get()}, [](ClientsServed) { FAIL(); });
  loop.dispatch(0ms);
  server.reset();
  // The same descriptor number, of something that is not the source's business.
  const OwnedFd reused{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
  loop.dispatch(0ms);
  EXPECT_TRUE(loop.handle().disable(token));
  EXPECT_TRUE(loop.handle().enable(token));
  EXPECT_TRUE(loop.handle().update(token));
  loop.dispatch(0ms);
  EXPECT_TRUE(loop.handle().remove(token));
}

// Displays that come and go inside a source that stays.
struct Displays : Composed<Displays> {
  using Event = ClientsServed;
  using Metadata = wl_display;
  using Ret = void;
  Displays() = default;
  std::vector<DisplaySource> list;
  auto& children() { return list; }
  PostAction process_events(Readiness readiness, Token token, auto&& emit) {
    return list[token.child()].process_events(readiness, token, emit);
  }
  std::optional<SyntheticEvent> before_sleep() {
    for (DisplaySource& display : list)
      display.before_sleep();
    return {};
  }
};

TEST(DisplaySource, DisablingAThousandTimesLeaksNothing) {
  EventLoop<> loop;
  const ServerDisplay display = make_server();
  const RegistrationToken token =
      loop.handle().insert_source(DisplaySource{display.get()}, [](ClientsServed) {});
  Client client{display.get()};
  EXPECT_TRUE(client.roundtrip(loop));
  const std::ptrdiff_t before = tests::descriptor_count();
  for (int times = 0; times != 1000; ++times) {
    ASSERT_TRUE(loop.handle().disable(token));
    loop.dispatch(0ms);
    ASSERT_TRUE(loop.handle().enable(token));
    loop.dispatch(0ms);
  }
  EXPECT_EQ(tests::descriptor_count(), before);
  EXPECT_TRUE(client.roundtrip(loop));
}

TEST(DisplaySource, MayComeAndGoAsAChild) {
  EventLoop<> loop;
  const ServerDisplay first = make_server();
  const ServerDisplay second = make_server();
  const auto displays = loop.handle().make_dispatcher(Displays{}, [] {});
  const RegistrationToken token = loop.handle().register_dispatcher(displays);
  for (const ServerDisplay& server : {std::cref(first), std::cref(second)}) {
    displays->list.emplace_back(server.get());
    loop.handle().update(token);
    Client client{server.get()};
    EXPECT_TRUE(client.roundtrip(loop, 3));
  }
  displays->list.erase(displays->list.begin());
  loop.handle().update(token);
  Client client{second.get()};
  EXPECT_TRUE(client.roundtrip(loop, 3));
  // It has left the loop: somebody else may have the first one.
  loop.handle().insert_source(DisplaySource{first.get()}, [] {});
}

TEST(DisplaySource, SurvivesTheLoopsEndInAnyOrder) {
  const ServerDisplay server = make_server();
  {
    EventLoop<> loop;
    loop.handle().insert_source(DisplaySource{server.get()}, [](ClientsServed) {});
    loop.dispatch(0ms);
  }
  EventLoop<> next;
  const ScopedRegistration source{
      next.handle(),
      next.handle().insert_source(DisplaySource{server.get()}, [](ClientsServed) {})};
  Client client{server.get()};
  EXPECT_TRUE(client.roundtrip(next));
}

// --------------------------------------------------------------------------------------- Listener

struct Signal {
  Signal() { wl_signal_init(&signal); }
  wl_signal signal;
  void emit(void* data = nullptr) { wl_signal_emit(&signal, data); }
};

TEST(Listener, HearsUntilItIsDisconnected) {
  Signal signal;
  std::vector<void*> heard;
  int value = 0;
  {
    Listener listener{[&](void* data) noexcept { heard.push_back(data); }};
    listener.disconnect();  // not connected yet
    wl_signal_add(&signal.signal, listener.get());
    signal.emit(&value);
    listener.disconnect();
    signal.emit(&value);
    wl_signal_add(&signal.signal, listener.get());
  }
  signal.emit(&value);
  EXPECT_EQ(heard, std::vector<void*>{&value});
}

TEST(Listener, MayBeDestroyedByItsOwnClosure) {
  Signal signal;
  const auto text = std::make_shared<std::string>("long enough to be on the heap, surely");
  std::string seen;
  std::optional<Listener> listener;
  listener.emplace([&, text](void*) noexcept {
    listener.reset();
    seen = *text;  // the closure itself still lives
  });
  wl_signal_add(&signal.signal, listener->get());
  signal.emit();
  EXPECT_FALSE(listener);
  EXPECT_EQ(seen, *text);
  EXPECT_EQ(text.use_count(), 1) << "and is gone afterwards";
}

TEST(Listener, EmittingAgainFromTheClosureIsHarmless) {
  Signal signal;
  int calls = 0;
  Listener listener{[&](void*) noexcept {
    if (++calls == 1)
      signal.emit();
  }};
  wl_signal_add(&signal.signal, listener.get());
  signal.emit();
  EXPECT_EQ(calls, 1);
  signal.emit();
  EXPECT_EQ(calls, 2);
}

TEST(Listener, KeepsTheFirstException) {
  Signal signal;
  const auto errors = std::make_shared<FirstError>();
  int calls = 0;
  Listener listener{errors, [&](void*) { throw std::runtime_error{std::to_string(++calls)}; }};
  wl_signal_add(&signal.signal, listener.get());
  signal.emit();
  signal.emit();
  EXPECT_EQ(calls, 2);
  try {
    errors->rethrow();
    ADD_FAILURE() << "nothing was kept";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "1");
  }
  EXPECT_NO_THROW(errors->rethrow());
}

TEST(ClientWatch, KnowsWhenTheClientIsGone) {
  const ServerDisplay server = make_server();
  Client client{server.get()};
  const ClientWatch watch{client.on_server};
  EXPECT_EQ(watch.get(), client.on_server);
  wl_client_destroy(client.on_server);
  EXPECT_EQ(watch.get(), nullptr);
}

// -------------------------------------------------------------------------------- ListeningSocket

class ListeningSocketTest : public testing::Test {
 protected:
  std::string in_directory(const std::string& name) { return (directory_.path() / name).string(); }
  static std::string error_of(const std::string& name) {
    try {
      (void)ListeningSocket::open(name);
    } catch (const std::exception& error) {
      return error.what();
    }
    return "no error";
  }

  tests::TemporaryDirectory directory_;
  Environment environment_{"XDG_RUNTIME_DIR", directory_.path().c_str()};
};

OwnedFd connect_to(const std::string& path) {
  OwnedFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw std::system_error{errno, std::generic_category(), "connect " + path};
  return fd;
}

TEST_F(ListeningSocketTest, IsThereWithItsLockAndGoesWithBoth) {
  {
    const ListeningSocket socket = ListeningSocket::open("here");
    EXPECT_EQ(socket.name(), "here");
    EXPECT_EQ(socket.path(), in_directory("here"));
    EXPECT_TRUE(std::filesystem::is_socket(in_directory("here")));
    EXPECT_TRUE(std::filesystem::exists(in_directory("here.lock")));
    EXPECT_NO_THROW(connect_to(socket.path()));
  }
  EXPECT_TRUE(std::filesystem::is_empty(directory_.path()));
}

TEST_F(ListeningSocketTest, MovesWithoutClosing) {
  ListeningSocket first = ListeningSocket::open("first");
  ListeningSocket socket = std::move(first);
  EXPECT_NO_THROW(connect_to(in_directory("first")));
  socket = ListeningSocket::open("second");
  EXPECT_FALSE(std::filesystem::exists(in_directory("first")));
  EXPECT_FALSE(std::filesystem::exists(in_directory("first.lock")));
  EXPECT_NO_THROW(connect_to(in_directory("second")));
}

TEST_F(ListeningSocketTest, TakesTheFirstFreeName) {
  const ListeningSocket one = ListeningSocket::open_first_free();
  const ListeningSocket two = ListeningSocket::open_first_free();
  EXPECT_EQ(one.name(), "wayland-1");
  EXPECT_EQ(two.name(), "wayland-2");
}

TEST_F(ListeningSocketTest, PassesOverNamesThatCannotBeUsed) {
  std::ofstream{in_directory("wayland-1")} << "precious";
  ASSERT_TRUE(std::filesystem::create_directory(in_directory("wayland-2")));
  ASSERT_TRUE(std::filesystem::create_directory(in_directory("wayland-3.lock")));
  EXPECT_EQ(ListeningSocket::open_first_free().name(), "wayland-4");
  EXPECT_TRUE(std::filesystem::is_regular_file(in_directory("wayland-1")));
}

TEST_F(ListeningSocketTest, SaysWhyNoNameAtAllCanBeUsed) {
  const Environment missing{"XDG_RUNTIME_DIR", in_directory("missing").c_str()};
  try {
    (void)ListeningSocket::open_first_free();
    FAIL() << "it is open";
  } catch (const std::system_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("wayland-1: the directory does not exist"));
  }
}

TEST_F(ListeningSocketTest, RefusesANameThatIsTaken) {
  const ListeningSocket owner = ListeningSocket::open("taken");
  EXPECT_THAT(error_of("taken"), HasSubstr(in_directory("taken") + ": another process listens"));
  EXPECT_NO_THROW(connect_to(owner.path())) << "the owner is not disturbed";
}

TEST_F(ListeningSocketTest, AllNamesTaken) {
  std::vector<ListeningSocket> sockets;
  for (int count = 0; count != 32; ++count)
    sockets.push_back(ListeningSocket::open_first_free());
  EXPECT_THROW((void)ListeningSocket::open_first_free(), std::system_error);
}

TEST_F(ListeningSocketTest, ReplacesWhatADeadProcessLeft) {
  {
    const OwnedFd stale{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    in_directory("stale").copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(stale.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  std::ofstream{in_directory("stale.lock")} << "left";
  const ListeningSocket socket = ListeningSocket::open("stale");
  EXPECT_NO_THROW(connect_to(socket.path()));
}

TEST_F(ListeningSocketTest, LeavesForeignFilesAlone) {
  std::ofstream{in_directory("file")} << "precious";
  EXPECT_THAT(error_of("file"), HasSubstr("a file of that name is there"));
  EXPECT_TRUE(std::filesystem::is_regular_file(in_directory("file")));
  EXPECT_FALSE(std::filesystem::exists(in_directory("file.lock")));
}

TEST_F(ListeningSocketTest, NamesWhatIsWrongWithTheDirectory) {
  EXPECT_THAT(error_of(std::string(200, 'x')), HasSubstr("at most 107 bytes"));
  EXPECT_THAT(error_of("missing/name"), HasSubstr("the directory does not exist"));
  EXPECT_THAT(error_of(""), HasSubstr("no name"));
  {
    const Environment unset{"XDG_RUNTIME_DIR", nullptr};
    EXPECT_THAT(error_of("name"), HasSubstr("XDG_RUNTIME_DIR is not set"));
    EXPECT_THROW((void)ListeningSocket::open_first_free(), std::runtime_error);
    const ListeningSocket absolute = ListeningSocket::open(in_directory("absolute"));
    EXPECT_EQ(absolute.path(), in_directory("absolute"));
  }
  {
    const Environment relative{"XDG_RUNTIME_DIR", "run"};
    EXPECT_THAT(error_of("name"), HasSubstr("not an absolute path: run"));
  }
}

TEST_F(ListeningSocketTest, UnwritableDirectory) {
  const std::string closed = in_directory("closed");
  ASSERT_TRUE(std::filesystem::create_directory(closed));
  ASSERT_EQ(::chmod(closed.c_str(), 0500), 0);
  ASSERT_EQ(::chmod(directory_.path().c_str(), 0755), 0);
  const uid_t user = ::geteuid();
  if (user == 0) {  // for whom everything is writable
    ASSERT_EQ(::seteuid(65534), 0);
  }
  const std::string error = error_of(closed + "/name");
  ASSERT_EQ(::seteuid(user), 0);
  EXPECT_THAT(error, HasSubstr(closed + "/name"));
  EXPECT_THAT(error, HasSubstr("Permission denied"));
}

// -------------------------------------------------------------------------- ListeningSocketSource

TEST_F(ListeningSocketTest, SourceHandsOutConnections) {
  EventLoop<> loop;
  std::vector<OwnedFd> accepted;
  ListeningSocket socket = ListeningSocket::open("s");
  const std::string path = socket.path();
  {
    const ScopedRegistration source{
        loop.handle(),
        loop.handle().insert_source(
            ListeningSocketSource{std::move(socket)}, [&](OwnedFd client, ListeningSocket& from) {
              EXPECT_EQ(from.name(), "s");
              EXPECT_EQ(::fcntl(client.get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
              accepted.push_back(std::move(client));
            })};
    std::vector<OwnedFd> clients;
    for (int count = 0; count != 100; ++count)
      clients.push_back(connect_to(path));
    loop.dispatch(0ms);
    loop.dispatch(0ms);
    EXPECT_EQ(accepted.size(), 100U);
    // Given up before it was accepted.
    connect_to(path).reset();
    clients.push_back(connect_to(path));
    loop.dispatch(0ms);
    EXPECT_GE(accepted.size(), 101U);
    loop.dispatch(0ms);
  }
  EXPECT_TRUE(std::filesystem::is_empty(directory_.path()));
}

struct Sockets : Composed<Sockets> {
  using Event = OwnedFd;
  using Metadata = ListeningSocket;
  using Ret = void;
  Sockets() = default;
  std::vector<ListeningSocketSource> list;
  auto& children() { return list; }
  PostAction process_events(Readiness readiness, Token token, auto&& emit) {
    return list[token.child()].process_events(readiness, token, emit);
  }
};

TEST_F(ListeningSocketTest, DisablingItAThousandTimesLeaksNothing) {
  EventLoop<> loop;
  ListeningSocket socket = ListeningSocket::open("here");
  const std::string path = socket.path();
  int accepted = 0;
  const RegistrationToken token = loop.handle().insert_source(
      ListeningSocketSource{std::move(socket)}, [&](OwnedFd) { ++accepted; });
  const std::ptrdiff_t before = tests::descriptor_count();
  for (int times = 0; times != 1000; ++times) {
    ASSERT_TRUE(loop.handle().disable(token));
    ASSERT_TRUE(loop.handle().enable(token));
  }
  EXPECT_EQ(tests::descriptor_count(), before);
  const OwnedFd client = connect_to(path);
  for (int turn = 0; turn != 10 && accepted == 0; ++turn)
    loop.dispatch(10ms);
  EXPECT_EQ(accepted, 1);
}

TEST_F(ListeningSocketTest, SourceMayComeAsAChild) {
  EventLoop<> loop;
  int accepted = 0;
  const auto sockets =
      loop.handle().make_dispatcher(Sockets{}, [&](OwnedFd, ListeningSocket&) { ++accepted; });
  const RegistrationToken token = loop.handle().register_dispatcher(sockets);
  sockets->list.emplace_back(ListeningSocket::open("later"));
  loop.handle().update(token);
  const OwnedFd client = connect_to(in_directory("later"));
  loop.dispatch(0ms);
  EXPECT_EQ(accepted, 1);
  sockets->list.clear();
  loop.handle().update(token);
}

TEST_F(ListeningSocketTest, SourceThatThrowsGoesOnWithTheNext) {
  EventLoop<> loop;
  int accepted = 0;
  ListeningSocket socket = ListeningSocket::open("s");
  const std::string path = socket.path();
  loop.handle().insert_source(ListeningSocketSource{std::move(socket)}, [&](OwnedFd) {
    if (++accepted == 1)
      throw std::runtime_error{"not this one"};
  });
  const OwnedFd first = connect_to(path);
  const OwnedFd second = connect_to(path);
  EXPECT_THROW(loop.dispatch(0ms), std::runtime_error);
  for (int turn = 0; turn != 5; ++turn)
    loop.dispatch(0ms);
  EXPECT_EQ(accepted, 2);
}

TEST_F(ListeningSocketTest, WithoutDescriptorsItPausesInsteadOfSpinning) {
  EventLoop<> loop;
  int accepted = 0;
  ListeningSocket socket = ListeningSocket::open("s");
  const std::string path = socket.path();
  const auto source = loop.handle().make_dispatcher(ListeningSocketSource{std::move(socket), 40ms},
                                                    [&](OwnedFd) { ++accepted; });
  const RegistrationToken token = loop.handle().register_dispatcher(source);
  const OwnedFd client = connect_to(path);
  {
    const NoMoreDescriptors none;
    loop.dispatch(0ms);
    EXPECT_EQ(accepted, 0);
    // The connection still waits, and nothing wakes the loop but the timer: a turn for each.
    const auto begin = std::chrono::steady_clock::now();
    int turns = 0;
    while (std::chrono::steady_clock::now() - begin < 200ms) {
      loop.dispatch(10s);
      ++turns;
    }
    EXPECT_LE(turns, 20);
    EXPECT_EQ(accepted, 0);
    // Disabled and enabled while it pauses.
    EXPECT_TRUE(loop.handle().disable(token));
    EXPECT_TRUE(loop.handle().enable(token));
    loop.dispatch(0ms);
  }
  EXPECT_TRUE(source->is_paused());
  for (int turn = 0; turn != 10 && accepted == 0; ++turn)
    loop.dispatch(10s);
  EXPECT_EQ(accepted, 1);
  EXPECT_FALSE(source->is_paused());
  EXPECT_TRUE(loop.handle().remove(token));
}

}  // namespace
}  // namespace calloop::wayland
