#include <functional>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <calloop/event_loop.hpp>
#include <calloop/sources/generic.hpp>

#include "tests/calloop/descriptor_count.hpp"
#include "tests/calloop/pipe.hpp"

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using tests::Pipe;

struct SocketPair {
  OwnedFd ours;
  OwnedFd theirs;
  SocketPair() {
    int fds[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    ours.reset(fds[0]);
    theirs.reset(fds[1]);
  }
  void send(const std::string& text) const {
    EXPECT_EQ(::write(theirs.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
};

TEST(Generic, ReportsWhatIsReadyAndLendsItsOwner) {
  EventLoop<> loop;
  SocketPair pair;
  std::string received;
  loop.handle().insert_source(Generic{std::move(pair.ours), interest().read()},
                              [&](Readiness ready, OwnedFd& socket) {
                                EXPECT_TRUE(ready.readable());
                                EXPECT_FALSE(ready.writable());
                                EXPECT_FALSE(ready.hangup());
                                char buffer[64];
                                const auto n = ::read(socket.get(), buffer, sizeof buffer);
                                ASSERT_GT(n, 0);
                                received.append(buffer, static_cast<std::size_t>(n));
                              });
  loop.dispatch(0ns);
  EXPECT_EQ(received, "");
  pair.send("hello");
  loop.dispatch(0ns);
  EXPECT_EQ(received, "hello");
  loop.dispatch(0ns);
  EXPECT_EQ(received, "hello");
}

TEST(Generic, ClosesItsDescriptorWhenItIsRemoved) {
  const auto before = tests::descriptor_count();
  EventLoop<> loop;
  const auto with_loop = tests::descriptor_count();
  SocketPair pair;
  const RegistrationToken token = loop.handle().insert_source(
      Generic{std::move(pair.ours), interest().read()}, [](Readiness) {});
  EXPECT_EQ(tests::descriptor_count(), with_loop + 2);
  EXPECT_TRUE(loop.handle().remove(token));
  EXPECT_EQ(tests::descriptor_count(), with_loop + 1);
  char byte = 0;
  EXPECT_EQ(::read(pair.theirs.get(), &byte, 1), 0);  // the peer sees the end
  EXPECT_GT(with_loop, before);
}

TEST(Generic, TellsHangupsAndErrorsApart) {
  EventLoop<> loop;
  SocketPair pair;
  std::vector<Readiness> seen;
  loop.handle().insert_source(
      Generic{std::move(pair.ours), interest().read().read_hangup().edge_triggered()},
      [&](Readiness ready) { seen.push_back(ready); });
  ::shutdown(pair.theirs.get(), SHUT_WR);
  loop.dispatch(0ns);
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_TRUE(seen[0].read_hangup());
  EXPECT_FALSE(seen[0].hangup());
  pair.theirs.reset();
  loop.dispatch(0ns);
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_TRUE(seen[1].hangup());

  Pipe pipe;
  bool error = false;
  loop.handle().insert_source(Generic{pipe.writer.get(), interest()}, [&](Readiness ready) {
    error = ready.error();
    EXPECT_FALSE(ready.writable());
    return PostAction::Remove;
  });
  loop.dispatch(0ns);
  EXPECT_FALSE(error);
  pipe.reader.reset();
  loop.dispatch(0ns);
  EXPECT_TRUE(error);
}

TEST(Generic, OutOfBandDataIsAPriority) {
  EventLoop<> loop;
  // A regular socket of the internet family is the simplest with out-of-band data.
  const OwnedFd listener{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  ASSERT_EQ(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &length), 0);
  const OwnedFd client{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  ASSERT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
  const OwnedFd server{::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)};
  bool urgent = false;
  loop.handle().insert_source(Generic{server.get(), interest().priority()}, [&](Readiness ready) {
    urgent = ready.priority();
    return PostAction::Remove;
  });
  ASSERT_EQ(::send(client.get(), "!", 1, MSG_OOB), 1);
  loop.dispatch(5s);
  EXPECT_TRUE(urgent);
}

TEST(Generic, LevelReportsAsLongAsItLasts) {
  EventLoop<> loop;
  const Pipe pipe = Pipe::filled();
  int calls = 0;
  loop.handle().insert_source(Generic{pipe.fd(), interest().read()}, [&](Readiness) { ++calls; });
  for (int i = 0; i < 3; ++i)
    loop.dispatch(0ns);
  EXPECT_EQ(calls, 3);
}

// Edge and one-shot: conformance/generic.cpp, CL_095 and CL_096.

TEST(Generic, ANewInterestTakesEffectWithAnUpdate) {
  EventLoop<> loop;
  SocketPair pair;
  std::vector<bool> writable;
  const auto source =
      loop.handle().make_dispatcher(Generic{std::move(pair.ours), interest().read()},
                                    [&](Readiness ready) { writable.push_back(ready.writable()); });
  const RegistrationToken token = loop.handle().register_dispatcher(source);
  loop.dispatch(0ns);
  source->set_interest(interest().write());
  EXPECT_EQ(source->interest(), interest().write());
  loop.dispatch(0ns);
  EXPECT_TRUE(writable.empty());
  loop.handle().update(token);
  loop.dispatch(0ns);
  EXPECT_EQ(writable, std::vector<bool>{true});
  source->set_interest(interest().read());
  loop.handle().update(token);
  loop.dispatch(0ns);
  EXPECT_EQ(writable.size(), 1u);
}

TEST(Generic, WithoutInterestCanComeAndGo) {
  EventLoop<> loop;
  const Pipe pipe = Pipe::filled();
  const RegistrationToken token =
      loop.handle().insert_source(Generic{pipe.fd(), interest()}, [](Readiness) { FAIL(); });
  loop.dispatch(0ns);
  EXPECT_TRUE(loop.handle().remove(token));
}

TEST(Generic, AnExclusiveOneCanBeUpdated) {
  EventLoop<> loop;
  const Pipe pipe = Pipe::filled();
  int calls = 0;
  const RegistrationToken token = loop.handle().insert_source(
      Generic{pipe.fd(), interest().read().exclusive()}, [&](Readiness) { ++calls; });
  EXPECT_TRUE(loop.handle().update(token));
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 1);
}

TEST(Generic, ARegularFileIsRefused) {
  EventLoop<> loop;
  OwnedFd file{::open("/proc/self/exe", O_RDONLY | O_CLOEXEC)};
  ASSERT_TRUE(file);
  try {
    loop.handle().insert_source(Generic{std::move(file), interest().read()}, [](Readiness) {});
    FAIL() << "a regular file was registered";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::operation_not_permitted);
  }
}

TEST(Generic, EventsOfWhatWasRemovedAreNotDeliveredLater) {
  EventLoop<> loop;
  const Pipe pipe;
  int calls = 0;
  auto source = loop.handle().make_dispatcher(Generic{pipe.fd(), interest().read()},
                                              [&](Readiness) { ++calls; });
  const RegistrationToken token = loop.handle().register_dispatcher(source);
  loop.handle().remove(token);
  pipe.fill();
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 0);
  // Put in again, it gets what waits.
  loop.handle().register_dispatcher(source);
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 1);
}

TEST(Generic, IntoInnerGivesTheOwnerAwayOpen) {
  EventLoop<> loop;
  SocketPair pair;
  auto dispatcher = loop.handle().make_dispatcher(Generic{std::move(pair.ours), interest().read()},
                                                  [](Readiness) {});
  const RegistrationToken token = loop.handle().register_dispatcher(dispatcher);
  EXPECT_THROW(static_cast<void>(std::move(dispatcher).into_source()), std::logic_error);
  loop.handle().remove(token);
  const OwnedFd socket = std::move(dispatcher).into_source().into_inner();
  pair.send("x");
  char byte = 0;
  EXPECT_EQ(::read(socket.get(), &byte, 1), 1);
  EXPECT_EQ(byte, 'x');
}

TEST(Generic, TakesAnyOwner) {
  struct Connection {
    OwnedFd socket;
    int bytes = 0;
    [[nodiscard]] int fd() const noexcept { return socket.get(); }
  };
  EventLoop<> loop;
  SocketPair pair;
  int bytes = 0;
  loop.handle().insert_source(Generic{Connection{std::move(pair.ours)}, interest().read()},
                              [&](Readiness, Connection& connection) {
                                char buffer[16];
                                while (::read(connection.fd(), buffer, sizeof buffer) > 0)
                                  ++connection.bytes;
                                bytes = connection.bytes;
                              });
  for (int i = 1; i <= 3; ++i) {
    pair.send("x");
    loop.dispatch(0ns);
    EXPECT_EQ(bytes, i);
  }
  auto shared = std::make_shared<OwnedFd>(::dup(pair.theirs.get()));
  struct Shared {
    std::shared_ptr<OwnedFd> fd_;
    [[nodiscard]] int get() const noexcept { return fd_->get(); }
  };
  EXPECT_TRUE(
      loop.handle().insert_source(Generic{Shared{shared}, interest().read()}, [](Readiness) {}));
}

TEST(Generic, MovingARegisteredOneMovesTheRegistration) {
  // As a child in a vector that grows.
  EventLoop<> loop;
  struct Many {
    using Event = int;
    using Metadata = void;
    using Ret = void;
    std::vector<Generic<int>> children;
    PostAction process_events(Readiness readiness, Token token,
                              const std::function<void(int)>& emit) {
      for (auto& child : children) {
        child.process_events(readiness, token, [&](Readiness, int& fd) {
          emit(fd);
          return PostAction::Continue;
        });
      }
      return PostAction::Continue;
    }
    void register_with(Poll& poll, TokenFactory& tokens) {
      for (auto& child : children)
        child.register_with(poll, tokens);
    }
    void reregister_with(Poll& poll, TokenFactory& tokens) {
      for (auto& child : children)
        child.reregister_with(poll, tokens);
    }
    void unregister_from(Poll& poll) {
      for (auto& child : children)
        child.unregister_from(poll);
    }
  };
  const Pipe pipes[2] = {Pipe::filled(), Pipe::filled()};
  int calls = 0;
  Many many;
  for (const Pipe& pipe : pipes)
    many.children.emplace_back(pipe.fd(), interest().read());
  const auto source = loop.handle().make_dispatcher(std::move(many), [&](int) { ++calls; });
  const RegistrationToken token = loop.handle().register_dispatcher(source);
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 2);
  source->children.reserve(100);  // moves them
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 4);
  source->children.erase(source->children.begin());  // moves one over the other
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 5);
  loop.handle().remove(token);
  for (const Pipe& pipe : pipes) {
    EXPECT_NO_THROW(
        loop.handle().insert_source(Generic{pipe.fd(), interest().read()}, [](Readiness) {}));
  }
}

}  // namespace
