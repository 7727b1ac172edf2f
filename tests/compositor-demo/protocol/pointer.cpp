#include "compositor-demo/protocol/pointer.hpp"

#include <linux/input-event-codes.h>

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

std::string text(wl_fixed_t value) {
  return std::to_string(wl_fixed_to_double(value)).substr(0, 4);
}

// A wl_pointer that writes down what it hears.
struct ClientPointer {
  explicit ClientPointer(LoopbackClient& client) : proxy{wl_seat_get_pointer(client.seat)} {
    static const wl_pointer_listener listener{
        .enter =
            [](void* self, wl_pointer*, std::uint32_t serial, wl_surface* surface, wl_fixed_t x,
               wl_fixed_t y) {
              of(self).enter_serial = serial;
              of(self).focus = surface;
              of(self).note("enter " + text(x) + ' ' + text(y));
            },
        .leave =
            [](void* self, wl_pointer*, std::uint32_t, wl_surface*) {
              of(self).focus = nullptr;
              of(self).note("leave");
            },
        .motion = [](void* self, wl_pointer*, std::uint32_t, wl_fixed_t x,
                     wl_fixed_t y) { of(self).note("motion " + text(x) + ' ' + text(y)); },
        .button =
            [](void* self, wl_pointer*, std::uint32_t serial, std::uint32_t, std::uint32_t button,
               std::uint32_t state) {
              of(self).button_serial = serial;
              of(self).note((state == WL_POINTER_BUTTON_STATE_PRESSED ? "press " : "release ") +
                            std::to_string(button));
            },
        .axis =
            [](void* self, wl_pointer*, std::uint32_t, std::uint32_t axis, wl_fixed_t value) {
              of(self).note("axis " + std::to_string(axis) + ' ' + text(value));
            },
        .frame = [](void* self, wl_pointer*) { of(self).note("frame"); },
        .axis_source =
            [](void* self, wl_pointer*, std::uint32_t source) {
              of(self).note("source " + std::to_string(source));
            },
        .axis_stop = [](void* self, wl_pointer*, std::uint32_t,
                        std::uint32_t axis) { of(self).note("stop " + std::to_string(axis)); },
        .axis_discrete =
            [](void* self, wl_pointer*, std::uint32_t, std::int32_t steps) {
              of(self).note("discrete " + std::to_string(steps));
            },
        .axis_value120 =
            [](void* self, wl_pointer*, std::uint32_t, std::int32_t value) {
              of(self).note("value120 " + std::to_string(value));
            }};
    wl_pointer_add_listener(proxy.get(), &listener, this);
  }
  ClientPointer(const ClientPointer&) = delete;
  ClientPointer& operator=(const ClientPointer&) = delete;

  static ClientPointer& of(void* self) { return *static_cast<ClientPointer*>(self); }
  void note(std::string line) { log.push_back(std::move(line)); }
  std::vector<std::string> taken_log() { return std::exchange(log, {}); }

  Proxy<wl_pointer> proxy;
  wl_surface* focus = nullptr;
  std::uint32_t enter_serial = 0;
  std::uint32_t button_serial = 0;
  std::vector<std::string> log;
};

using Log = std::vector<std::string>;

class PointerTest : public testing::Test {
 protected:
  PointerTest() {
    window.map(100, 100);
    under = &server.last_window().surface();
  }
  void move(Surface* surface, double x, double y) {
    server.seat().pointer().motion(
        surface == nullptr ? std::nullopt : std::optional{Surface::Hit{surface, x, y}}, 0);
    client.roundtrip();
  }
  void press(std::uint32_t button, bool pressed) {
    server.seat().pointer().button(button, pressed, 0);
    client.roundtrip();
  }

  LoopbackServer server;
  LoopbackClient client{server};
  ClientToplevel window{client};
  Surface* under = nullptr;
  ClientPointer pointer{client};
};

TEST_F(PointerTest, EntersMovesAndLeavesInFrames) {
  move(under, 10, 20);
  EXPECT_EQ(pointer.focus, window.surface.get());
  EXPECT_EQ(pointer.taken_log(), (Log{"enter 10.0 20.0", "frame"}));
  move(under, 10.5, 20);
  EXPECT_EQ(pointer.taken_log(), (Log{"motion 10.5 20.0", "frame"}));
  move(under, 10.5, 20);
  EXPECT_EQ(pointer.taken_log(), Log{}) << "it did not move";
  move(nullptr, 0, 0);
  EXPECT_EQ(pointer.taken_log(), (Log{"leave", "frame"}));
}

TEST_F(PointerTest, LeavesAndEntersWithinAClientInOneFrame) {
  move(under, 10, 20);
  ClientToplevel second{client};
  second.map(10, 10);
  pointer.taken_log();
  move(&server.last_window().surface(), 1, 2);
  EXPECT_EQ(pointer.focus, second.surface.get());
  EXPECT_EQ(pointer.taken_log(), (Log{"leave", "enter 1.00 2.00", "frame"}));
}

TEST_F(PointerTest, OldClientsHearNoFramesAndNoDetailsOfScrolling) {
  LoopbackClient old{server, {.seat = 4}};
  ClientToplevel old_window{old};
  old_window.map(10, 10);
  ClientPointer old_pointer{old};
  old.roundtrip();
  move(&server.last_window().surface(), 1, 2);
  server.seat().pointer().scroll(
      {.source = Pointer::Scroll::Source::Wheel, .vertical = {{.value = 10, .value120 = 120}}}, 0);
  server.seat().pointer().scroll(
      {.source = Pointer::Scroll::Source::Finger, .vertical = {{.stop = true}}}, 0);
  old.roundtrip();
  EXPECT_EQ(old_pointer.taken_log(), (Log{"enter 1.00 2.00", "axis 0 10.0"}));
}

TEST_F(PointerTest, ScrollingIsOneFrame) {
  move(under, 1, 1);
  pointer.taken_log();
  server.seat().pointer().scroll({.source = Pointer::Scroll::Source::Wheel,
                                  .vertical = {{.value = 10, .value120 = 120}},
                                  .horizontal = {{.value = -5, .value120 = -60}}},
                                 0);
  client.roundtrip();
  EXPECT_EQ(pointer.taken_log(), (Log{"source 0", "value120 120", "axis 0 10.0", "value120 -60",
                                      "axis 1 -5.0", "frame"}));
}

TEST_F(PointerTest, VersionFiveHearsClicksOfTheWheel) {
  LoopbackClient five{server, {.seat = 5}};
  ClientToplevel five_window{five};
  five_window.map(10, 10);
  ClientPointer five_pointer{five};
  five.roundtrip();
  move(&server.last_window().surface(), 1, 2);
  five.roundtrip();
  five_pointer.taken_log();
  server.seat().pointer().scroll({.source = Pointer::Scroll::Source::WheelTilt,
                                  .horizontal = {{.value = 20, .value120 = 240}}},
                                 0);
  server.seat().pointer().scroll(
      {.source = Pointer::Scroll::Source::Finger, .vertical = {{.stop = true}}}, 0);
  five.roundtrip();
  EXPECT_EQ(five_pointer.taken_log(),
            (Log{"discrete 2", "axis 1 20.0", "frame", "source 1", "stop 0", "frame"}));
}

TEST_F(PointerTest, WhileAButtonIsDownNobodyElseIsEntered) {
  ClientToplevel second{client};
  second.map(10, 10);
  Surface& other = server.last_window().surface();
  move(under, 10, 10);
  press(BTN_LEFT, true);
  pointer.taken_log();
  move(&other, 1, 1);
  EXPECT_EQ(pointer.taken_log(), Log{});
  server.seat().pointer().grabbed_motion(-500, 200, 0);
  client.roundtrip();
  EXPECT_EQ(pointer.taken_log(), (Log{"motion -500 200.", "frame"}));
  press(BTN_RIGHT, true);
  press(BTN_LEFT, false);
  EXPECT_EQ(pointer.focus, window.surface.get());
  press(BTN_RIGHT, false);
  EXPECT_EQ(pointer.taken_log(), (Log{"press 273", "frame", "release 272", "frame", "release 273",
                                      "frame", "leave", "enter 1.00 1.00", "frame"}));
}

TEST_F(PointerTest, AnImplicitGrabIsKnownByItsSerial) {
  Pointer& ours = server.seat().pointer();
  move(under, 10, 10);
  EXPECT_FALSE(ours.grabbed());
  press(BTN_LEFT, true);
  const std::uint32_t serial = pointer.button_serial;
  EXPECT_EQ(ours.grabbed_with(serial), under);
  EXPECT_EQ(ours.grabbed_with(serial - 1), nullptr);
  press(BTN_RIGHT, true);
  EXPECT_EQ(ours.grabbed_with(serial), under);
  press(BTN_LEFT, false);
  press(BTN_RIGHT, false);
  EXPECT_EQ(ours.grabbed_with(serial), nullptr);
}

TEST_F(PointerTest, ASurfaceThatGoesWhileGrabbedIsForgotten) {
  move(under, 10, 10);
  press(BTN_LEFT, true);
  wl_surface_destroy(window.surface.release());
  client.roundtrip();
  EXPECT_EQ(server.seat().pointer().focus(), nullptr);
  press(BTN_LEFT, false);
  EXPECT_FALSE(server.seat().pointer().grabbed());
  EXPECT_TRUE(client.alive());
}

TEST_F(PointerTest, TheFocusSetsTheCursor) {
  move(under, 10, 10);
  const Cursor& cursor = server.seat().pointer().cursor();
  const Proxy<wl_surface> image{wl_compositor_create_surface(client.compositor)};
  wl_pointer_set_cursor(pointer.proxy.get(), pointer.enter_serial, image.get(), 3, 4);
  client.roundtrip();
  ASSERT_NE(cursor.surface(), nullptr);
  EXPECT_EQ(cursor.hotspot(), (Point{3, 4}));
  const Proxy<wl_buffer> buffer{client.make_buffer(8, 8)};
  wl_surface_attach(image.get(), buffer.get(), 0, 0);
  wl_surface_offset(image.get(), 1, -2);
  wl_surface_commit(image.get());
  client.roundtrip();
  EXPECT_EQ(cursor.hotspot(), (Point{2, 6}));
  wl_pointer_set_cursor(pointer.proxy.get(), pointer.enter_serial, image.get(), 5, 5);
  client.roundtrip();
  EXPECT_EQ(cursor.hotspot(), (Point{5, 5}));
  wl_pointer_set_cursor(pointer.proxy.get(), pointer.enter_serial, nullptr, 0, 0);
  client.roundtrip();
  EXPECT_EQ(cursor.surface(), nullptr);
  EXPECT_TRUE(cursor.hidden());
  move(nullptr, 0, 0);
  EXPECT_FALSE(cursor.hidden());
}

TEST_F(PointerTest, OneSurfaceAfterTheOtherIsTheCursor) {
  move(under, 10, 10);
  const Proxy<wl_surface> first{wl_compositor_create_surface(client.compositor)};
  Proxy<wl_surface> second{wl_compositor_create_surface(client.compositor)};
  for (wl_surface* image : {first.get(), second.get(), first.get(), second.get()})
    wl_pointer_set_cursor(pointer.proxy.get(), pointer.enter_serial, image, 0, 0);
  client.roundtrip();
  EXPECT_TRUE(client.alive());
  EXPECT_NE(server.seat().pointer().cursor().surface(), nullptr);
  wl_surface_destroy(second.release());
  client.roundtrip();
  EXPECT_EQ(server.seat().pointer().cursor().surface(), nullptr);
}

TEST_F(PointerTest, AnOldSerialSetsNoCursor) {
  move(under, 10, 10);
  const std::uint32_t old = pointer.enter_serial;
  move(nullptr, 0, 0);
  const Proxy<wl_surface> image{wl_compositor_create_surface(client.compositor)};
  wl_pointer_set_cursor(pointer.proxy.get(), old, image.get(), 0, 0);
  move(under, 10, 10);
  wl_pointer_set_cursor(pointer.proxy.get(), old, image.get(), 0, 0);
  client.roundtrip();
  EXPECT_EQ(server.seat().pointer().cursor().surface(), nullptr);
  EXPECT_TRUE(client.alive());
}

TEST_F(PointerTest, AWindowAsCursorIsAnError) {
  move(under, 10, 10);
  wl_pointer_set_cursor(pointer.proxy.get(), pointer.enter_serial, window.surface.get(), 0, 0);
  client.roundtrip();
  EXPECT_EQ(client.error(), (ReceivedError{"wl_pointer", WL_POINTER_ERROR_ROLE}));
}

TEST_F(PointerTest, ACursorAsWindowIsAnError) {
  move(under, 10, 10);
  const Proxy<wl_surface> image{wl_compositor_create_surface(client.compositor)};
  wl_pointer_set_cursor(pointer.proxy.get(), pointer.enter_serial, image.get(), 0, 0);
  const Proxy<xdg_surface> xdg{xdg_wm_base_get_xdg_surface(client.wm_base, image.get())};
  client.roundtrip();
  EXPECT_EQ(client.error(), (ReceivedError{"xdg_wm_base", XDG_WM_BASE_ERROR_ROLE}));
}

TEST_F(PointerTest, FarAwayIsNoOverflow) {
  move(under, 1e12, -1e12);
  EXPECT_EQ(pointer.taken_log().size(), 2U);
  EXPECT_TRUE(client.alive());
}

}  // namespace
}  // namespace demo
