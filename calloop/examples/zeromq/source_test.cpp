// What one has to know about a ZeroMQ socket in a loop: that nothing is lost, and nobody starves.
#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <calloop/event_loop.hpp>
#include <calloop/sources/timer.hpp>

#include "calloop/examples/zeromq/source.hpp"

namespace {

using namespace std::chrono_literals;

// Two ends of a connection: one that pushes, by hand, and one that pulls, as a source.
class ZeroMq : public testing::Test {
 protected:
  ZeroMq() {
    const int unlimited = 0;
    for (const zeromq::Socket* socket : {&push_, &pull_})
      for (const int option : {ZMQ_SNDHWM, ZMQ_RCVHWM})
        zmq_setsockopt(socket->get(), option, &unlimited, sizeof unlimited);
    if (zmq_bind(pull_.get(), "inproc://test") != 0 ||
        zmq_connect(push_.get(), "inproc://test") != 0)
      zeromq::fail("connecting");
  }
  void push(int first, int count) {
    for (int i = first; i < first + count; ++i)
      push_.send(zeromq::Message{std::to_string(i), "and a second part"});
  }
  // Puts the pulling end into the loop; every message is counted, and compared with what was sent.
  void insert() {
    auto [source, outbox] = zeromq::make_source(std::move(pull_));
    outbox_ = std::move(outbox);
    loop_.handle().insert_source(std::move(source), [this](const zeromq::Message& message) {
      EXPECT_EQ(message, (zeromq::Message{std::to_string(received_), "and a second part"}));
      ++received_;
    });
  }

  const std::unique_ptr<void, int (*)(void*)> context_{zmq_ctx_new(), &zmq_ctx_term};
  zeromq::Socket push_{zmq_socket(context_.get(), ZMQ_PUSH)};
  zeromq::Socket pull_{zmq_socket(context_.get(), ZMQ_PULL)};
  calloop::EventLoop<> loop_;
  std::optional<calloop::Sender<zeromq::Message>> outbox_;
  int received_ = 0;
};

TEST_F(ZeroMq, ThousandMessagesDoNotStarveATimer) {
  insert();
  loop_.dispatch(0ns);
  push(0, 1000);
  std::vector<int> received_at;
  loop_.handle().insert_source(calloop::Timer::immediate(), [&] {
    received_at.push_back(received_);
    return calloop::TimeoutAction::after(0ns);
  });
  while (received_ < 1000)
    loop_.dispatch(1s);
  // It had its turn whenever the budget was used up.
  ASSERT_GE(received_at.size(), 1000u / 256u);
  for (std::size_t i = 1; i < received_at.size(); ++i)
    EXPECT_LE(received_at[i] - received_at[i - 1], 256);
}

TEST_F(ZeroMq, WhatHadArrivedBeforeItWasRegisteredIsReceived) {
  push(0, 10);
  EXPECT_NE(pull_.events() & ZMQ_POLLIN, 0);  // whoever has asked is not told any more
  insert();
  for (int i = 0; i < 3; ++i)
    loop_.dispatch(0ns);
  EXPECT_EQ(received_, 10);
}

TEST_F(ZeroMq, WhatArrivesWhileItIsDisabledIsReceivedWhenItIsEnabled) {
  auto [source, outbox] = zeromq::make_source(std::move(pull_));
  const calloop::RegistrationToken token = loop_.handle().insert_source(
      std::move(source), [this](const zeromq::Message&) { ++received_; });
  loop_.dispatch(0ns);
  EXPECT_TRUE(loop_.handle().disable(token));
  push(0, 10);
  loop_.dispatch(0ns);
  EXPECT_EQ(received_, 0);
  EXPECT_TRUE(loop_.handle().enable(token));
  for (int i = 0; i < 3; ++i)
    loop_.dispatch(0ns);
  EXPECT_EQ(received_, 10);
}

}  // namespace
