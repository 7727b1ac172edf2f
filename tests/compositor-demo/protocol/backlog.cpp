#include "compositor-demo/protocol/backlog.hpp"

#include <chrono>
#include <stdexcept>
#include <thread>

#include <gtest/gtest.h>

#include "tests/compositor-demo/protocol/loopback.hpp"

namespace demo {
namespace {

using namespace std::chrono_literals;

class BacklogTest : public testing::Test {
 protected:
  wl_client* on_server() {
    return wl_client_from_link(wl_display_get_client_list(server.display())->next);
  }
  // Something of a few bytes, to a client that does not read.
  void send_something() {
    wl_callback_destroy(wl_display_sync(client.display));
    wl_display_flush(client.display);
    server.serve();
  }
  template <class Condition>
  bool eventually(Condition condition) {
    for (const auto end = std::chrono::steady_clock::now() + 10s;
         !condition() && std::chrono::steady_clock::now() < end;) {
      server.serve();
      std::this_thread::sleep_for(1ms);
    }
    return condition();
  }

  LoopbackServer server;
  LoopbackClient client{server};
};

TEST_F(BacklogTest, ThereIsRoomUntilTheClientLeavesMuchUnread) {
  EXPECT_TRUE(has_room(on_server()));
  send_something();
  EXPECT_TRUE(has_room(on_server())) << "nobody reads everything at once";
  int sent = 1;
  for (; has_room(on_server()) && sent != 1000; ++sent)
    send_something();
  EXPECT_LT(sent, 1000);
  // Still there is much more room than that.
  for (int i = 0; i != sent; ++i)
    send_something();
  EXPECT_FALSE(has_room(on_server()));
  client.roundtrip();
  EXPECT_TRUE(client.alive());
  EXPECT_TRUE(has_room(on_server()));
}

TEST_F(BacklogTest, RetryCallsOnceForEachStart) {
  int calls = 0;
  Retry retry{server.display(), [&] { ++calls; }};
  retry.start();
  retry.start();
  EXPECT_TRUE(eventually([&] { return calls == 1; }));
  retry.start();
  EXPECT_TRUE(eventually([&] { return calls == 2; }));
}

TEST_F(BacklogTest, RetryThatIsStoppedDoesNotCall) {
  int stopped_calls = 0;
  int calls = 0;
  Retry stopped{server.display(), [&] { ++stopped_calls; }};
  Retry retry{server.display(), [&] { ++calls; }};
  stopped.start();
  retry.start();
  stopped.stop();
  EXPECT_TRUE(eventually([&] { return calls == 1; }));
  EXPECT_EQ(stopped_calls, 0);
}

TEST_F(BacklogTest, RetryThatFailsIsTriedAgain) {
  int calls = 0;
  Retry retry{server.display(), [&] {
                if (++calls == 1)
                  throw std::runtime_error{"not yet"};
              }};
  retry.start();
  EXPECT_TRUE(eventually([&] { return calls == 2; }));
}

}  // namespace
}  // namespace demo
