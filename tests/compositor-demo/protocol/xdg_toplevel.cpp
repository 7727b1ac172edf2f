#include "compositor-demo/protocol/xdg_toplevel.hpp"

#include <string>

#include <gtest/gtest.h>

#include "compositor-demo/protocol/output_global.hpp"
#include "compositor-demo/protocol/seat.hpp"
#include "compositor-demo/protocol/windows.hpp"
#include "compositor-demo/protocol/xdg_shell.hpp"
#include "loopback.hpp"
#include "xdg_client.hpp"

namespace demo {
namespace {

class XdgToplevelTest : public testing::Test {
 protected:
  void expect_error(std::uint32_t code) {
    client.roundtrip();
    EXPECT_EQ(client.error(), (ReceivedError{"xdg_toplevel", code}));
  }
  // Ours of the server that plays a client's mapped window.
  XdgToplevel& server_side() { return dynamic_cast<XdgToplevel&>(server.last_window()); }

  LoopbackServer server;
  LoopbackClient client{server};
};

TEST_F(XdgToplevelTest, TitleAndAppIdAreKnownUntilItIsUnmapped) {
  ClientToplevel window{client};
  xdg_toplevel_set_title(window.toplevel.get(), "a title");
  xdg_toplevel_set_app_id(window.toplevel.get(), "org.example.App");
  window.map(10, 10);
  EXPECT_EQ(server_side().title(), "a title");
  EXPECT_EQ(server_side().app_id(), "org.example.App");
  window.attach_nothing();
  window.commit();
  window.map(10, 10);
  EXPECT_EQ(server_side().title(), "");
}

TEST_F(XdgToplevelTest, ALongTitleIsCutBetweenCharacters) {
  ClientToplevel window{client};
  std::string title = "x";
  while (title.size() < 2000)
    title += "ä";
  xdg_toplevel_set_title(window.toplevel.get(), title.c_str());
  window.map(10, 10);
  EXPECT_EQ(server_side().title(), title.substr(0, 1023));
}

TEST_F(XdgToplevelTest, IsConfiguredWithSizeAndActivatedState) {
  ClientToplevel window{client};
  window.map(10, 10);
  server.last_window().set_activated(true);
  client.roundtrip();
  ASSERT_EQ(window.configures.size(), 2U);
  EXPECT_EQ(window.configures[1].states, std::vector<std::uint32_t>{XDG_TOPLEVEL_STATE_ACTIVATED});
  server.last_window().configure({300, 200});
  client.roundtrip();
  ASSERT_EQ(window.configures.size(), 3U);
  EXPECT_EQ(window.configures[2].size, (Size{300, 200}));
  EXPECT_EQ(window.configures[2].states.size(), 1U);
  server.last_window().set_activated(false);
  client.roundtrip();
  ASSERT_EQ(window.configures.size(), 4U);
  EXPECT_TRUE(window.configures[3].states.empty());
  EXPECT_EQ(window.configures.size(), window.serials.size());
}

TEST_F(XdgToplevelTest, WhatIsTheSameIsNotConfiguredAgain) {
  ClientToplevel window{client};
  window.map(10, 10);
  server.last_window().configure({300, 200});
  server.last_window().configure({300, 200});
  server.last_window().set_activated(false);
  client.roundtrip();
  EXPECT_EQ(window.configures.size(), 2U);
}

TEST_F(XdgToplevelTest, IsAskedToClose) {
  ClientToplevel window{client};
  window.map(10, 10);
  server.last_window().close();
  client.roundtrip();
  EXPECT_EQ(window.closes, 1);
  EXPECT_EQ(server.host.mapped.size(), 1U) << "whether it goes is the client's decision";
}

TEST_F(XdgToplevelTest, TheOwnerIsAskedForStates) {
  OutputInfo one;
  one.name = "ONE";
  one.mode = {100, 100};
  server.outputs().add(one);
  client.roundtrip();
  auto* const output = static_cast<wl_output*>(client.bind(wl_output_interface));
  ClientToplevel window{client};
  window.map(10, 10);
  xdg_toplevel_set_maximized(window.toplevel.get());
  client.roundtrip();
  server.last_window().set_state(WindowState::Maximized, {100, 100});
  xdg_toplevel_set_fullscreen(window.toplevel.get(), output);
  client.roundtrip();
  server.last_window().set_state(WindowState::Fullscreen, {100, 100});
  xdg_toplevel_unset_fullscreen(window.toplevel.get());
  xdg_toplevel_unset_maximized(window.toplevel.get());
  xdg_toplevel_set_minimized(window.toplevel.get());
  client.roundtrip();
  std::vector<std::pair<WindowState, std::string>> wanted;
  for (const auto& [id, state, name] : server.host.wanted)
    wanted.emplace_back(state, name);
  using enum WindowState;
  EXPECT_EQ(wanted, (decltype(wanted){
                        {Maximized, ""}, {Fullscreen, "ONE"}, {Maximized, ""}, {Fullscreen, ""}}))
      << "while the answer is fullscreen, a maximized window stays so";
  wl_output_destroy(output);
}

TEST_F(XdgToplevelTest, EveryAnswerIsConfiguredAndTakesEffectWhenItIsAcknowledged) {
  ClientToplevel window{client};
  window.map(10, 10);
  Window& shown = server.last_window();
  for (const WindowState state :
       {WindowState::Maximized, WindowState::Maximized, WindowState::Fullscreen}) {
    shown.set_state(state, {300, 200});
    client.roundtrip();
  }
  ASSERT_EQ(window.configures.size(), 4U);
  EXPECT_EQ(window.configures[1].states, std::vector<std::uint32_t>{XDG_TOPLEVEL_STATE_MAXIMIZED});
  EXPECT_EQ(window.configures[1].size, (Size{300, 200}));
  EXPECT_EQ(window.configures[3].states, std::vector<std::uint32_t>{XDG_TOPLEVEL_STATE_FULLSCREEN});
  EXPECT_EQ(shown.state(), WindowState::Floating);
  xdg_surface_ack_configure(window.xdg.get(), window.serials[1]);
  client.roundtrip();
  EXPECT_EQ(shown.state(), WindowState::Floating) << "not committed";
  window.commit();
  client.roundtrip();
  EXPECT_EQ(shown.state(), WindowState::Maximized);
  window.ack();
  window.commit();
  client.roundtrip();
  EXPECT_EQ(shown.state(), WindowState::Fullscreen);
  EXPECT_EQ(server.host.changed.size(), 2U);
}

TEST_F(XdgToplevelTest, IsToldThatItIsResized) {
  ClientToplevel window{client};
  window.map(10, 10);
  server.last_window().configure_resizing({30, 20}, true);
  client.roundtrip();
  ASSERT_EQ(window.configures.size(), 2U);
  EXPECT_EQ(window.configures[1].states, std::vector<std::uint32_t>{XDG_TOPLEVEL_STATE_RESIZING});
  EXPECT_EQ(window.configures[1].size, (Size{30, 20}));
  window.ack();
  window.commit();
  client.roundtrip();
  EXPECT_TRUE(server.last_window().resizing());
}

// A button that is down on the window, and a finger.
TEST_F(XdgToplevelTest, IsDraggedByWhatIsHeldDownOnIt) {
  server.seat().set_has_touch(true);
  client.roundtrip();
  const Proxy<wl_pointer> pointer{wl_seat_get_pointer(client.seat)};
  const Proxy<wl_touch> touch{wl_seat_get_touch(client.seat)};
  ClientToplevel window{client};
  window.map(10, 10);
  ClientToplevel other{client};
  other.map(10, 10);
  Surface& surface = server.windows().find(server.host.mapped[0])->surface();
  server.seat().pointer().motion(Surface::Hit{&surface, 5, 5}, 0);
  server.seat().pointer().button(0x110, true, 0);
  const std::uint32_t pressed = server.seat().serials().latest();
  server.seat().touch().down(7, Surface::Hit{&surface, 5, 5}, 5, 5, 0);
  const std::uint32_t put_down = server.seat().serials().latest();

  xdg_toplevel_move(window.toplevel.get(), client.seat, pressed + 100);
  xdg_toplevel_move(other.toplevel.get(), client.seat, pressed);
  client.roundtrip();
  EXPECT_TRUE(server.host.grabs.empty());
  xdg_toplevel_move(window.toplevel.get(), client.seat, pressed);
  xdg_toplevel_resize(window.toplevel.get(), client.seat, put_down,
                      XDG_TOPLEVEL_RESIZE_EDGE_BOTTOM_RIGHT);
  client.roundtrip();
  ASSERT_EQ(server.host.grabs.size(), 2U);
  EXPECT_EQ(server.host.grabs[0].first, server.host.mapped[0]);
  EXPECT_EQ(server.host.grabs[0].second.edges, 0U);
  EXPECT_FALSE(server.host.grabs[0].second.touch);
  EXPECT_EQ(server.host.grabs[1].second.edges, WindowGrab::Bottom | WindowGrab::Right);
  EXPECT_EQ(server.host.grabs[1].second.touch, 7);
}

TEST_F(XdgToplevelTest, SubsurfacesThatReachFurtherAreToldAsFarAsTheClientHasNotSaidSo) {
  ClientToplevel window{client};
  window.map(100, 100);
  const Proxy<wl_surface> child{wl_compositor_create_surface(client.compositor)};
  const Proxy<wl_subsurface> role{
      wl_subcompositor_get_subsurface(client.subcompositor, child.get(), window.surface.get())};
  wl_subsurface_set_position(role.get(), -10, -20);
  const Proxy<wl_buffer> buffer{client.make_buffer(30, 30)};
  wl_surface_attach(child.get(), buffer.get(), 0, 0);
  wl_surface_commit(child.get());
  window.commit();
  client.roundtrip();
  EXPECT_EQ(server.host.grown, (Point{-10, -20}));
  xdg_surface_set_window_geometry(window.xdg.get(), 0, 0, 100, 100);
  wl_subsurface_set_position(role.get(), -15, -20);
  window.commit();
  client.roundtrip();
  EXPECT_EQ(server.host.grown, (Point{-10, -20}));
}

TEST_F(XdgToplevelTest, AStateRequestedBeforeTheInitialCommitIsAnsweredByIt) {
  ClientToplevel window{client};
  xdg_toplevel_set_maximized(window.toplevel.get());
  client.roundtrip();
  EXPECT_TRUE(window.configures.empty());
  window.commit();
  client.roundtrip();
  EXPECT_EQ(window.configures.size(), 1U);
}

TEST_F(XdgToplevelTest, BoundsAndCapabilitiesGoToVersionsThatKnowThem) {
  server.shell().add_output({0, 0, 1280, 720});
  for (const std::uint32_t version : {1U, 3U, 4U, 5U}) {
    LoopbackClient some{server, {.xdg_wm_base = version}};
    ClientToplevel window{some};
    window.map(10, 10);
    server.last_window().configure({20, 20});
    some.roundtrip();
    EXPECT_EQ(window.configures.size(), 2U);
    const auto times = [&](std::uint32_t since) { return version >= since ? 1U : 0U; };
    EXPECT_EQ(window.bounds.size(), times(4)) << version;
    if (!window.bounds.empty()) {
      EXPECT_EQ(window.bounds[0], (Size{1280, 720}));
    }
    EXPECT_EQ(window.capabilities.size(), times(5)) << version;
    if (!window.capabilities.empty()) {
      EXPECT_EQ(window.capabilities[0],
                (std::vector<std::uint32_t>{XDG_TOPLEVEL_WM_CAPABILITIES_MAXIMIZE,
                                            XDG_TOPLEVEL_WM_CAPABILITIES_FULLSCREEN}));
    }
  }
}

TEST_F(XdgToplevelTest, SizeLimitsTakeEffectWithTheCommit) {
  ClientToplevel window{client};
  window.map(10, 10);
  xdg_toplevel_set_min_size(window.toplevel.get(), 300, 200);
  xdg_toplevel_set_max_size(window.toplevel.get(), 400, 0);
  client.roundtrip();
  EXPECT_EQ(server_side().limits().min, Size{});
  window.commit();
  client.roundtrip();
  EXPECT_EQ(server_side().limits().min, (Size{300, 200}));
  EXPECT_EQ(server_side().limits().max, (Size{400, 0}));
}

TEST_F(XdgToplevelTest, LimitsMayCrossWhileTheyAreChanged) {
  ClientToplevel window{client};
  xdg_toplevel_set_max_size(window.toplevel.get(), 100, 100);
  window.map(10, 10);
  xdg_toplevel_set_min_size(window.toplevel.get(), 200, 200);
  xdg_toplevel_set_max_size(window.toplevel.get(), 300, 300);
  window.commit();
  client.roundtrip();
  EXPECT_TRUE(client.alive());
}

TEST_F(XdgToplevelTest, AMinimumAboveTheMaximumIsAnError) {
  ClientToplevel window{client};
  xdg_toplevel_set_min_size(window.toplevel.get(), 10, 200);
  xdg_toplevel_set_max_size(window.toplevel.get(), 100, 100);
  window.commit();
  expect_error(XDG_TOPLEVEL_ERROR_INVALID_SIZE);
}

TEST_F(XdgToplevelTest, ANegativeMinimumIsAnError) {
  ClientToplevel window{client};
  xdg_toplevel_set_min_size(window.toplevel.get(), -1, 0);
  expect_error(XDG_TOPLEVEL_ERROR_INVALID_SIZE);
}

TEST_F(XdgToplevelTest, ANegativeMaximumIsAnError) {
  ClientToplevel window{client};
  xdg_toplevel_set_max_size(window.toplevel.get(), 0, -2147483647 - 1);
  expect_error(XDG_TOPLEVEL_ERROR_INVALID_SIZE);
}

TEST_F(XdgToplevelTest, OnlyEdgesAndCornersCanBeResized) {
  ClientToplevel window{client};
  for (const std::uint32_t edges : {0U, 1U, 2U, 4U, 5U, 6U, 8U, 9U, 10U})
    xdg_toplevel_resize(window.toplevel.get(), client.seat, 0, edges);
  client.roundtrip();
  EXPECT_TRUE(client.alive());
  for (const std::uint32_t edges : {3U, 7U, 11U, 12U, 13U, 15U, 16U, 0x80000000U}) {
    LoopbackClient wrong{server};
    ClientToplevel another{wrong};
    xdg_toplevel_resize(another.toplevel.get(), wrong.seat, 0, edges);
    wrong.roundtrip();
    EXPECT_EQ(wrong.error(),
              (ReceivedError{"xdg_toplevel", XDG_TOPLEVEL_ERROR_INVALID_RESIZE_EDGE}));
  }
}

TEST_F(XdgToplevelTest, WhatIsNotDoneIsIgnored) {
  ClientToplevel window{client};
  window.map(10, 10);
  xdg_toplevel_show_window_menu(window.toplevel.get(), client.seat, 0, 5, 5);
  xdg_toplevel_move(window.toplevel.get(), client.seat, 0);
  client.roundtrip();
  EXPECT_TRUE(client.alive());
}

TEST_F(XdgToplevelTest, TheParentIsInheritedWhenOneInBetweenGoes) {
  ClientToplevel bottom{client};
  bottom.map(10, 10);
  XdgToplevel& bottom_window = server_side();
  ClientToplevel middle{client};
  middle.map(10, 10);
  XdgToplevel& middle_window = server_side();
  ClientToplevel top{client};
  top.map(10, 10);
  XdgToplevel& top_window = server_side();
  xdg_toplevel_set_parent(middle.toplevel.get(), bottom.toplevel.get());
  xdg_toplevel_set_parent(top.toplevel.get(), middle.toplevel.get());
  client.roundtrip();
  EXPECT_EQ(middle_window.parent(), &bottom_window);
  EXPECT_EQ(top_window.parent(), &middle_window);
  middle.attach_nothing();
  middle.commit();
  client.roundtrip();
  EXPECT_EQ(top_window.parent(), &bottom_window);
  xdg_toplevel_destroy(bottom.toplevel.release());
  client.roundtrip();
  EXPECT_EQ(top_window.parent(), nullptr);
}

TEST_F(XdgToplevelTest, AParentThatIsNotMappedIsNone) {
  ClientToplevel bottom{client};
  ClientToplevel top{client};
  top.map(10, 10);
  xdg_toplevel_set_parent(top.toplevel.get(), bottom.toplevel.get());
  client.roundtrip();
  EXPECT_EQ(server_side().parent(), nullptr);
}

TEST_F(XdgToplevelTest, AWindowAboveItselfIsAnError) {
  ClientToplevel window{client};
  window.map(10, 10);
  xdg_toplevel_set_parent(window.toplevel.get(), window.toplevel.get());
  expect_error(XDG_TOPLEVEL_ERROR_INVALID_PARENT);
}

TEST_F(XdgToplevelTest, AWindowAboveItsChildIsAnError) {
  ClientToplevel bottom{client};
  bottom.map(10, 10);
  ClientToplevel middle{client};
  middle.map(10, 10);
  ClientToplevel top{client};
  top.map(10, 10);
  xdg_toplevel_set_parent(middle.toplevel.get(), bottom.toplevel.get());
  xdg_toplevel_set_parent(top.toplevel.get(), middle.toplevel.get());
  client.roundtrip();
  ASSERT_TRUE(client.alive());
  xdg_toplevel_set_parent(bottom.toplevel.get(), top.toplevel.get());
  expect_error(XDG_TOPLEVEL_ERROR_INVALID_PARENT);
}

TEST_F(XdgToplevelTest, FrameCallbacksAreAnsweredWhenItWasShown) {
  ClientToplevel window{client};
  window.map(10, 10);
  server.last_window().frame_shown({.time = calloop::TimePoint{std::chrono::milliseconds{1}}});
  EXPECT_FALSE(server.last_window().frame_wanted());
  std::uint32_t time = 0;
  const wl_callback_listener listener{.done = [](void* data, wl_callback*, std::uint32_t when) {
    *static_cast<std::uint32_t*>(data) = when;
  }};
  const Proxy<wl_callback> callback{wl_surface_frame(window.surface.get())};
  wl_callback_add_listener(callback.get(), &listener, &time);
  window.commit();
  client.roundtrip();
  EXPECT_TRUE(server.last_window().frame_wanted());
  EXPECT_EQ(time, 0U);
  std::vector<Picture> pictures;
  server.last_window().append_pictures({}, pictures);
  server.last_window().frame_shown({.time = calloop::TimePoint{std::chrono::milliseconds{4711}}});
  client.roundtrip();
  EXPECT_EQ(time, 4711U);
}

}  // namespace
}  // namespace demo
