// How it ends: whoever was there is gone, and so are the files.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "compositor.hpp"
#include "tests/compositor-demo/clients/connection.hpp"
#include "tests/compositor-demo/clients/window.hpp"

namespace e2e {
namespace {

using namespace std::chrono_literals;

// Generous; it is a matter of milliseconds, of some hundred for clients that do not want to end.
constexpr auto prompt = 5s;

bool alive(pid_t pid) {
  const std::vector<Descendant> family = descendants(::getpid());
  return std::ranges::find(family, pid, &Descendant::pid) != family.end();
}

void expect_nothing_left(Compositor& compositor, int signal) {
  // Our own client is not a child of the compositor.
  clients::Connection client{compositor.socket()};
  const clients::Window window{client, 50, 50, 0xffff0000};
  const std::vector<Descendant> family = descendants(compositor.process().pid());
  ASSERT_FALSE(family.empty());

  compositor.process().signal(signal);
  EXPECT_EQ(compositor.process().wait_for_end(prompt), 0);
  for (const Descendant& member : family)
    EXPECT_FALSE(alive(member.pid)) << member.name;
  EXPECT_TRUE(client.wait_for_end(1s));
  EXPECT_FALSE(std::filesystem::exists(compositor.socket()));
  EXPECT_FALSE(std::filesystem::exists(compositor.socket().string() + ".lock"));
}

// Of these programs, below the compositor.
bool has_started(Compositor& compositor, const std::string& name) {
  return eventually([&] {
    const std::vector<Descendant> family = descendants(compositor.process().pid());
    return std::ranges::find(family, name, &Descendant::name) != family.end();
  });
}

class Ending : public testing::TestWithParam<int> {};

TEST_P(Ending, BySignalTakesClientsSocketAndLockAway) {
  Compositor compositor{{.arguments = {"--autostart", "exec weston-simple-shm", "--autostart",
                                       "sleep 1001 & sleep 1002", "--", "sleep", "1003"}}};
  ASSERT_TRUE(has_started(compositor, "weston-simple-s"));
  ASSERT_TRUE(has_started(compositor, "sleep"));
  expect_nothing_left(compositor, GetParam());
}

TEST_P(Ending, ByRequestEndsClientsThatDoNotWantTo) {
  Compositor compositor{
      {.arguments = {"--autostart", "trap '' INT TERM HUP; while :; do sleep 0.1; done"}}};
  ASSERT_TRUE(has_started(compositor, "sleep"));
  expect_nothing_left(compositor, GetParam());
}

// Its shell is ready when the sleep is there.
CompositorOptions with_a_stubborn_client() {
  return {.arguments = {"--autostart", "trap '' INT TERM HUP; while :; do sleep 0.1; done"}};
}

TEST(EndingByRequest, LetsNobodyInWhileItWaits) {
  Compositor compositor{with_a_stubborn_client()};
  ASSERT_TRUE(has_started(compositor, "sleep"));
  // It shall not kill the client before we have looked.
  const pid_t shell = descendants(compositor.process().pid()).front().pid;
  compositor.process().signal(SIGTERM);
  bool alone = false;
  EXPECT_TRUE(eventually([&] {
    alone = alone || !alive(shell);
    return !std::filesystem::exists(compositor.socket());
  }));
  EXPECT_FALSE(alone) << "the socket was there as long as the client";
  EXPECT_EQ(compositor.process().wait_for_end(prompt), 0);
}

// Whoever asks again wants no patience with clients. One that is much faster than the patience is
// proof; on a busy machine that may take some attempts.
TEST(EndingByRequest, ThatIsRepeatedWaitsForNobody) {
  Clock::duration fastest = patience;
  for (int attempt = 0; attempt < 10 && fastest > 100ms; ++attempt) {
    Compositor compositor{with_a_stubborn_client()};
    ASSERT_TRUE(has_started(compositor, "sleep"));
    compositor.process().signal(SIGTERM);
    // Both at once would be one.
    ASSERT_TRUE(eventually([&] { return !std::filesystem::exists(compositor.socket()); }));
    const auto begin = Clock::now();
    compositor.process().signal(SIGTERM);
    EXPECT_EQ(compositor.process().wait_for_end(prompt), 0);
    fastest = std::min<Clock::duration>(fastest, Clock::now() - begin);
  }
  EXPECT_LT(fastest, 150ms);
}

INSTANTIATE_TEST_SUITE_P(Signals, Ending, testing::Values(SIGINT, SIGTERM, SIGHUP),
                         [](const auto& signal) {
                           return std::string{sigabbrev_np(signal.param)};
                         });

TEST(EndingByItself, TakesTheOtherClientsAlong) {
  Compositor compositor{
      {.arguments = {"--autostart", "exec sleep 1004", "--", "sh", "-c", "sleep 0.3; exit 3"}}};
  ASSERT_TRUE(has_started(compositor, "sleep"));
  const std::vector<Descendant> family = descendants(compositor.process().pid());
  EXPECT_EQ(compositor.process().wait_for_end(), 3);
  for (const Descendant& member : family)
    EXPECT_FALSE(alive(member.pid)) << member.name;
  EXPECT_FALSE(std::filesystem::exists(compositor.socket()));
  EXPECT_FALSE(std::filesystem::exists(compositor.socket().string() + ".lock"));
}

TEST(EndingByItself, ByForceLeavesASocketThatTheNextOneTakes) {
  Compositor killed;
  killed.process().signal(SIGKILL);
  ASSERT_EQ(killed.process().wait_for_end(), 128 + SIGKILL);
  ASSERT_TRUE(std::filesystem::exists(killed.socket()));

  const Place log;
  Process next{
      compositor_command({"--backend", "headless", "--socket", killed.socket().filename()}),
      {killed.place().environment(), log.output(), log.log()}};
  ASSERT_TRUE(eventually([&] { return log.log_text().find("listening") != std::string::npos; }));
  clients::Connection client{killed.socket()};
  EXPECT_TRUE(client.roundtrip());
  next.signal(SIGTERM);
  EXPECT_EQ(next.wait_for_end(), 0);
}

}  // namespace
}  // namespace e2e
