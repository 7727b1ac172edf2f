// A ZeroMQ socket as an event source: a socket that behaves like no other descriptor, composed of
// a Generic, a Channel and a Ping.
//
//     auto [source, outbox] = zeromq::make_source(std::move(socket));
//     loop.insert_source(std::move(source), [](zeromq::Message message, App& app) { ... });
//     outbox.send(zeromq::Message{"hello"});      // from any thread
#pragma once

#include <zmq.h>

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include <calloop/composed.hpp>
#include <calloop/sources/channel.hpp>
#include <calloop/sources/generic.hpp>
#include <calloop/sources/ping.hpp>

namespace zeromq {

/// The parts of one multipart message.
using Message = std::vector<std::string>;

[[noreturn]] inline void fail(const char* call) {
  throw std::system_error{zmq_errno(), std::generic_category(), call};
}

/// Owns a ZeroMQ socket. What is queued in it is thrown away with it.
class Socket {
 public:
  /// Takes over what zmq_socket() has returned.
  explicit Socket(void* socket) : socket_{socket} {
    if (socket == nullptr)
      fail("zmq_socket");
  }

  /// What to poll: readable when something about the socket has changed, edge-triggered.
  [[nodiscard]] int fd() const noexcept {
    int fd = -1;
    std::size_t size = sizeof fd;
    zmq_getsockopt(socket_.get(), ZMQ_FD, &fd, &size);
    return fd;
  }
  [[nodiscard]] void* get() const noexcept { return socket_.get(); }

  /// ZMQ_POLLIN if there is a message, ZMQ_POLLOUT if there is room for one.
  [[nodiscard]] int events() const {
    int events = 0;
    std::size_t size = sizeof events;
    if (zmq_getsockopt(socket_.get(), ZMQ_EVENTS, &events, &size) != 0)
      fail("zmq_getsockopt");
    return events;
  }
  /// The next message, which must be there.
  [[nodiscard]] Message receive() const {
    Message message;
    for (int more = 1; more != 0;) {
      zmq_msg_t part;
      zmq_msg_init(&part);
      if (zmq_msg_recv(&part, socket_.get(), ZMQ_DONTWAIT) < 0) {
        zmq_msg_close(&part);
        fail("zmq_msg_recv");
      }
      message.emplace_back(static_cast<const char*>(zmq_msg_data(&part)), zmq_msg_size(&part));
      more = zmq_msg_more(&part);
      zmq_msg_close(&part);
    }
    return message;
  }
  /// Sends a message for which there is room.
  void send(const Message& message) const {
    for (std::size_t i = 0; i < message.size(); ++i) {
      const int more = i + 1 < message.size() ? ZMQ_SNDMORE : 0;
      if (zmq_send(socket_.get(), message[i].data(), message[i].size(), ZMQ_DONTWAIT | more) < 0)
        fail("zmq_send");
    }
  }

 private:
  struct Close {
    void operator()(void* socket) const noexcept {
      const int at_once = 0;
      zmq_setsockopt(socket, ZMQ_LINGER, &at_once, sizeof at_once);
      zmq_close(socket);
    }
  };
  std::unique_ptr<void, Close> socket_;
};

/// Event: a message that was received. What comes through the outbox is sent.
class Source : public calloop::Composed<Source> {
 public:
  using Event = Message;
  using Metadata = void;
  using Ret = void;

  auto children() { return std::tie(socket_, outbox_, again_); }

  // ZeroMQ's descriptor tells of changes: of what was there before one has to ask.
  void register_with(calloop::Poll& poll, calloop::TokenFactory& tokens) {
    poll_ = &poll;
    Composed::register_with(poll, tokens);
    again_.repeat();
  }
  void reregister_with(calloop::Poll& poll, calloop::TokenFactory& tokens) {
    Composed::reregister_with(poll, tokens);
    again_.repeat();
  }

  template <class Emit>
  calloop::PostAction process_events(calloop::Readiness readiness, calloop::Token token,
                                     Emit&& emit) {
    again_.process_events(readiness, token, [](calloop::Pinged) {});
    outbox_.process_events(readiness, token, [&](std::optional<Message> message) {
      if (message)
        unsent_.push_back(std::move(*message));
    });

    // Sending may swallow the edge that tells of something to read, and the other way round: both
    // are asked until neither has anything to do. But not for ever: a peer that sends without end
    // must not keep the others waiting.
    const Socket& socket = socket_.get();
    for (int budget = 256; budget > 0; --budget) {
      const int events = socket.events();
      const bool may_send = (events & ZMQ_POLLOUT) != 0 && !unsent_.empty();
      const bool may_receive = (events & ZMQ_POLLIN) != 0;
      if (!may_send && !may_receive)
        return calloop::PostAction::Continue;
      if (may_send) {
        socket.send(unsent_.front());
        unsent_.pop_front();
      }
      if (may_receive)
        emit(socket.receive());
      if (poll_->should_yield())
        break;
    }
    again_.repeat();
    return calloop::PostAction::Continue;
  }

 private:
  friend std::pair<Source, calloop::Sender<Message>> make_source(Socket socket);
  Source(Socket socket, calloop::Channel<Message> outbox, calloop::Ping wake,
         calloop::PingSource again)
      : socket_{std::move(socket), calloop::interest().read().edge_triggered()},
        outbox_{std::move(outbox)},
        wake_{std::move(wake)},
        again_{std::move(again)} {}

  calloop::Generic<Socket> socket_;
  calloop::Channel<Message> outbox_;
  calloop::Ping wake_;  // keeps `again_` open
  calloop::PingSource again_;
  std::deque<Message> unsent_;
  calloop::Poll* poll_ = nullptr;
};

/// The source, and what sends through its socket from any thread.
[[nodiscard]] inline std::pair<Source, calloop::Sender<Message>> make_source(Socket socket) {
  auto [outbox, messages] = calloop::make_channel<Message>();
  auto [wake, again] = calloop::make_ping();
  return {Source{std::move(socket), std::move(messages), std::move(wake), std::move(again)},
          std::move(outbox)};
}

}  // namespace zeromq
