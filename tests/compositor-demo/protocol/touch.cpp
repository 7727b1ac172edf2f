#include "compositor-demo/protocol/touch.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "compositor-demo/protocol/seat.hpp"
#include "compositor-demo/protocol/windows.hpp"
#include "tests/compositor-demo/protocol/loopback.hpp"
#include "tests/compositor-demo/protocol/proxy.hpp"
#include "tests/compositor-demo/protocol/xdg_client.hpp"

namespace demo {
namespace {

using Log = std::vector<std::string>;

std::string at(wl_fixed_t x, wl_fixed_t y) {
  return std::to_string(wl_fixed_to_int(x)) + ' ' + std::to_string(wl_fixed_to_int(y));
}

// A wl_touch that writes down what it hears.
struct ClientTouch {
  explicit ClientTouch(LoopbackClient& client) : proxy{wl_seat_get_touch(client.seat)} {
    static const wl_touch_listener listener{
        .down =
            [](void* self, wl_touch*, std::uint32_t, std::uint32_t, wl_surface* on, std::int32_t id,
               wl_fixed_t x, wl_fixed_t y) {
              of(self).surface = on;
              of(self).note("down " + std::to_string(id) + ' ' + at(x, y));
            },
        .up = [](void* self, wl_touch*, std::uint32_t, std::uint32_t,
                 std::int32_t id) { of(self).note("up " + std::to_string(id)); },
        .motion =
            [](void* self, wl_touch*, std::uint32_t, std::int32_t id, wl_fixed_t x, wl_fixed_t y) {
              of(self).note("motion " + std::to_string(id) + ' ' + at(x, y));
            },
        .frame = [](void* self, wl_touch*) { of(self).note("frame"); },
        .cancel = [](void* self, wl_touch*) { of(self).note("cancel"); },
        .shape = nullptr,
        .orientation = nullptr};
    wl_touch_add_listener(proxy.get(), &listener, this);
  }
  ClientTouch(const ClientTouch&) = delete;
  ClientTouch& operator=(const ClientTouch&) = delete;

  static ClientTouch& of(void* self) { return *static_cast<ClientTouch*>(self); }
  void note(std::string line) { log.push_back(std::move(line)); }
  Log taken_log() { return std::exchange(log, {}); }

  Proxy<wl_touch> proxy;
  wl_surface* surface = nullptr;
  Log log;
};

class TouchTest : public testing::Test {
 protected:
  TouchTest() {
    server.seat().set_has_touch(true);
    client.roundtrip();
    window.map(100, 100);
    under = &server.last_window().surface();
  }
  Touch& screen() { return server.seat().touch(); }
  Log heard() {
    client.roundtrip();
    return touch.taken_log();
  }

  LoopbackServer server;
  LoopbackClient client{server};
  ClientToplevel window{client};
  Surface* under = nullptr;
  ClientTouch touch{client};
};

class TouchlessSeat : public testing::Test {
 protected:
  LoopbackServer server;
  LoopbackClient client{server};
};

TEST_F(TouchlessSeat, TellsWhenATouchScreenComesAndGoes) {
  EXPECT_EQ(client.seat_capabilities & WL_SEAT_CAPABILITY_TOUCH, 0U);
  server.seat().set_has_touch(true);
  client.roundtrip();
  EXPECT_NE(client.seat_capabilities & WL_SEAT_CAPABILITY_TOUCH, 0U);
  server.seat().set_has_touch(false);
  client.roundtrip();
  EXPECT_EQ(client.seat_capabilities & WL_SEAT_CAPABILITY_TOUCH, 0U);
  EXPECT_NE(client.seat_capabilities & WL_SEAT_CAPABILITY_POINTER, 0U);
  // It has had touch: asking for it is late, but no error.
  const ClientTouch late{client};
  client.roundtrip();
  EXPECT_EQ(wl_display_get_error(client.display), 0);
}

TEST_F(TouchTest, FingersGoDownMoveAndUpInFrames) {
  screen().down(0, Surface::Hit{under, 10, 20}, 10, 20, 1);
  screen().down(1, Surface::Hit{under, 30, 40}, 30, 40, 1);
  EXPECT_EQ(heard(), (Log{"down 0 10 20", "down 1 30 40"})) << "the frame is not over";
  EXPECT_EQ(touch.surface, window.surface.get());
  screen().frame();
  EXPECT_EQ(heard(), Log{"frame"});
  screen().frame();
  EXPECT_EQ(heard(), Log{}) << "nothing has happened";
  screen().motion(1, 35, 40, 2);
  screen().up(0, 2);
  screen().frame();
  EXPECT_EQ(heard(), (Log{"motion 1 35 40", "up 0", "frame"}));
  screen().motion(0, 1, 1, 3);
  screen().motion(1, 35, 40, 3);
  screen().frame();
  EXPECT_EQ(heard(), Log{}) << "one is lifted, the other has not moved";
}

TEST_F(TouchTest, AFingerBelongsToWhereItWasPutDown) {
  // A surface whose corner is at 100, 50 of what motion is told in.
  screen().down(7, Surface::Hit{under, 5, 6}, 105, 56, 1);
  screen().motion(7, 50, 50, 2);
  screen().frame();
  EXPECT_EQ(heard(), (Log{"down 7 5 6", "motion 7 -50 0", "frame"}));
  EXPECT_EQ(screen().surface_of(7), under);
}

TEST_F(TouchTest, NobodyHearsOfFingersOnNothing) {
  screen().down(0, std::nullopt, 10, 20, 1);
  screen().motion(0, 20, 20, 2);
  screen().up(0, 3);
  screen().frame();
  EXPECT_EQ(heard(), Log{});
}

TEST_F(TouchTest, AnIdThatIsDownIsLiftedFirst) {
  screen().down(0, Surface::Hit{under, 1, 1}, 1, 1, 1);
  screen().down(0, Surface::Hit{under, 2, 2}, 2, 2, 2);
  screen().frame();
  EXPECT_EQ(heard(), (Log{"down 0 1 1", "up 0", "down 0 2 2", "frame"}));
}

TEST_F(TouchTest, OthersAndThoseWhoComeLateHearNothing) {
  LoopbackClient other{server};
  ClientTouch others{other};
  other.roundtrip();
  screen().down(0, Surface::Hit{under, 1, 1}, 1, 1, 1);
  screen().frame();
  EXPECT_EQ(heard().size(), 2U);
  ClientTouch late{client};
  client.roundtrip();
  screen().motion(0, 2, 2, 2);
  screen().up(0, 3);
  screen().frame();
  EXPECT_EQ(heard(), (Log{"motion 0 2 2", "up 0", "frame"}));
  EXPECT_EQ(late.log, Log{});
  other.roundtrip();
  EXPECT_EQ(others.log, Log{});
}

TEST_F(TouchTest, WhenTheSurfaceGoesTheFingerIsStillLifted) {
  screen().down(0, Surface::Hit{under, 1, 1}, 1, 1, 1);
  xdg_toplevel_destroy(window.toplevel.release());
  xdg_surface_destroy(window.xdg.release());
  wl_surface_destroy(window.surface.release());
  client.roundtrip();
  EXPECT_EQ(screen().surface_of(0), nullptr);
  screen().motion(0, 2, 2, 2);
  screen().up(0, 3);
  screen().frame();
  EXPECT_EQ(heard(), (Log{"down 0 1 1", "up 0", "frame"}));
}

TEST_F(TouchTest, AWlTouchThatIsReleasedHearsNoMore) {
  auto gone = std::optional<ClientTouch>{std::in_place, client};
  client.roundtrip();
  screen().down(0, Surface::Hit{under, 1, 1}, 1, 1, 1);
  wl_touch_release(gone->proxy.release());
  gone.reset();
  client.roundtrip();
  screen().up(0, 2);
  screen().frame();
  EXPECT_EQ(heard(), (Log{"down 0 1 1", "up 0", "frame"}));
}

TEST_F(TouchTest, CancelEndsAllFingersWithoutAFrame) {
  screen().down(0, Surface::Hit{under, 1, 1}, 1, 1, 1);
  screen().down(1, Surface::Hit{under, 2, 2}, 2, 2, 1);
  screen().cancel();
  screen().motion(0, 5, 5, 2);
  screen().up(1, 2);
  screen().frame();
  EXPECT_EQ(heard(), (Log{"down 0 1 1", "down 1 2 2", "cancel"}));
}

TEST_F(TouchTest, ATouchScreenThatGoesTakesItsFingersAlong) {
  screen().down(0, Surface::Hit{under, 1, 1}, 1, 1, 1);
  screen().frame();
  server.seat().set_has_touch(false);
  EXPECT_EQ(heard(), (Log{"down 0 1 1", "frame", "cancel"}));
}

TEST_F(TouchTest, AClientThatDiesWithAFingerDownIsForgotten) {
  {
    LoopbackClient other{server};
    ClientToplevel its{other};
    its.map(10, 10);
    ClientTouch others{other};
    other.roundtrip();
    screen().down(3, Surface::Hit{&server.last_window().surface(), 1, 1}, 1, 1, 1);
  }
  server.serve();
  screen().motion(3, 2, 2, 2);
  screen().up(3, 3);
  screen().frame();
  EXPECT_EQ(heard(), Log{});
}

}  // namespace
}  // namespace demo
