#include "compositor-demo/protocol/xdg_wm_base.hpp"

#include <gtest/gtest.h>

#include "loopback.hpp"
#include "xdg_client.hpp"

namespace demo {
namespace {

class XdgWmBaseTest : public testing::Test {
 protected:
  void expect_error(std::uint32_t code) {
    client.roundtrip();
    EXPECT_EQ(client.error(), (ReceivedError{"xdg_wm_base", code}));
  }

  LoopbackServer server;
  LoopbackClient client{server};
};

TEST_F(XdgWmBaseTest, DestroyedBeforeItsSurfacesIsAnError) {
  const ClientXdgSurface surface{client};
  request_destroy(client.wm_base);
  expect_error(XDG_WM_BASE_ERROR_DEFUNCT_SURFACES);
}

TEST_F(XdgWmBaseTest, DestroyedAfterItsSurfacesIsFine) {
  {
    ClientToplevel window{client};
    window.map(10, 10);
    xdg_toplevel_destroy(window.toplevel.release());
    xdg_surface_destroy(window.xdg.release());
  }
  xdg_wm_base_destroy(client.wm_base);
  client.wm_base = nullptr;
  client.roundtrip();
  EXPECT_TRUE(client.alive());
}

TEST_F(XdgWmBaseTest, ASurfaceWithAnotherRoleIsAnError) {
  const Proxy<wl_surface> parent{wl_compositor_create_surface(client.compositor)};
  const Proxy<wl_surface> surface{wl_compositor_create_surface(client.compositor)};
  const Proxy<wl_subsurface> role{
      wl_subcompositor_get_subsurface(client.subcompositor, surface.get(), parent.get())};
  const Proxy<xdg_surface> xdg{xdg_wm_base_get_xdg_surface(client.wm_base, surface.get())};
  expect_error(XDG_WM_BASE_ERROR_ROLE);
}

TEST_F(XdgWmBaseTest, ASurfaceThatHadAnotherRoleIsAnError) {
  const Proxy<wl_surface> parent{wl_compositor_create_surface(client.compositor)};
  const Proxy<wl_surface> surface{wl_compositor_create_surface(client.compositor)};
  wl_subsurface_destroy(
      wl_subcompositor_get_subsurface(client.subcompositor, surface.get(), parent.get()));
  const Proxy<xdg_surface> xdg{xdg_wm_base_get_xdg_surface(client.wm_base, surface.get())};
  expect_error(XDG_WM_BASE_ERROR_ROLE);
}

TEST_F(XdgWmBaseTest, ASecondXdgSurfaceOfASurfaceIsAnError) {
  const ClientXdgSurface surface{client};
  const Proxy<xdg_surface> second{
      xdg_wm_base_get_xdg_surface(client.wm_base, surface.surface.get())};
  expect_error(XDG_WM_BASE_ERROR_ROLE);
}

TEST_F(XdgWmBaseTest, ASurfaceWithAnAttachedBufferIsAnError) {
  const Proxy<wl_surface> surface{wl_compositor_create_surface(client.compositor)};
  const Proxy<wl_buffer> buffer{client.make_buffer(10, 10)};
  wl_surface_attach(surface.get(), buffer.get(), 0, 0);
  const Proxy<xdg_surface> xdg{xdg_wm_base_get_xdg_surface(client.wm_base, surface.get())};
  expect_error(XDG_WM_BASE_ERROR_INVALID_SURFACE_STATE);
}

TEST_F(XdgWmBaseTest, ASurfaceWithACommittedBufferIsAnError) {
  const Proxy<wl_surface> surface{wl_compositor_create_surface(client.compositor)};
  const Proxy<wl_buffer> buffer{client.make_buffer(10, 10)};
  wl_surface_attach(surface.get(), buffer.get(), 0, 0);
  wl_surface_commit(surface.get());
  const Proxy<xdg_surface> xdg{xdg_wm_base_get_xdg_surface(client.wm_base, surface.get())};
  expect_error(XDG_WM_BASE_ERROR_INVALID_SURFACE_STATE);
}

TEST_F(XdgWmBaseTest, UnknownPongsAreIgnored) {
  xdg_wm_base_pong(client.wm_base, 12345);
  client.roundtrip();
  EXPECT_TRUE(client.alive());
}

TEST_F(XdgWmBaseTest, ManyObjectsAreTheEndOfThatClientAlone) {
  LoopbackClient other{server};
  std::vector<Proxy<xdg_positioner>> hoard;
  while (client.alive() && hoard.size() < 100000) {
    for (int i = 0; i < 1000; ++i)
      hoard.emplace_back(xdg_wm_base_create_positioner(client.wm_base));
    client.roundtrip();
  }
  EXPECT_FALSE(client.alive());
  other.roundtrip();
  EXPECT_TRUE(other.alive());
}

}  // namespace
}  // namespace demo
