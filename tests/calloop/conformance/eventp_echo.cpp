// eventp's echo server on its mock; here the one of calloop/examples on scripted descriptors.
// EP-042 to EP-046.
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

#include "tests/calloop/conformance/virtual_loop.hpp"

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr int listener = 1000;
constexpr int connection = 1001;

struct Echo : tests::VirtualLoop<> {
  std::shared_ptr<echo::Script> script = std::make_shared<echo::Script>();
  std::shared_ptr<echo::ScriptedListener::Queue> waiting =
      std::make_shared<echo::ScriptedListener::Queue>();
  std::unique_ptr<echo::Server> server;

  Echo() {
    clock.script(listener);
    clock.script(connection);
    server = std::make_unique<echo::Server>(
        handle, std::make_unique<echo::ScriptedListener>(listener, waiting));
  }
  void happens(int fd, std::uint32_t readiness) {
    clock.make_ready(fd, Readiness{readiness});
    loop.dispatch(0ns);
  }
  void connect() {
    waiting->push_back(std::make_unique<echo::ScriptedConnection>(connection, script));
    happens(listener, EPOLLIN);
  }
  // The listener's source, and one for each connection.
  [[nodiscard]] std::size_t connections() const { return handle.source_count() - 1; }
};

TEST(Conformance, EP_042_AnAcceptedConnectionIsAddedOnce) {
  Echo e;
  EXPECT_EQ(e.connections(), 0u);
  e.connect();
  EXPECT_EQ(e.connections(), 1u);
  e.happens(listener, EPOLLIN);  // nobody waits any more
  EXPECT_EQ(e.connections(), 1u);
}

TEST(Conformance, EP_043_ReadAndWriteBackUntilItWouldBlock) {
  Echo e;
  e.connect();
  e.script->reads = {"ping"};
  e.happens(connection, EPOLLIN);
  EXPECT_EQ(e.script->written, "ping");
  EXPECT_THAT(e.script->log, ElementsAre("read", "write", "read"));  // the last one: EAGAIN
  EXPECT_EQ(e.connections(), 1u);
}

TEST(Conformance, EP_044_TheEndOfTheStreamRemovesTheConnection) {
  Echo e;
  e.connect();
  e.script->reads = {""};
  e.happens(connection, EPOLLIN);
  EXPECT_EQ(e.connections(), 0u);
  EXPECT_TRUE(e.script->closed);
}

TEST(Conformance, EP_045_AReadErrorRemovesTheConnection) {
  Echo e;
  e.connect();
  e.script->reads = {ECONNRESET};
  e.happens(connection, EPOLLIN);
  EXPECT_EQ(e.connections(), 0u);
  EXPECT_TRUE(e.script->closed);
}

TEST(Conformance, EP_046_AHangupOrErrorRemovesTheConnectionWithoutReadOrWrite) {
  for (const std::uint32_t end : {EPOLLHUP, EPOLLERR}) {
    Echo e;
    e.connect();
    e.script->reads = {"never read"};
    e.happens(connection, EPOLLIN | end);
    EXPECT_EQ(e.connections(), 0u);
    EXPECT_TRUE(e.script->closed);
    EXPECT_THAT(e.script->log, IsEmpty());
  }
}

}  // namespace
