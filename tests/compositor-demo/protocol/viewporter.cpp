#include "compositor-demo/protocol/viewporter.hpp"

#include <gtest/gtest.h>

#include "surface_test.hpp"
#include "viewporter-client-protocol.h"

namespace demo {
namespace {

class ViewporterTest : public SurfaceTest {
 protected:
  ~ViewporterTest() override { wp_viewporter_destroy(viewporter); }

  void set_source(int x, int y, double width, double height) {
    wp_viewport_set_source(viewport, wl_fixed_from_int(x), wl_fixed_from_int(y),
                           wl_fixed_from_double(width), wl_fixed_from_double(height));
  }
  void expect_error(const char* interface, std::uint32_t code) {
    client.roundtrip();
    EXPECT_EQ(client.error(), (ReceivedError{interface, code}));
  }

  wp_viewporter* viewporter = static_cast<wp_viewporter*>(client.bind(wp_viewporter_interface));
  wl_surface* surface = shown_surface(20, 10);
  wp_viewport* viewport = wp_viewporter_get_viewport(viewporter, surface);
};

TEST_F(ViewporterTest, TheDestinationIsTheSize) {
  wp_viewport_set_destination(viewport, 50, 60);
  client.roundtrip();
  EXPECT_EQ(of(surface).size(), (Size{20, 10})) << "not committed";
  commit(surface);
  EXPECT_EQ(of(surface).size(), (Size{50, 60}));
  const Picture picture = frame(surface).at(0);
  EXPECT_EQ(picture.size, (Size{50, 60}));
  EXPECT_EQ(picture.source, (SourceRect{0, 0, 20, 10})) << "all of it";
}

TEST_F(ViewporterTest, ASourceAloneCuts) {
  set_source(5, 2, 8, 6);
  commit(surface);
  EXPECT_EQ(of(surface).size(), (Size{8, 6}));
  EXPECT_EQ(frame(surface).at(0).source, (SourceRect{5, 2, 8, 6}));
}

TEST_F(ViewporterTest, WhatIsUnsetOrDestroyedIsGoneWithTheCommit) {
  set_source(5, 2, 8, 6);
  wp_viewport_set_destination(viewport, 50, 60);
  commit(surface);
  set_source(-1, -1, -1, -1);
  wp_viewport_set_destination(viewport, -1, -1);
  commit(surface);
  EXPECT_EQ(of(surface).size(), (Size{20, 10}));
  EXPECT_FALSE(frame(surface).at(0).source);
  wp_viewport_set_destination(viewport, 50, 60);
  commit(surface);
  wp_viewport_destroy(viewport);
  client.roundtrip();
  EXPECT_EQ(of(surface).size(), (Size{50, 60}));
  commit(surface);
  EXPECT_EQ(of(surface).size(), (Size{20, 10}));
  viewport = wp_viewporter_get_viewport(viewporter, surface);
  client.roundtrip();
  EXPECT_TRUE(client.alive());
}

TEST_F(ViewporterTest, DamageOfTheBufferIsWhereItIsSeen) {
  set_source(10, 0, 10, 10);
  wp_viewport_set_destination(viewport, 100, 100);
  commit(surface);
  frame(surface);
  wl_surface_damage_buffer(surface, 12, 3, 2, 2);
  commit(surface);
  const Region damage = frame(surface).at(0).damage;
  EXPECT_TRUE(damage.contains(Rect{20, 30, 20, 20}));
  EXPECT_FALSE(damage.intersects(Rect{60, 0, 40, 100}));
  wl_surface_damage_buffer(surface, 0, 0, 5, 10);
  commit(surface);
  EXPECT_TRUE(frame(surface).at(0).damage.empty()) << "that part is cut off";
}

TEST_F(ViewporterTest, ASecondOneIsAnError) {
  wp_viewporter_get_viewport(viewporter, surface);
  expect_error("wp_viewporter", WP_VIEWPORTER_ERROR_VIEWPORT_EXISTS);
}

TEST_F(ViewporterTest, NoSizeIsAnError) {
  wp_viewport_set_destination(viewport, 0, 10);
  expect_error("wp_viewport", WP_VIEWPORT_ERROR_BAD_VALUE);
}

TEST_F(ViewporterTest, ANegativePlaceIsAnError) {
  set_source(-2, 0, 5, 5);
  expect_error("wp_viewport", WP_VIEWPORT_ERROR_BAD_VALUE);
}

TEST_F(ViewporterTest, PartsOfPixelsNeedADestination) {
  set_source(0, 0, 5.5, 5);
  client.roundtrip();
  EXPECT_TRUE(client.alive());
  wl_surface_commit(surface);
  expect_error("wp_viewport", WP_VIEWPORT_ERROR_BAD_SIZE);
}

TEST_F(ViewporterTest, ASourceOutsideTheBufferIsAnError) {
  set_source(10, 0, 11, 5);
  client.roundtrip();
  EXPECT_TRUE(client.alive());
  wl_surface_commit(surface);
  expect_error("wp_viewport", WP_VIEWPORT_ERROR_OUT_OF_BUFFER);
}

TEST_F(ViewporterTest, ASurfaceThatIsGoneIsAnError) {
  wl_surface_destroy(surface);
  wp_viewport_set_destination(viewport, 5, 5);
  expect_error("wp_viewport", WP_VIEWPORT_ERROR_NO_SURFACE);
}

}  // namespace
}  // namespace demo
