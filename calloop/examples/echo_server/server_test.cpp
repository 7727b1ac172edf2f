// The echo server without a network: its loop is real, its descriptors are numbers that the test
// makes ready, its sockets answer what the test wants.
#include <cerrno>
#include <memory>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/event_loop.hpp>
#include <calloop/testing.hpp>

#include "calloop/examples/echo_server/scripted_sockets.hpp"
#include "calloop/examples/echo_server/server.hpp"

namespace {

using namespace std::chrono_literals;
using calloop::Readiness;

class EchoServer : public testing::Test {
 protected:
  static constexpr int listener = 1000;  // any numbers that are no descriptors
  static constexpr int connection = 1001;

  EchoServer() : EchoServer{std::make_unique<calloop::TestBackend>()} {}

  // One client that has connected.
  void connect() {
    waiting_->push_back(std::make_unique<echo::ScriptedConnection>(connection, script_));
    happens(listener, EPOLLIN);
  }
  // One iteration in which the kernel says so.
  void happens(int fd, std::uint32_t readiness) {
    backend_.make_ready(fd, Readiness{readiness});
    loop_.dispatch(0ns);
  }

  calloop::TestBackend& backend_;
  calloop::EventLoop<> loop_;
  std::shared_ptr<echo::ScriptedListener::Queue> waiting_ =
      std::make_shared<echo::ScriptedListener::Queue>();
  std::shared_ptr<echo::Script> script_ = std::make_shared<echo::Script>();
  echo::Server server_;

 private:
  explicit EchoServer(std::unique_ptr<calloop::TestBackend> backend)
      : backend_{*backend},
        loop_{std::move(backend)},
        server_{(backend_.script(listener), backend_.script(connection), loop_.handle()),
                std::make_unique<echo::ScriptedListener>(listener, waiting_)} {}
};

TEST_F(EchoServer, SendsBackWhatItGets) {
  connect();
  script_->reads = {"hello, ", "world"};
  happens(connection, EPOLLIN);
  EXPECT_EQ(script_->written, "hello, world");
  EXPECT_FALSE(script_->closed);
}

TEST_F(EchoServer, KeepsWhatTheSocketDoesNotTakeUntilThereIsRoom) {
  connect();
  script_->reads = {"abcdef", "gh"};
  script_->writes = {std::size_t{2}, EAGAIN};
  happens(connection, EPOLLIN);
  EXPECT_EQ(script_->written, "ab");
  happens(connection, EPOLLOUT);
  EXPECT_EQ(script_->written, "abcdefgh");
}

TEST_F(EchoServer, ClosesTheConnectionAtItsEnd) {
  connect();
  script_->reads = {"last words", ""};
  happens(connection, EPOLLIN);
  EXPECT_EQ(script_->written, "last words");
  EXPECT_TRUE(script_->closed);
}

TEST_F(EchoServer, AClientThatNeverStopsDoesNotKeepItForEver) {
  connect();
  script_->reads.assign(100, "more");
  happens(connection, EPOLLIN);
  EXPECT_GT(script_->reads.size(), 0u);
  EXPECT_FALSE(script_->closed);
}

}  // namespace
