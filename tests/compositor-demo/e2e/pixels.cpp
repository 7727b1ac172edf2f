// What is on the screen when clients of our own, with windows of known colours, are there.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <memory>
#include <optional>

#include "compositor.hpp"
#include "tests/compositor-demo/clients/connection.hpp"
#include "tests/compositor-demo/clients/window.hpp"

namespace e2e {
namespace {

using clients::Colour;
using clients::Connection;
using clients::Popup;
using clients::Subsurface;
using clients::Window;

constexpr Colour red = 0xffff0000;
constexpr Colour green = 0xff00ff00;
constexpr Colour blue = 0xff0000ff;
constexpr Colour white = 0xffffffff;

constexpr std::uint32_t rgb(Colour colour) {
  return colour & 0xffffffU;
}

class Pixels : public WithCompositor {
 protected:
  Connection client{compositor.socket()};
};

TEST_F(Pixels, AnEmptyScreenIsBackground) {
  const Screenshot picture = compositor.screenshot();
  EXPECT_EQ(picture.width(), 400);
  EXPECT_EQ(picture.height(), 300);
  EXPECT_EQ(picture.count(background), 400U * 300U);
}

TEST_F(Pixels, AWindowIsThereWholeAndNothingElse) {
  const Window window{client, 120, 80, red};
  const Screenshot picture = compositor.screenshot();
  const Area area = picture.bounds(red);
  EXPECT_EQ(area.width, 120);
  EXPECT_EQ(area.height, 80);
  EXPECT_EQ(picture.count(red), 120U * 80U);
  EXPECT_EQ(picture.count(background), 400U * 300U - 120U * 80U);
}

TEST_F(Pixels, TheNewerWindowIsOnTopAndTheOneBelowIsRepaintedWhenItCloses) {
  const Window below{client, 400, 300, red};
  std::optional<Window> above{std::in_place, client, 100, 60, blue};
  {
    const Screenshot picture = compositor.screenshot();
    EXPECT_EQ(picture.count(blue), 100U * 60U);
    EXPECT_EQ(picture.bounds(blue).width, 100);
    EXPECT_EQ(picture.count(red), 400U * 300U - 100U * 60U);
  }
  above.reset();
  ASSERT_TRUE(client.roundtrip());
  ASSERT_TRUE(eventually([&] { return compositor.screenshot().count(blue) == 0; }));
  EXPECT_EQ(compositor.screenshot().count(red), 400U * 300U);
}

TEST_F(Pixels, TheOneAboveStaysWhenTheOneBelowCloses) {
  auto below = std::make_unique<Window>(client, 400, 300, red);
  const Window above{client, 100, 60, blue};
  const Area before = compositor.screenshot().bounds(blue);
  below.reset();
  ASSERT_TRUE(client.roundtrip());
  ASSERT_TRUE(eventually([&] { return compositor.screenshot().count(red) == 0; }));
  const Screenshot picture = compositor.screenshot();
  EXPECT_EQ(picture.bounds(blue), before);
  EXPECT_EQ(picture.count(background), 400U * 300U - 100U * 60U);
}

TEST_F(Pixels, NothingIsSeenBelowAFullscreenWindow) {
  const Window below{client, 400, 300, red};
  Window above{client, 100, 60, 0x80000080, WL_SHM_FORMAT_ARGB8888};
  ASSERT_GT(compositor.screenshot().count(red), 0U);
  xdg_toplevel_set_fullscreen(above.toplevel(), nullptr);
  ASSERT_TRUE(client.roundtrip());
  above.attach(100, 60, blue);
  ASSERT_TRUE(above.commit_and_wait());
  const Screenshot picture = compositor.screenshot();
  EXPECT_EQ(picture.bounds(blue), (Area{150, 120, 100, 60}));
  EXPECT_EQ(picture.count(background), 400U * 300U - 100U * 60U);

  above.attach(100, 60, 0x80000080, WL_SHM_FORMAT_ARGB8888);
  ASSERT_TRUE(above.commit_and_wait());
  EXPECT_EQ(compositor.screenshot().count(background), 400U * 300U - 100U * 60U)
      << "it shines through, and still nothing else is seen";

  xdg_toplevel_unset_fullscreen(above.toplevel());
  ASSERT_TRUE(client.roundtrip());
  above.attach(100, 60, blue);
  ASSERT_TRUE(above.commit_and_wait());
  EXPECT_EQ(compositor.screenshot().count(red), 400U * 300U - 100U * 60U);
}

TEST_F(Pixels, WindowsGoWithTheirClient) {
  auto other = std::make_unique<Connection>(compositor.socket());
  auto window = std::make_unique<Window>(*other, 400, 300, red);
  const Window above{client, 100, 60, blue};
  // Without the destructors: the connection just ends, as it does when a client dies.
  wl_display_flush(other->display());
  ::shutdown(wl_display_get_fd(other->display()), SHUT_RDWR);
  ASSERT_TRUE(eventually([&] { return compositor.screenshot().count(red) == 0; }));
  EXPECT_EQ(compositor.screenshot().count(blue), 100U * 60U);
  window.reset();
}

TEST_F(Pixels, ADamagedPartIsDrawnAgain) {
  Window window{client, 120, 80, red};
  const Area area = compositor.screenshot().bounds(red);
  window.buffer().fill(20, 10, 30, 40, green);
  wl_surface_damage_buffer(window.get(), 20, 10, 30, 40);
  ASSERT_TRUE(window.commit_and_wait());
  const Screenshot picture = compositor.screenshot();
  EXPECT_EQ(picture.bounds(green), (Area{area.x + 20, area.y + 10, 30, 40}));
  EXPECT_EQ(picture.count(green), 30U * 40U);
}

TEST_F(Pixels, AnotherBufferTakesTheOldOnesPlace) {
  Window window{client, 120, 80, red};
  window.attach(60, 90, green);
  ASSERT_TRUE(window.commit_and_wait());
  const Screenshot picture = compositor.screenshot();
  EXPECT_EQ(picture.count(red), 0U);
  EXPECT_EQ(picture.count(green), 60U * 90U);
}

TEST_F(Pixels, AWindowWithoutABufferIsNotThere) {
  Window window{client, 120, 80, red};
  wl_surface_attach(window.get(), nullptr, 0, 0);
  window.commit();
  ASSERT_TRUE(client.roundtrip());
  EXPECT_TRUE(eventually([&] { return compositor.screenshot().count(red) == 0; }));
}

TEST_F(Pixels, ASubsurfaceIsWhereItsParentWantsIt) {
  Window window{client, 120, 80, red};
  const Subsurface inside{window, 30, 20, 40, 10, green};
  const Subsurface outside{window, -10, 70, 20, 30, blue};
  ASSERT_TRUE(window.commit_and_wait());
  const Screenshot picture = compositor.screenshot();
  const Area area = picture.bounds(red);
  EXPECT_EQ(picture.bounds(green), (Area{area.x + 30, area.y + 20, 40, 10}));
  EXPECT_EQ(picture.bounds(blue), (Area{area.x - 10, area.y + 70, 20, 30}));
  EXPECT_EQ(picture.count(green), 40U * 10U);
  EXPECT_EQ(picture.count(blue), 20U * 30U);
}

TEST_F(Pixels, SubsurfacesAreStackedAsTheirParentWants) {
  Window window{client, 120, 80, red};
  const Area area = compositor.screenshot().bounds(red);
  const Subsurface first{window, 10, 10, 40, 40, green};
  const Subsurface second{window, 30, 30, 40, 40, blue};
  ASSERT_TRUE(window.commit_and_wait());
  EXPECT_EQ(compositor.screenshot().at(area.x + 40, area.y + 40), rgb(blue));

  wl_subsurface_place_above(first.role(), second.get());
  ASSERT_TRUE(window.commit_and_wait());
  EXPECT_EQ(compositor.screenshot().at(area.x + 40, area.y + 40), rgb(green));

  wl_subsurface_place_below(second.role(), window.get());
  ASSERT_TRUE(window.commit_and_wait());
  EXPECT_EQ(compositor.screenshot().count(blue), 0U);
}

TEST_F(Pixels, ASynchronizedSubsurfaceWaitsForItsParent) {
  Window window{client, 120, 80, red};
  Subsurface child{window, 10, 10, 40, 40, green};
  ASSERT_TRUE(window.commit_and_wait());
  child.attach(40, 40, blue);
  child.commit();
  ASSERT_TRUE(client.roundtrip());
  // A frame of another window is one in which it could have been shown.
  Window other{client, 20, 20, white};
  EXPECT_EQ(compositor.screenshot().count(blue), 0U);
  ASSERT_TRUE(window.commit_and_wait());
  EXPECT_EQ(compositor.screenshot().count(blue), 40U * 40U);
}

TEST_F(Pixels, APopupIsWhereItsPositionerSays) {
  Window window{client, 120, 80, red};
  const Area area = compositor.screenshot().bounds(red);
  auto popup = std::make_unique<Popup>(window, 100, 60, 50, 70, green);
  EXPECT_EQ(compositor.screenshot().bounds(green), (Area{area.x + 100, area.y + 60, 50, 70}));
  popup.reset();
  ASSERT_TRUE(client.roundtrip());
  ASSERT_TRUE(eventually([&] { return compositor.screenshot().count(green) == 0; }));
  EXPECT_EQ(compositor.screenshot().count(red), 120U * 80U);
}

TEST_F(Pixels, APopupStaysOnTheScreenBeforeItsWindowWasShown) {
  Window window{client};
  window.attach(300, 200, red);
  window.commit();  // and nobody waits for a frame
  const Popup popup{
      window,
      280,
      190,
      150,
      120,
      green,
      XDG_POSITIONER_CONSTRAINT_ADJUSTMENT_SLIDE_X | XDG_POSITIONER_CONSTRAINT_ADJUSTMENT_SLIDE_Y};
  EXPECT_EQ(compositor.screenshot().bounds(green), (Area{250, 180, 150, 120}));
}

TEST_F(Pixels, APopupCountsFromTheWindowGeometry) {
  Window window{client};
  xdg_surface_set_window_geometry(window.xdg(), 10, 5, 90, 40);
  window.attach(120, 80, red);
  ASSERT_TRUE(window.commit_and_wait());
  const Popup popup{window, 0, 0, 30, 30, green};
  const Screenshot picture = compositor.screenshot();
  const Area area = picture.bounds(red);
  EXPECT_EQ(picture.bounds(green), (Area{area.x + 10, area.y + 5, 30, 30}));
}

TEST_F(Pixels, AlphaIsBlendedAndOpaqueFormatsIgnoreIt) {
  const Window below{client, 400, 300, white};
  // Half of a premultiplied red over white.
  const Window blended{client, 50, 50, 0x80800000, WL_SHM_FORMAT_ARGB8888};
  const std::uint32_t expected = 0xff7f7f;
  {
    const Screenshot picture = compositor.screenshot();
    EXPECT_EQ(picture.count(expected), 50U * 50U) << std::hex << picture.at(25, 25);
    EXPECT_EQ(picture.count(white), 400U * 300U - 50U * 50U);
  }
  const Window opaque{client, 60, 60, 0x0012ab56, WL_SHM_FORMAT_XRGB8888};
  EXPECT_EQ(compositor.screenshot().count(0x12ab56), 60U * 60U);
}

TEST_F(Pixels, ABufferOfScaleTwoTakesHalfTheSpace) {
  Window window{client};
  wl_surface_set_buffer_scale(window.get(), 2);
  window.attach(120, 80, red).fill(0, 0, 60, 40, green);
  ASSERT_TRUE(window.commit_and_wait());
  const Screenshot picture = compositor.screenshot();
  const Area quarter = picture.bounds(green);
  EXPECT_EQ(quarter.width, 30);
  EXPECT_EQ(quarter.height, 20);
  EXPECT_EQ(picture.bounds(red), (Area{quarter.x, quarter.y, 60, 40}));
  EXPECT_EQ(picture.count(red) + picture.count(green), 60U * 40U);
}

TEST_F(Pixels, ATurnedBufferIsTurnedBack) {
  Window window{client};
  wl_surface_set_buffer_transform(window.get(), WL_OUTPUT_TRANSFORM_90);
  window.attach(120, 80, red).fill(0, 0, 30, 80, green);
  ASSERT_TRUE(window.commit_and_wait());
  const Screenshot picture = compositor.screenshot();
  // The client has turned what is 80x120 counter-clockwise: the buffer's left edge is the top.
  const Area top = picture.bounds(green);
  EXPECT_EQ(top.width, 80);
  EXPECT_EQ(top.height, 30);
  EXPECT_EQ(picture.bounds(red), (Area{top.x, top.y + 30, 80, 90}));
}

}  // namespace
}  // namespace e2e
