#include "compositor-demo/protocol/xdg_surface.hpp"

#include <gtest/gtest.h>

#include "compositor-demo/protocol/windows.hpp"
#include "loopback.hpp"
#include "xdg_client.hpp"

namespace demo {
namespace {

class XdgSurfaceTest : public testing::Test {
 protected:
  // The server disconnected the client for this, and another one does not notice.
  void expect_error(const char* interface, std::uint32_t code) {
    client.roundtrip();
    EXPECT_EQ(client.error().interface, interface);
    EXPECT_EQ(client.error().code, code);
    other.roundtrip();
    EXPECT_TRUE(other.alive());
  }

  LoopbackServer server;
  LoopbackClient client{server};
  LoopbackClient other{server};
};

TEST_F(XdgSurfaceTest, IsConfiguredByTheInitialCommitAndMappedByTheFirstBuffer) {
  ClientToplevel window{client};
  client.roundtrip();
  EXPECT_TRUE(window.serials.empty());
  window.commit();
  client.roundtrip();
  ASSERT_EQ(window.serials.size(), 1U);
  ASSERT_EQ(window.configures.size(), 1U);
  EXPECT_EQ(window.configures[0].size, (Size{0, 0}));
  EXPECT_TRUE(server.host.mapped.empty());

  window.ack();
  window.commit();
  client.roundtrip();
  EXPECT_TRUE(server.host.mapped.empty()) << "there is no buffer yet";
  window.attach(100, 50);
  window.commit();
  client.roundtrip();
  ASSERT_EQ(server.host.mapped.size(), 1U);
  EXPECT_EQ(server.last_window().geometry(), (Rect{0, 0, 100, 50}));
}

TEST_F(XdgSurfaceTest, ABufferAfterTheConfigureWasSentNeedsNoAck) {
  ClientToplevel window{client};
  window.commit();
  window.attach(10, 10);
  window.commit();
  client.roundtrip();
  EXPECT_TRUE(client.alive());
  EXPECT_EQ(server.host.mapped.size(), 1U);
}

TEST_F(XdgSurfaceTest, ABufferMayComeWithTheFirstCommit) {
  ClientToplevel window{client};
  window.attach(10, 10);
  window.commit();
  client.roundtrip();
  ASSERT_TRUE(client.alive());
  EXPECT_EQ(window.serials.size(), 1U);
  EXPECT_EQ(server.host.mapped.size(), 1U);
}

TEST_F(XdgSurfaceTest, ABufferBeforeTheRoleIsAnError) {
  ClientXdgSurface window{client};
  window.attach(10, 10);
  expect_error("xdg_surface", XDG_SURFACE_ERROR_UNCONFIGURED_BUFFER);
}

TEST_F(XdgSurfaceTest, TheFirstCommitAfterUnmappingIsConfiguredAgain) {
  ClientToplevel window{client};
  window.map(10, 10);
  window.attach_nothing();
  window.commit();
  client.roundtrip();
  ASSERT_TRUE(client.alive());
  EXPECT_TRUE(server.host.mapped.empty());
  ASSERT_EQ(window.serials.size(), 1U);
  window.attach(10, 10);
  window.commit();
  client.roundtrip();
  ASSERT_TRUE(client.alive());
  EXPECT_EQ(window.serials.size(), 2U);
  EXPECT_EQ(server.host.mapped.size(), 1U);
}

TEST_F(XdgSurfaceTest, CanBeMappedAgainAsAnotherWindow) {
  ClientToplevel window{client};
  window.map(10, 10);
  ASSERT_EQ(server.host.mapped.size(), 1U);
  const WindowId first = server.host.mapped[0];
  window.attach_nothing();
  window.commit();
  window.map(20, 20);
  ASSERT_EQ(server.host.mapped.size(), 1U);
  EXPECT_NE(server.host.mapped[0], first);
  EXPECT_EQ(window.serials.size(), 2U);
}

TEST_F(XdgSurfaceTest, ASecondRoleIsAnError) {
  ClientToplevel window{client};
  const Proxy<xdg_toplevel> second{xdg_surface_get_toplevel(window.xdg.get())};
  expect_error("xdg_surface", XDG_SURFACE_ERROR_ALREADY_CONSTRUCTED);
}

TEST_F(XdgSurfaceTest, APopupOfAWindowIsNoSecondRole) {
  ClientToplevel parent{client};
  ClientToplevel window{client};
  const ClientPositioner positioner{client, {10, 10}, {0, 0, 1, 1}};
  const Proxy<xdg_popup> second{
      xdg_surface_get_popup(window.xdg.get(), parent.xdg.get(), positioner.positioner.get())};
  expect_error("xdg_surface", XDG_SURFACE_ERROR_ALREADY_CONSTRUCTED);
}

TEST_F(XdgSurfaceTest, AWindowCannotBecomeAPopup) {
  ClientToplevel parent{client};
  ClientToplevel window{client};
  const ClientPositioner positioner{client, {10, 10}, {0, 0, 1, 1}};
  xdg_toplevel_destroy(window.toplevel.release());
  const Proxy<xdg_popup> popup{
      xdg_surface_get_popup(window.xdg.get(), parent.xdg.get(), positioner.positioner.get())};
  expect_error("xdg_wm_base", XDG_WM_BASE_ERROR_ROLE);
}

TEST_F(XdgSurfaceTest, AWindowMayBecomeAWindowAgain) {
  ClientToplevel window{client};
  window.map(10, 10);
  xdg_toplevel_destroy(window.toplevel.release());
  xdg_surface_destroy(window.xdg.release());
  client.roundtrip();
  EXPECT_TRUE(server.host.mapped.empty());
  const Proxy<xdg_surface> xdg{xdg_wm_base_get_xdg_surface(client.wm_base, window.surface.get())};
  const Proxy<xdg_toplevel> toplevel{xdg_surface_get_toplevel(xdg.get())};
  window.commit();
  window.attach(10, 10);
  window.commit();
  client.roundtrip();
  EXPECT_TRUE(client.alive()) << client.error().interface << ' ' << client.error().code;
  EXPECT_EQ(server.host.mapped.size(), 1U);
}

TEST_F(XdgSurfaceTest, RequestsBeforeTheRoleAreErrors) {
  {
    ClientXdgSurface window{client};
    xdg_surface_set_window_geometry(window.xdg.get(), 0, 0, 10, 10);
    expect_error("xdg_surface", XDG_SURFACE_ERROR_NOT_CONSTRUCTED);
  }
  ClientXdgSurface window{other};
  xdg_surface_ack_configure(window.xdg.get(), 1);
  other.roundtrip();
  EXPECT_EQ(other.error(), (ReceivedError{"xdg_surface", XDG_SURFACE_ERROR_NOT_CONSTRUCTED}));
}

TEST_F(XdgSurfaceTest, AnInventedSerialIsAnError) {
  ClientToplevel window{client};
  window.commit();
  client.roundtrip();
  xdg_surface_ack_configure(window.xdg.get(), window.serials.back() + 1);
  expect_error("xdg_surface", XDG_SURFACE_ERROR_INVALID_SERIAL);
}

TEST_F(XdgSurfaceTest, ASerialIsAcknowledgedOnce) {
  ClientToplevel window{client};
  window.commit();
  client.roundtrip();
  window.ack();
  client.roundtrip();
  EXPECT_TRUE(client.alive());
  window.ack();
  expect_error("xdg_surface", XDG_SURFACE_ERROR_INVALID_SERIAL);
}

TEST_F(XdgSurfaceTest, AnAckConsumesTheEarlierSerials) {
  ClientToplevel window{client};
  window.map(10, 10);
  server.last_window().configure({20, 20});
  server.last_window().configure({30, 30});
  client.roundtrip();
  ASSERT_EQ(window.serials.size(), 3U);
  xdg_surface_ack_configure(window.xdg.get(), window.serials[2]);
  client.roundtrip();
  EXPECT_TRUE(client.alive());
  xdg_surface_ack_configure(window.xdg.get(), window.serials[1]);
  expect_error("xdg_surface", XDG_SURFACE_ERROR_INVALID_SERIAL);
}

TEST_F(XdgSurfaceTest, OlderSerialsMayBeAcknowledgedInOrder) {
  ClientToplevel window{client};
  window.map(10, 10);
  server.last_window().configure({20, 20});
  server.last_window().configure({30, 30});
  client.roundtrip();
  xdg_surface_ack_configure(window.xdg.get(), window.serials[1]);
  xdg_surface_ack_configure(window.xdg.get(), window.serials[2]);
  client.roundtrip();
  EXPECT_TRUE(client.alive());
}

TEST_F(XdgSurfaceTest, AConfigureMayBeAcknowledgedAfterUnmapping) {
  ClientToplevel window{client};
  window.map(10, 10);
  server.last_window().configure({20, 20});
  window.attach_nothing();
  window.commit();
  client.roundtrip();
  ASSERT_EQ(window.serials.size(), 2U);
  window.ack();  // the client could not know
  client.roundtrip();
  EXPECT_TRUE(client.alive());
}

TEST_F(XdgSurfaceTest, AnEmptyWindowGeometryIsAnError) {
  ClientToplevel window{client};
  xdg_surface_set_window_geometry(window.xdg.get(), 0, 0, 0, 10);
  expect_error("xdg_surface", XDG_SURFACE_ERROR_INVALID_SIZE);
}

TEST_F(XdgSurfaceTest, ANegativeWindowGeometryIsAnError) {
  ClientToplevel window{client};
  xdg_surface_set_window_geometry(window.xdg.get(), 0, 0, 10, -1);
  expect_error("xdg_surface", XDG_SURFACE_ERROR_INVALID_SIZE);
}

TEST_F(XdgSurfaceTest, TheWindowGeometryTakesEffectWithTheCommitAndIsCutToTheContent) {
  ClientToplevel window{client};
  window.map(100, 100);
  xdg_surface_set_window_geometry(window.xdg.get(), 10, 20, 50, 2147483647);
  client.roundtrip();
  EXPECT_EQ(server.last_window().geometry(), (Rect{0, 0, 100, 100}));
  const int commits = server.host.commits;
  window.commit();
  client.roundtrip();
  EXPECT_EQ(server.last_window().geometry(), (Rect{10, 20, 50, 80}));
  EXPECT_GT(server.host.commits, commits) << "it has to be drawn somewhere else now";
}

TEST_F(XdgSurfaceTest, WithoutAWindowGeometrySubsurfacesCount) {
  ClientToplevel window{client};
  const Proxy<wl_surface> above{wl_compositor_create_surface(client.compositor)};
  const Proxy<wl_subsurface> subsurface{
      wl_subcompositor_get_subsurface(client.subcompositor, above.get(), window.surface.get())};
  wl_subsurface_set_position(subsurface.get(), -5, 90);
  const Proxy<wl_buffer> buffer{client.make_buffer(20, 20)};
  wl_surface_attach(above.get(), buffer.get(), 0, 0);
  wl_surface_commit(above.get());
  window.map(100, 100);
  EXPECT_EQ(server.last_window().geometry(), (Rect{-5, 0, 105, 110}));
}

TEST_F(XdgSurfaceTest, DestroyedBeforeItsWindowIsAnError) {
  ClientToplevel window{client};
  request_destroy(window.xdg.get());
  expect_error("xdg_surface", XDG_SURFACE_ERROR_DEFUNCT_ROLE_OBJECT);
}

TEST_F(XdgSurfaceTest, DestroyedAfterItsWindowIsFine) {
  ClientToplevel window{client};
  window.map(10, 10);
  xdg_toplevel_destroy(window.toplevel.release());
  xdg_surface_destroy(window.xdg.release());
  wl_surface_destroy(window.surface.release());
  client.roundtrip();
  EXPECT_TRUE(client.alive());
  EXPECT_TRUE(server.host.mapped.empty());
}

TEST_F(XdgSurfaceTest, WithoutItsSurfaceItIsInertAndTheWindowGone) {
  ClientToplevel window{client};
  window.map(10, 10);
  wl_surface_destroy(window.surface.release());
  xdg_toplevel_set_title(window.toplevel.get(), "gone");
  xdg_toplevel_set_maximized(window.toplevel.get());
  xdg_surface_set_window_geometry(window.xdg.get(), 0, 0, 1, 1);
  xdg_toplevel_destroy(window.toplevel.release());
  const Proxy<xdg_toplevel> again{xdg_surface_get_toplevel(window.xdg.get())};
  xdg_toplevel_set_title(again.get(), "not there");
  client.roundtrip();
  EXPECT_TRUE(client.alive());
  EXPECT_TRUE(server.host.mapped.empty());
}

TEST_F(XdgSurfaceTest, AClientThatDiesTakesItsWindowsAlong) {
  {
    LoopbackClient mortal{server};
    ClientToplevel window{mortal};
    window.map(10, 10);
    const ClientPositioner positioner{mortal, {10, 10}, {0, 0, 1, 1}};
    ClientPopup popup{mortal, &window, positioner};
    popup.map(10, 10);
    ClientPopup above{mortal, &popup, positioner};
    above.map(10, 10);
    ASSERT_EQ(server.host.mapped.size(), 1U);
  }
  EXPECT_TRUE(server.host.mapped.empty());
  other.roundtrip();
  EXPECT_TRUE(other.alive());
}

}  // namespace
}  // namespace demo
