// A source like the ZeroMQ one that calloop's book builds: a queue into it, a descriptor that is
// like an edge, and a ping to itself. CL-081.
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <optional>
#include <string>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/calloop.hpp>

namespace {

using namespace calloop;
using namespace std::chrono_literals;

std::pair<OwnedFd, OwnedFd> connected_sockets() {
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
    throw std::system_error{errno, std::generic_category(), "socketpair"};
  return {OwnedFd{fds[0]}, OwnedFd{fds[1]}};
}

// Reads the next message, if there is one.
std::optional<std::string> receive(const OwnedFd& socket) {
  char buffer[64];
  const auto size = ::recv(socket.get(), buffer, sizeof buffer, 0);
  if (size <= 0)
    return std::nullopt;
  return std::string{buffer, static_cast<std::size_t>(size)};
}

// Sends what comes out of a channel and emits what the socket receives. Its descriptor tells only
// that something has changed, and one call delivers no more than a few messages, so that the other
// sources have their turn: the ping makes it go on.
class MessageSource : public Composed<MessageSource> {
 public:
  using Event = std::string;
  using Metadata = void;
  using Ret = void;

  MessageSource(OwnedFd socket, Channel<std::string> outgoing)
      : MessageSource{std::move(socket), std::move(outgoing), make_ping()} {}
  auto children() { return std::tie(socket_, outgoing_, again_); }
  PostAction process_events(Readiness readiness, Token token, auto&& emit) {
    socket_.process_events(readiness, token,
                           [](Readiness, OwnedFd&) { return PostAction::Continue; });
    outgoing_.process_events(readiness, token, [&](std::optional<std::string> message) {
      if (!message)
        return;
      EXPECT_GT(::send(socket_.get().get(), message->data(), message->size(), MSG_NOSIGNAL), 0);
    });
    again_.process_events(readiness, token, [](Pinged) {});
    for (int budget = 3; budget > 0; --budget) {
      auto message = receive(socket_.get());
      if (!message)
        return PostAction::Continue;
      emit(*std::move(message));
    }
    ping_.ping();
    return PostAction::Continue;
  }

 private:
  MessageSource(OwnedFd socket, Channel<std::string> outgoing, std::pair<Ping, PingSource> again)
      : socket_{std::move(socket), interest().read().edge_triggered()},
        outgoing_{std::move(outgoing)},
        ping_{std::move(again.first)},
        again_{std::move(again.second)} {}

  Generic<OwnedFd> socket_;
  TransientSource<Channel<std::string>> outgoing_;
  Ping ping_;
  PingSource again_;
};

TEST(Conformance, CL_081_ACompositeOfAQueueAnEdgeAndAPingLosesNoMessage) {
  EventLoop<> loop;
  auto [here, peer] = connected_sockets();
  auto [sender, channel] = make_channel<std::string>();
  std::vector<std::string> received;
  int others = 0;
  loop.handle().insert_source(MessageSource{std::move(here), std::move(channel)},
                              [&](std::string message) { received.push_back(std::move(message)); });
  loop.handle().insert_source(Timer::immediate(), [&](TimePoint deadline) {
    ++others;
    return TimeoutAction::at(deadline);
  });

  std::vector<std::string> expected;
  for (int i = 0; i < 50; ++i)
    expected.push_back("message " + std::to_string(i));
  for (const std::string& message : expected)
    ASSERT_GT(::send(peer.get(), message.data(), message.size(), MSG_NOSIGNAL), 0);
  for (int i = 0; i < 100 && received.size() < expected.size(); ++i)
    loop.dispatch(0ns);
  EXPECT_EQ(received, expected);
  EXPECT_GE(others, 50 / 3);  // nobody else has starved

  std::vector<std::string> sent;
  for (const std::string& message : expected)
    sender.send(message);
  loop.dispatch(0ns);
  while (auto message = receive(peer))
    sent.push_back(*std::move(message));
  EXPECT_EQ(sent, expected);
}

}  // namespace
