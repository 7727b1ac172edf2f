// Programs that people use, on the real compositor.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "compositor.hpp"
#include "tests/compositor-demo/clients/connection.hpp"
#include "tests/compositor-demo/clients/window.hpp"

namespace e2e {
namespace {

using clients::Connection;
using clients::Window;
using std::chrono::milliseconds;
using namespace std::chrono_literals;

constexpr double refresh_ms = 1000.0 / 60;

// What WAYLAND_DEBUG=1 writes, read as far as it is about frame callbacks:
//   [1234567.890]  -> wl_surface@3.frame(new id wl_callback@26)
//   [1234584.557] wl_callback@26.done(1234584)
class FrameLog {
 public:
  explicit FrameLog(std::filesystem::path file) : file_{std::move(file)} {}

  // The times that the compositor gave, in its milliseconds.
  std::vector<long> times() const {
    std::vector<long> found;
    std::set<std::string> waiting;
    std::ifstream in{file_};
    for (std::string line; std::getline(in, line);) {
      constexpr std::string_view asks = ".frame(new id ";
      constexpr std::string_view answers = ".done(";
      if (const auto at = line.find(asks); at != std::string::npos) {
        const auto name = line.substr(at + asks.size());
        waiting.insert(name.substr(0, name.find(')')));
      } else if (const auto done = line.find(answers); done != std::string::npos) {
        const auto begin = line.find("wl_callback@");
        if (begin != std::string::npos && waiting.erase(line.substr(begin, done - begin)) != 0)
          found.push_back(std::stol(line.substr(done + answers.size())));
      }
    }
    return found;
  }

 private:
  std::filesystem::path file_;
};

// Whether some thirty frames in a row came at the output's rate, on a machine that has other things
// to do now and then.
bool keep_the_rate(const std::vector<long>& times) {
  constexpr std::size_t run = 30;
  for (std::size_t i = run; i < times.size(); ++i)
    if (static_cast<double>(times[i] - times[i - run]) < 1.5 * run * refresh_ms)
      return true;
  return false;
}

struct RealClient {
  std::string name;
  std::string command;    // for /bin/sh -c, with a program as its last word
  std::string process;    // as the kernel cuts it
  bool animated = false;  // else it draws when it has something new
};

std::ostream& operator<<(std::ostream& out, const RealClient& client) {
  return out << client.name;
}

// Its log is in the directory that is the client's XDG_RUNTIME_DIR.
CompositorOptions with(const RealClient& client) {
  return {.arguments = {"--autostart", "WAYLAND_DEBUG=1 exec " + client.command +
                                           " 2>\"$XDG_RUNTIME_DIR/client\" >/dev/null"},
          .output = "1280x720@60"};
}

bool runs(Compositor& compositor, const std::string& name) {
  const std::vector<Descendant> family = descendants(compositor.process().pid());
  return std::ranges::find(family, name, &Descendant::name) != family.end();
}

class RealClients : public WithCompositor, public testing::WithParamInterface<RealClient> {
 protected:
  RealClients() : WithCompositor{with(GetParam())} {}
};

TEST_P(RealClients, ShowAWindowAndLive) {
  const std::filesystem::path picture = compositor.place().picture();
  const std::filesystem::path log = compositor.place().directory() / "client";
  // --screenshot: when every client that was started has a window on the screen.
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(picture); }));
  {
    const Screenshot first{picture};
    EXPECT_EQ(first.width(), 1280);
    EXPECT_EQ(first.height(), 720);
    EXPECT_GT(first.colours(), 2U);
    // A flower may be a thin one.
    EXPECT_LT(first.count(background), 1280U * 720U - 60U * 60U);
    EXPECT_GT(first.count(background), 0U);
  }

  const FrameLog frames{log};
  if (GetParam().animated) {
    ASSERT_TRUE(eventually([&] { return frames.times().size() > 60; }));
    const std::vector<long> times = frames.times();
    for (std::size_t i = 1; i < times.size(); ++i)
      // Whole milliseconds, each cut by up to one.
      EXPECT_GE(times[i] - times[i - 1], static_cast<long>(refresh_ms)) << "frame " << i;
    EXPECT_TRUE(eventually([&] { return keep_the_rate(frames.times()); }));
  } else {
    EXPECT_TRUE(eventually([&] { return !frames.times().empty(); }));
  }

  // SIGUSR1 writes it again.
  EXPECT_GT(compositor.screenshot().colours(), 2U);
  EXPECT_TRUE(runs(compositor, GetParam().process));
  EXPECT_EQ(compositor.place().log_text().find("warning"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(
    Of, RealClients,
    // Something new a hundred times in a second, without a process for each.
    testing::Values(RealClient{"foot",
                               "foot --log-level=none bash -c 'exec 3<> <(:); while :; do "
                               "echo $((++i)); read -rt 0.01 -u 3; done'",
                               "foot", true},
                    RealClient{"simple_shm", "weston-simple-shm", "weston-simple-s", true},
                    RealClient{"flower", "weston-flower", "weston-flower", false},
                    RealClient{"terminal", "weston-terminal", "weston-terminal", false}),
    [](const auto& client) { return client.param.name; });

class AllClients : public WithCompositor {
 protected:
  AllClients()
      : WithCompositor{
            {.arguments = {"--autostart", "exec foot --log-level=none sleep 1000", "--autostart",
                           "exec weston-flower", "--autostart", "exec weston-terminal",
                           "--autostart", "sleep 0.5; exec weston-simple-shm"},
             .output = "1280x720@60"}} {}
};

TEST_F(AllClients, ShareTheScreenAndTheScreenshotWaitsForTheLast) {
  const std::filesystem::path picture = compositor.place().picture();
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(picture); }));
  for (const std::string name : {"foot", "weston-flower", "weston-terminal", "weston-simple-s"})
    EXPECT_TRUE(runs(compositor, name)) << name;
  EXPECT_TRUE(compositor.says("screenshot of 4 windows"));
  // The gradients of weston-simple-shm alone are hundreds.
  EXPECT_GT(Screenshot{picture}.colours(), 200U);
  EXPECT_EQ(compositor.place().log_text().find("no window of"), std::string::npos);
}

// ------------------------------------------------------------------------- the rate of frames

class Frames : public WithCompositor, public testing::WithParamInterface<int> {
 protected:
  Frames() : WithCompositor{{.output = "400x300@" + std::to_string(GetParam())}} {}
};

TEST_P(Frames, ComeAtTheRateOfTheOutput) {
  const double period_ms = 1000.0 / GetParam();
  Connection client{compositor.socket()};
  Window window{client, 100, 100, 0xffff0000};
  ASSERT_TRUE(window.commit_and_wait());
  constexpr int count = 60;
  std::vector<std::uint32_t> times{window.frame_time()};
  const auto begin = Clock::now();
  for (int i = 0; i < count; ++i) {
    wl_surface_damage_buffer(window.get(), 0, 0, 1, 1);
    ASSERT_TRUE(window.commit_and_wait());
    times.push_back(window.frame_time());
  }
  const double elapsed_ms = clients::Seconds{Clock::now() - begin}.count() * 1000;

  // Never faster than the output, by our clock (the first frame may have come late, the last one
  // early within its period) and by the compositor's.
  EXPECT_GE(elapsed_ms, (count - 1) * period_ms);
  for (std::size_t i = 1; i < times.size(); ++i)
    EXPECT_GE(times[i] - times[i - 1], static_cast<std::uint32_t>(period_ms)) << "frame " << i;
  // And not much slower, on a machine that has other things to do.
  const double mean_ms = (times.back() - times.front()) / static_cast<double>(count);
  EXPECT_LT(mean_ms, 3 * period_ms + 10);
}

INSTANTIATE_TEST_SUITE_P(Hertz, Frames, testing::Values(30, 60, 144),
                         testing::PrintToStringParamName{});

class CoveredWindow : public WithCompositor {};

TEST_F(CoveredWindow, LivesOnAFrameASecond) {
  Connection client{compositor.socket()};
  Window below{client, 400, 300, 0xffff0000};
  Connection other{compositor.socket()};
  const Window above{other, 400, 300, 0xff00ff00};
  int frames = 0;
  const auto begin = Clock::now();
  while (frames < 3) {
    ASSERT_TRUE(below.commit_and_wait());
    ++frames;
  }
  // The first may come at once.
  EXPECT_GE(Clock::now() - begin, 1s);
  EXPECT_LT(Clock::now() - begin, 8s);
}

}  // namespace
}  // namespace e2e
