#include "compositor-demo/protocol/xdg_popup.hpp"

#include <algorithm>
#include <memory>

#include <gtest/gtest.h>

#include "compositor-demo/protocol/seat.hpp"
#include "compositor-demo/protocol/windows.hpp"
#include "compositor-demo/protocol/xdg_shell.hpp"
#include "loopback.hpp"
#include "xdg_client.hpp"

namespace demo {
namespace {

class XdgPopupTest : public testing::Test {
 protected:
  XdgPopupTest() { window.map(100, 100); }

  void expect_error(const char* interface, std::uint32_t code) {
    client.roundtrip();
    EXPECT_EQ(client.error(), (ReceivedError{interface, code}));
  }
  // Of an event that the client was just sent.
  std::uint32_t event_serial() {
    server.seat().set_keyboard_focus(nullptr);
    server.seat().set_keyboard_focus(&server.last_window().surface());
    return server.seat().serials().latest();
  }
  // Where the window and its popups are drawn if the window is at this place.
  std::vector<Rect> drawn(Point origin) {
    std::vector<Picture> pictures;
    server.last_window().moved_to(origin);
    server.last_window().append_pictures(origin, pictures);
    std::vector<Rect> areas;
    areas.reserve(pictures.size());
    for (const Picture& picture : pictures)
      areas.push_back(picture.area());
    return areas;
  }

  LoopbackServer server;
  LoopbackClient client{server};
  ClientToplevel window{client};
  ClientPositioner menu{client, {20, 30}, {10, 10, 5, 5}, XDG_POSITIONER_ANCHOR_BOTTOM_LEFT};
};

TEST_F(XdgPopupTest, IsPlacedByItsPositionerAndDrawnThere) {
  ClientPopup popup{client, &window, menu};
  popup.commit();
  client.roundtrip();
  ASSERT_EQ(popup.configures.size(), 1U);
  EXPECT_EQ(popup.configures[0], (Rect{10, 15, 20, 30}));
  EXPECT_EQ(popup.serials.size(), 1U);
  popup.ack();
  popup.attach(20, 30);
  popup.commit();
  client.roundtrip();
  EXPECT_TRUE(client.alive());
  EXPECT_EQ(drawn({200, 300}), (std::vector<Rect>{{200, 300, 100, 100}, {210, 315, 20, 30}}));
}

TEST_F(XdgPopupTest, WindowGeometriesAreWhatIsAligned) {
  xdg_surface_set_window_geometry(window.xdg.get(), 8, 8, 84, 84);
  window.commit();
  ClientPopup popup{client, &window, menu};
  xdg_surface_set_window_geometry(popup.xdg.get(), 3, 4, 14, 22);
  popup.map(20, 30);
  EXPECT_EQ(drawn({200, 300}), (std::vector<Rect>{{192, 292, 100, 100}, {207, 311, 20, 30}}));
}

TEST_F(XdgPopupTest, PopupsOnPopupsAreDrawnInTheOrderTheyWereMade) {
  ClientPopup first{client, &window, menu};
  ClientPopup second{client, &window, menu};
  second.map(20, 31);
  first.map(20, 30);
  ClientPopup nested{client, &first, menu};
  nested.map(20, 32);
  EXPECT_EQ(
      drawn({0, 0}),
      (std::vector<Rect>{{0, 0, 100, 100}, {10, 15, 20, 30}, {10, 15, 20, 31}, {20, 30, 20, 32}}));
}

// A client may open it in the same breath as its window; somebody knows already where that is.
TEST_F(XdgPopupTest, StaysInsideTheOutputBeforeTheFirstFrame) {
  server.shell().add_output({0, 0, 300, 300});
  server.last_window().moved_to({250, 250});
  xdg_positioner_set_constraint_adjustment(
      menu.positioner.get(),
      XDG_POSITIONER_CONSTRAINT_ADJUSTMENT_SLIDE_X | XDG_POSITIONER_CONSTRAINT_ADJUSTMENT_SLIDE_Y);
  ClientPopup popup{client, &window, menu};
  popup.commit();
  client.roundtrip();
  ASSERT_EQ(popup.configures.size(), 1U);
  const Rect place = popup.configures[0];
  EXPECT_TRUE((Rect{0, 0, 300, 300}.contains(place.translated({250, 250})))) << place.x;
}

TEST_F(XdgPopupTest, StaysInsideTheOutputIfItMaySlide) {
  server.shell().add_output({0, 0, 300, 300});
  drawn({250, 250});
  xdg_positioner_set_constraint_adjustment(
      menu.positioner.get(),
      XDG_POSITIONER_CONSTRAINT_ADJUSTMENT_SLIDE_X | XDG_POSITIONER_CONSTRAINT_ADJUSTMENT_SLIDE_Y);
  xdg_positioner_set_anchor_rect(menu.positioner.get(), 40, 40, 5, 5);
  ClientPopup popup{client, &window, menu};
  popup.map(20, 30);
  EXPECT_EQ(popup.configures[0], (Rect{30, 20, 20, 30}));
  EXPECT_EQ(drawn({250, 250})[1], (Rect{280, 270, 20, 30}));
}

TEST_F(XdgPopupTest, AReactiveOneFollowsTheWindow) {
  server.shell().add_output({0, 0, 300, 300});
  drawn({0, 0});
  xdg_positioner_set_constraint_adjustment(menu.positioner.get(),
                                           XDG_POSITIONER_CONSTRAINT_ADJUSTMENT_SLIDE_X);
  xdg_positioner_set_reactive(menu.positioner.get());
  ClientPopup popup{client, &window, menu};
  popup.map(20, 30);
  EXPECT_EQ(popup.configures.size(), 1U);
  drawn({280, 0});
  client.roundtrip();
  ASSERT_EQ(popup.configures.size(), 2U);
  EXPECT_EQ(popup.configures[1], (Rect{0, 15, 20, 30}));
  EXPECT_EQ(drawn({280, 0})[1].x, 290) << "not acknowledged yet";
  popup.ack();
  popup.commit();
  client.roundtrip();
  EXPECT_EQ(drawn({280, 0})[1].x, 280);
}

TEST_F(XdgPopupTest, IsRepositionedWhenTheClientHasAcknowledgedIt) {
  ClientPopup popup{client, &window, menu};
  popup.map(20, 30);
  const ClientPositioner elsewhere{client, {25, 35}, {50, 50, 0, 0}};
  xdg_popup_reposition(popup.popup.get(), elsewhere.positioner.get(), 4711);
  client.roundtrip();
  ASSERT_EQ(popup.tokens, std::vector<std::uint32_t>{4711});
  ASSERT_EQ(popup.configures.size(), 2U);
  EXPECT_EQ(popup.configures[1], (Rect{50, 50, 25, 35}));
  EXPECT_EQ(popup.serials.size(), 2U);
  EXPECT_EQ(drawn({0, 0})[1], (Rect{10, 15, 20, 30}));
  const int commits = server.host.commits;
  popup.ack();
  popup.commit();
  client.roundtrip();
  EXPECT_EQ(drawn({0, 0})[1], (Rect{50, 50, 20, 30}));
  EXPECT_GT(server.host.commits, commits);
}

TEST_F(XdgPopupTest, RepositioningWithAnIncompletePositionerIsAnError) {
  ClientPopup popup{client, &window, menu};
  popup.map(20, 30);
  const Proxy<xdg_positioner> incomplete{xdg_wm_base_create_positioner(client.wm_base)};
  xdg_popup_reposition(popup.popup.get(), incomplete.get(), 1);
  expect_error("xdg_wm_base", XDG_WM_BASE_ERROR_INVALID_POSITIONER);
}

TEST_F(XdgPopupTest, APositionerWithoutSizeIsAnError) {
  const Proxy<xdg_positioner> incomplete{xdg_wm_base_create_positioner(client.wm_base)};
  xdg_positioner_set_anchor_rect(incomplete.get(), 0, 0, 1, 1);
  const ClientXdgSurface surface{client};
  const Proxy<xdg_popup> popup{
      xdg_surface_get_popup(surface.xdg.get(), window.xdg.get(), incomplete.get())};
  expect_error("xdg_wm_base", XDG_WM_BASE_ERROR_INVALID_POSITIONER);
}

TEST_F(XdgPopupTest, APositionerWithoutAnchorRectangleIsAnError) {
  const Proxy<xdg_positioner> incomplete{xdg_wm_base_create_positioner(client.wm_base)};
  xdg_positioner_set_size(incomplete.get(), 1, 1);
  const ClientXdgSurface surface{client};
  const Proxy<xdg_popup> popup{
      xdg_surface_get_popup(surface.xdg.get(), window.xdg.get(), incomplete.get())};
  expect_error("xdg_wm_base", XDG_WM_BASE_ERROR_INVALID_POSITIONER);
}

TEST_F(XdgPopupTest, ThePositionerMayChangeAfterwards) {
  ClientPopup popup{client, &window, menu};
  xdg_positioner_set_offset(menu.positioner.get(), 50, 50);
  xdg_positioner_destroy(menu.positioner.release());
  popup.commit();
  client.roundtrip();
  EXPECT_EQ(popup.configures.at(0), (Rect{10, 15, 20, 30}));
}

TEST_F(XdgPopupTest, AParentWithoutRoleIsAnError) {
  const ClientXdgSurface nobody{client};
  const ClientPopup popup{client, &nobody, menu};
  expect_error("xdg_wm_base", XDG_WM_BASE_ERROR_INVALID_POPUP_PARENT);
}

TEST_F(XdgPopupTest, ItselfAsParentIsAnError) {
  const ClientXdgSurface self{client};
  const Proxy<xdg_popup> popup{
      xdg_surface_get_popup(self.xdg.get(), self.xdg.get(), menu.positioner.get())};
  expect_error("xdg_wm_base", XDG_WM_BASE_ERROR_INVALID_POPUP_PARENT);
}

TEST_F(XdgPopupTest, CommittedWithoutAParentIsAnError) {
  ClientPopup popup{client, nullptr, menu};
  client.roundtrip();
  EXPECT_TRUE(client.alive()) << "another protocol could give it one";
  popup.commit();
  expect_error("xdg_wm_base", XDG_WM_BASE_ERROR_INVALID_POPUP_PARENT);
}

TEST_F(XdgPopupTest, MappedBeforeItsParentIsAnError) {
  ClientToplevel unmapped{client};
  ClientPopup popup{client, &unmapped, menu};
  popup.commit();
  client.roundtrip();
  EXPECT_TRUE(client.alive());
  popup.attach(20, 30);
  popup.commit();
  expect_error("xdg_wm_base", XDG_WM_BASE_ERROR_INVALID_POPUP_PARENT);
}

TEST_F(XdgPopupTest, DestroyedBeforeThePopupOnItIsAnError) {
  ClientPopup popup{client, &window, menu};
  popup.map(20, 30);
  ClientPopup above{client, &popup, menu};
  above.map(20, 30);
  request_destroy(popup.popup.get());
  expect_error("xdg_wm_base", XDG_WM_BASE_ERROR_NOT_THE_TOPMOST_POPUP);
}

TEST_F(XdgPopupTest, DestroyedFromTheTopEverythingIsFine) {
  ClientPopup popup{client, &window, menu};
  popup.map(20, 30);
  ClientPopup above{client, &popup, menu};
  above.map(20, 30);
  ClientPopup sibling{client, &window, menu};
  sibling.map(20, 30);
  EXPECT_EQ(drawn({0, 0}).size(), 4U);
  xdg_popup_destroy(above.popup.release());
  xdg_popup_destroy(popup.popup.release());
  client.roundtrip();
  EXPECT_TRUE(client.alive());
  EXPECT_EQ(drawn({0, 0}).size(), 2U);
}

TEST_F(XdgPopupTest, IsDismissedWhenItsWindowIsUnmapped) {
  ClientPopup popup{client, &window, menu};
  popup.map(20, 30);
  ClientPopup above{client, &popup, menu};
  above.map(20, 30);
  window.attach_nothing();
  window.commit();
  client.roundtrip();
  EXPECT_EQ(popup.dones, 1);
  EXPECT_EQ(above.dones, 1);
  // What the client sends before it knows is no error.
  popup.attach(20, 30);
  popup.commit();
  xdg_popup_reposition(popup.popup.get(), menu.positioner.get(), 1);
  client.roundtrip();
  EXPECT_TRUE(client.alive());
  window.map(100, 100);
  EXPECT_EQ(drawn({0, 0}).size(), 1U) << "it does not come back";
  xdg_popup_destroy(popup.popup.release());
  xdg_popup_destroy(above.popup.release());
  client.roundtrip();
  EXPECT_TRUE(client.alive());
  EXPECT_EQ(popup.dones, 1);
}

TEST_F(XdgPopupTest, IsDismissedWhenItsWindowIsDestroyed) {
  ClientPopup popup{client, &window, menu};
  popup.map(20, 30);
  xdg_toplevel_destroy(window.toplevel.release());
  client.roundtrip();
  EXPECT_EQ(popup.dones, 1);
  EXPECT_TRUE(client.alive());
}

TEST_F(XdgPopupTest, IsDismissedWhenTheSurfaceOfItsWindowIsDestroyed) {
  ClientPopup popup{client, &window, menu};
  popup.map(20, 30);
  wl_surface_destroy(window.surface.release());
  client.roundtrip();
  EXPECT_EQ(popup.dones, 1);
  EXPECT_TRUE(client.alive());
  wl_surface_destroy(popup.surface.release());
  xdg_popup_destroy(popup.popup.release());
  client.roundtrip();
  EXPECT_TRUE(client.alive());
}

TEST_F(XdgPopupTest, OneOnADismissedPopupIsDismissedAtOnce) {
  ClientPopup popup{client, &window, menu};
  popup.map(20, 30);
  window.attach_nothing();
  window.commit();
  ClientPopup late{client, &popup, menu};
  late.commit();
  client.roundtrip();
  EXPECT_EQ(late.dones, 1);
  EXPECT_TRUE(client.alive());
}

TEST_F(XdgPopupTest, ItsWindowIsDrawnAgainWhenItGoes) {
  ClientPopup popup{client, &window, menu};
  popup.map(20, 30);
  const int commits = server.host.commits;
  xdg_popup_destroy(popup.popup.release());
  client.roundtrip();
  EXPECT_GT(server.host.commits, commits);
  EXPECT_EQ(drawn({0, 0}).size(), 1U);
}

TEST_F(XdgPopupTest, AGrabIsTakenBeforeItIsMapped) {
  ClientPopup popup{client, &window, menu};
  xdg_popup_grab(popup.popup.get(), client.seat, event_serial());
  popup.map(20, 30);
  ClientPopup nested{client, &popup, menu};
  xdg_popup_grab(nested.popup.get(), client.seat, event_serial());
  nested.map(20, 30);
  EXPECT_TRUE(client.alive());
  EXPECT_EQ(popup.dones + nested.dones, 0);
  EXPECT_EQ(drawn({0, 0}).size(), 3U);
}

TEST_F(XdgPopupTest, TheTopmostGrabHasTheKeyboard) {
  Window& shown = server.last_window();
  EXPECT_EQ(&shown.keyboard_surface(), &shown.surface());
  int changes = 0;
  server.shell().on_grabs_change([&changes] { ++changes; });
  ClientPopup popup{client, &window, menu};
  xdg_popup_grab(popup.popup.get(), client.seat, event_serial());
  popup.map(20, 30);
  EXPECT_EQ(changes, 1);
  Surface* const first = &shown.keyboard_surface();
  EXPECT_NE(first, &shown.surface());
  EXPECT_TRUE(shown.shows(*first));
  ClientPopup nested{client, &popup, menu};
  xdg_popup_grab(nested.popup.get(), client.seat, event_serial());
  nested.map(20, 30);
  EXPECT_NE(&shown.keyboard_surface(), first);
  xdg_popup_destroy(nested.popup.release());
  client.roundtrip();
  EXPECT_EQ(&shown.keyboard_surface(), first);
  xdg_popup_destroy(popup.popup.release());
  client.roundtrip();
  EXPECT_EQ(&shown.keyboard_surface(), &shown.surface());
  EXPECT_GE(changes, 4);
  server.shell().on_grabs_change({});
}

TEST_F(XdgPopupTest, GrabsEndWhenAnotherClientIsClicked) {
  ClientPopup popup{client, &window, menu};
  xdg_popup_grab(popup.popup.get(), client.seat, event_serial());
  popup.map(20, 30);
  ClientPopup nested{client, &popup, menu};
  xdg_popup_grab(nested.popup.get(), client.seat, event_serial());
  nested.map(20, 30);
  server.shell().pressed(server.last_window().surface().client());
  client.roundtrip();
  EXPECT_EQ(popup.dones + nested.dones, 0) << "a click on its own client";
  server.shell().pressed(nullptr);
  client.roundtrip();
  EXPECT_EQ(popup.dones, 1);
  EXPECT_EQ(nested.dones, 1);
  EXPECT_TRUE(server.shell().grabs().empty());
}

TEST_F(XdgPopupTest, GrabsEndWhenAnotherWindowGetsTheFocus) {
  Window& first = server.last_window();
  ClientPopup popup{client, &window, menu};
  xdg_popup_grab(popup.popup.get(), client.seat, event_serial());
  popup.map(20, 30);
  server.shell().end_grabs_but_of(&first);
  client.roundtrip();
  EXPECT_EQ(popup.dones, 0);
  ClientToplevel other{client};
  other.map(10, 10);
  server.shell().end_grabs_but_of(&server.last_window());
  client.roundtrip();
  EXPECT_EQ(popup.dones, 1);
}

TEST_F(XdgPopupTest, AGrabThatAnswersNoEventIsRefused) {
  ClientPopup popup{client, &window, menu};
  xdg_popup_grab(popup.popup.get(), client.seat, event_serial() + 1);
  client.roundtrip();
  EXPECT_TRUE(client.alive());
  EXPECT_EQ(popup.dones, 1);
}

TEST_F(XdgPopupTest, AGrabAfterwardsIsAnError) {
  ClientPopup popup{client, &window, menu};
  popup.map(20, 30);
  xdg_popup_grab(popup.popup.get(), client.seat, event_serial());
  expect_error("xdg_popup", XDG_POPUP_ERROR_INVALID_GRAB);
}

TEST_F(XdgPopupTest, AGrabOnAPopupWithoutGrabIsAnError) {
  ClientPopup popup{client, &window, menu};
  popup.map(20, 30);
  ClientPopup nested{client, &popup, menu};
  xdg_popup_grab(nested.popup.get(), client.seat, event_serial());
  expect_error("xdg_wm_base", XDG_WM_BASE_ERROR_INVALID_POPUP_PARENT);
}

TEST_F(XdgPopupTest, AGrabBesideTheTopmostPopupIsAnError) {
  ClientPopup popup{client, &window, menu};
  xdg_popup_grab(popup.popup.get(), client.seat, event_serial());
  popup.map(20, 30);
  ClientPopup beside{client, &window, menu};
  xdg_popup_grab(beside.popup.get(), client.seat, event_serial());
  expect_error("xdg_wm_base", XDG_WM_BASE_ERROR_NOT_THE_TOPMOST_POPUP);
}

TEST_F(XdgPopupTest, AGrabEndsWithItsPopup) {
  {
    ClientPopup popup{client, &window, menu};
    xdg_popup_grab(popup.popup.get(), client.seat, event_serial());
    popup.map(20, 30);
    xdg_popup_destroy(popup.popup.release());
    xdg_surface_destroy(popup.xdg.release());
  }
  ClientPopup next{client, &window, menu};
  xdg_popup_grab(next.popup.get(), client.seat, event_serial());
  next.map(20, 30);
  EXPECT_TRUE(client.alive());
}

TEST_F(XdgPopupTest, IsKeptOnTheScreenThatItsParentWillBeOn) {
  server.shell().set_outputs({{0, 0, 1000, 500}, {1000, 0, 1000, 500}});
  Window& shown = server.last_window();
  shown.moved_to({940, 100});
  shown.configure({300, 100});
  client.roundtrip();
  ClientPositioner rules{client, {20, 30}, {0, 0, 1, 1}};
  xdg_positioner_set_constraint_adjustment(rules.positioner.get(),
                                           XDG_POSITIONER_CONSTRAINT_ADJUSTMENT_SLIDE_X);
  const auto place_of = [&] {
    ClientPopup popup{client, &window, rules};
    popup.commit();
    client.roundtrip();
    const int x = popup.configures.empty() ? -1 : popup.configures[0].x;
    xdg_popup_destroy(popup.popup.release());
    xdg_surface_destroy(popup.xdg.release());
    return x;
  };
  EXPECT_EQ(place_of(), 0) << "most of the parent is on the first one";
  xdg_positioner_set_parent_size(rules.positioner.get(), 300, 100);
  EXPECT_EQ(place_of(), 60) << "it will be on the second one";
  xdg_positioner_set_parent_configure(rules.positioner.get(), window.serials.back());
  EXPECT_EQ(place_of(), 60);
  window.ack();
  window.commit();
  client.roundtrip();
  EXPECT_EQ(place_of(), 0) << "that has come, and it is not";
}

TEST_F(XdgPopupTest, AnEndlessChainIsTheEndOfItsClient) {
  std::vector<std::unique_ptr<ClientPopup>> chain;
  const ClientXdgSurface* parent = &window;
  while (client.alive() && chain.size() < 1000) {
    chain.push_back(std::make_unique<ClientPopup>(client, parent, menu));
    chain.back()->map(20, 30);
    parent = chain.back().get();
  }
  EXPECT_FALSE(client.alive());
  EXPECT_TRUE(server.host.mapped.empty());
}

}  // namespace
}  // namespace demo
