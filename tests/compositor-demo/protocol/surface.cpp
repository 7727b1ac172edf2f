#include "compositor-demo/protocol/surface.hpp"

#include <memory>

#include "compositor-demo/protocol/region.hpp"
#include "surface_test.hpp"

namespace demo {
namespace {

using SurfaceStateTest = SurfaceTest;

TEST_F(SurfaceStateTest, ContentTakesEffectAtTheCommit) {
  wl_surface* const surface = make_surface();
  wl_surface_attach(surface, client.make_buffer(30, 20), 0, 0);
  client.roundtrip();
  EXPECT_FALSE(of(surface).has_content());
  EXPECT_TRUE(of(surface).has_buffer());
  commit(surface);
  EXPECT_TRUE(of(surface).has_content());
  EXPECT_EQ(of(surface).size(), (Size{30, 20}));
  EXPECT_FALSE(of(surface).is_mapped()) << "nothing uses it";
  show(surface, nullptr);
  EXPECT_FALSE(of(surface).has_buffer());
  EXPECT_EQ(of(surface).size(), Size{});
  EXPECT_TRUE(pictures(surface).empty());
}

TEST_F(SurfaceStateTest, ScaleAndTransformDivideTheBuffer) {
  wl_surface* const surface = make_surface();
  wl_surface_set_buffer_scale(surface, 2);
  wl_surface_set_buffer_transform(surface, WL_OUTPUT_TRANSFORM_90);
  show(surface, client.make_buffer(60, 20));
  EXPECT_EQ(of(surface).size(), (Size{10, 30}));
  const std::vector<Picture> all = pictures(surface, {5, 6});
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].size, (Size{10, 30}));
  EXPECT_EQ(all[0].position, (Point{5, 6}));
  EXPECT_EQ(all[0].scale, 2);
  EXPECT_EQ(all[0].transform, Transform::Rotated90);
  EXPECT_EQ(pixman_image_get_width(all[0].image), 60);
  EXPECT_EQ(all[0].opaque, Region{(Rect{0, 0, 10, 30})}) << "xrgb8888 is opaque everywhere";
}

TEST_F(SurfaceStateTest, WrongValuesAreErrors) {
  const auto error_after = [](auto make_mistake) {
    LoopbackServer other_server;
    LoopbackClient other{other_server};
    wl_surface* const surface = wl_compositor_create_surface(other.compositor);
    make_mistake(other, surface);
    other.roundtrip();
    return other.error();
  };
  const auto surface_error = [](std::uint32_t code) { return ReceivedError{"wl_surface", code}; };
  EXPECT_EQ(error_after([](auto&, auto* s) { wl_surface_set_buffer_scale(s, 0); }),
            surface_error(WL_SURFACE_ERROR_INVALID_SCALE));
  EXPECT_EQ(error_after([](auto&, auto* s) { wl_surface_set_buffer_scale(s, -3); }),
            surface_error(WL_SURFACE_ERROR_INVALID_SCALE));
  EXPECT_EQ(error_after([](auto&, auto* s) { wl_surface_set_buffer_transform(s, 8); }),
            surface_error(WL_SURFACE_ERROR_INVALID_TRANSFORM));
  EXPECT_EQ(error_after([](auto&, auto* s) { wl_surface_set_buffer_transform(s, -1); }),
            surface_error(WL_SURFACE_ERROR_INVALID_TRANSFORM));
  EXPECT_EQ(error_after([](auto& c, auto* s) { wl_surface_attach(s, c.make_buffer(1, 1), 1, 0); }),
            surface_error(WL_SURFACE_ERROR_INVALID_OFFSET));
  EXPECT_EQ(error_after([](auto& c, auto* s) {
              wl_surface_attach(s, c.make_buffer(9, 8), 0, 0);
              wl_surface_set_buffer_scale(s, 2);
              wl_surface_commit(s);
            }),
            surface_error(WL_SURFACE_ERROR_INVALID_SIZE));
  // The same, with the content of an earlier commit.
  EXPECT_EQ(error_after([](auto& c, auto* s) {
              wl_surface_attach(s, c.make_buffer(9, 8), 0, 0);
              wl_surface_commit(s);
              wl_surface_set_buffer_scale(s, 2);
              wl_surface_commit(s);
            }),
            surface_error(WL_SURFACE_ERROR_INVALID_SIZE));
  EXPECT_EQ(error_after([](auto&, auto* s) {
              wl_surface_set_buffer_scale(s, 2);  // of no content
              wl_surface_offset(s, 3, -4);
              wl_surface_damage(s, -5, -5, INT32_MAX, INT32_MAX);
              wl_surface_damage_buffer(s, INT32_MIN, INT32_MIN, -1, 0);
              wl_surface_commit(s);
            }),
            ReceivedError{});
}

TEST_F(SurfaceStateTest, DamageIsWhatChangedSinceTheLastShownFrame) {
  wl_surface* const surface = shown_surface(100, 100);
  EXPECT_EQ(frame(surface)[0].damage, Region{(Rect{0, 0, 100, 100})}) << "it is new";
  EXPECT_TRUE(frame(surface)[0].damage.empty());

  wl_surface_damage(surface, 90, 90, 50, 50);
  wl_surface_damage_buffer(surface, -5, -5, 15, 15);
  client.roundtrip();
  EXPECT_TRUE(frame(surface)[0].damage.empty()) << "not committed";
  commit(surface);
  const Region expected = Region{Rect{90, 90, 10, 10}}.united(Rect{0, 0, 10, 10});
  EXPECT_EQ(pictures(surface)[0].damage, expected);
  EXPECT_EQ(frame(surface)[0].damage, expected) << "the frame before was not shown";
  EXPECT_TRUE(frame(surface)[0].damage.empty());

  // A commit between drawing and showing belongs to the next frame.
  wl_surface_damage(surface, 0, 0, 1, 1);
  commit(surface);
  (void)pictures(surface);
  wl_surface_damage(surface, 5, 5, 1, 1);
  commit(surface);
  of(surface).frame_shown(frame_at(0));
  EXPECT_FALSE(of(surface).shown_since_last_commit());
  EXPECT_EQ(frame(surface)[0].damage, Region{(Rect{5, 5, 1, 1})});
  EXPECT_TRUE(of(surface).shown_since_last_commit());

  show(surface, client.make_buffer(120, 80));
  EXPECT_EQ(frame(surface)[0].damage, Region{(Rect{0, 0, 120, 80})}) << "another size";
}

TEST_F(SurfaceStateTest, BufferDamageIsTurnedAndScaledOutwards) {
  wl_surface* const surface = make_surface();
  wl_surface_set_buffer_scale(surface, 2);
  wl_surface_set_buffer_transform(surface, WL_OUTPUT_TRANSFORM_180);
  show(surface, client.make_buffer(40, 20));
  (void)frame(surface);
  wl_surface_damage_buffer(surface, 1, 1, 2, 2);
  commit(surface);
  // Pixels 1 and 2 of 40 are 37 and 38 from the other side, in surface pixels 18 and 19.
  EXPECT_EQ(frame(surface)[0].damage, Region{(Rect{18, 8, 2, 2})});
}

TEST_F(SurfaceStateTest, ManyPiecesOfDamageBecomeFew) {
  wl_surface* const surface = shown_surface(1000, 1000);
  (void)frame(surface);
  for (int at = 0; at < 1000; at += 4)
    wl_surface_damage(surface, at, at, 1, 1);
  commit(surface);
  const Region damage = frame(surface)[0].damage;
  EXPECT_LE(damage.rects().size(), 65U);
  EXPECT_EQ(damage.extents(), (Rect{0, 0, 997, 997}));
}

TEST_F(SurfaceStateTest, RegionsAreCopiedAndLimitedToTheSurface) {
  wl_surface* const surface = shown_surface(20, 20);
  EXPECT_TRUE(of(surface).hit(19.5, 19.5)) << "the whole surface takes input";
  EXPECT_FALSE(of(surface).hit(20, 19));
  EXPECT_FALSE(of(surface).hit(-0.5, 3));

  wl_region* const region = wl_compositor_create_region(client.compositor);
  wl_region_add(region, 0, 0, 10, 10);
  wl_region_subtract(region, 0, 0, 5, 5);
  wl_region_add(region, 15, 15, 100, 100);
  wl_region_add(region, 3, 3, -1, 4);
  wl_surface_set_input_region(surface, region);
  wl_region_destroy(region);
  client.roundtrip();
  EXPECT_TRUE(of(surface).hit(2, 2)) << "not committed";
  commit(surface);
  EXPECT_FALSE(of(surface).hit(2, 2));
  EXPECT_TRUE(of(surface).hit(5, 2));
  EXPECT_FALSE(of(surface).hit(12, 12));
  const auto hit = of(surface).hit(16.25, 17.5);
  ASSERT_TRUE(hit);
  EXPECT_EQ(hit->surface, &of(surface));
  EXPECT_EQ(hit->x, 16.25);
  EXPECT_FALSE(of(surface).hit(25, 25)) << "in the region but not in the surface";

  wl_surface_set_input_region(surface, nullptr);
  commit(surface);
  EXPECT_TRUE(of(surface).hit(2, 2));
}

TEST_F(SurfaceStateTest, RegionsHaveALimit) {
  wl_region* const region = wl_compositor_create_region(client.compositor);
  for (int at = 0; at <= static_cast<int>(RegionObject::most_rectangles) && client.alive(); ++at) {
    wl_region_add(region, 2 * at, 2 * at, 1, 1);
    if (at % 100 == 0)
      client.roundtrip();
  }
  client.roundtrip();
  EXPECT_EQ(client.error(), (ReceivedError{"wl_display", WL_DISPLAY_ERROR_IMPLEMENTATION}));
}

TEST_F(SurfaceStateTest, FrameCallbacksAreAnsweredByAFrameThatShowsThem) {
  wl_surface* const surface = shown_surface(10, 10);
  Heard first;
  first.callback(wl_surface_frame(surface));
  client.roundtrip();
  EXPECT_FALSE(of(surface).frame_wanted());
  (void)frame(surface);
  EXPECT_EQ(first.times, 0) << "not committed";
  commit(surface);
  EXPECT_TRUE(of(surface).frame_wanted());
  (void)pictures(surface);
  Heard second;
  second.callback(wl_surface_frame(surface));
  commit(surface);
  of(surface).frame_shown(frame_at(1234));
  client.roundtrip();
  EXPECT_EQ(first.times, 1);
  EXPECT_EQ(first.value, 1234U);
  EXPECT_EQ(second.times, 0) << "this one came after the frame was drawn";
  (void)frame(surface, 1250);
  EXPECT_EQ(second.times, 1);
  EXPECT_EQ(second.value, 1250U);
  EXPECT_FALSE(of(surface).frame_wanted());
}

TEST_F(SurfaceStateTest, FrameCallbacksHaveALimit) {
  wl_surface* const surface = make_surface();
  std::vector<wl_callback*> callbacks;
  const std::size_t most = ClientLimits::maximum(Limit::FrameCallbacks);
  while (client.alive() && callbacks.size() <= most) {
    for (int count = 0; count != 500; ++count)
      callbacks.push_back(wl_surface_frame(surface));
    client.roundtrip();
  }
  EXPECT_EQ(client.error(), (ReceivedError{"wl_display", WL_DISPLAY_ERROR_IMPLEMENTATION}));
  for (wl_callback* callback : callbacks)
    wl_callback_destroy(callback);
}

TEST_F(SurfaceStateTest, SurfacesHaveALimit) {
  const std::size_t most = ClientLimits::maximum(Limit::Surfaces);
  std::size_t made = 0;
  for (; client.alive() && made <= most + 100; made += 100) {
    for (int count = 0; count != 100; ++count)
      wl_compositor_create_surface(client.compositor);
    client.roundtrip();
  }
  EXPECT_EQ(client.error(), (ReceivedError{"wl_display", WL_DISPLAY_ERROR_IMPLEMENTATION}));
  // Nobody else is affected.
  LoopbackClient other{server};
  wl_compositor_create_surface(other.compositor);
  other.roundtrip();
  EXPECT_TRUE(other.alive());
}

TEST_F(SurfaceStateTest, BufferIsReleasedByTheCommitThatReplacesIt) {
  wl_surface* const surface = make_surface();
  wl_buffer* const first = client.make_buffer(10, 10);
  wl_buffer* const second = client.make_buffer(10, 10);
  Heard first_released;
  first_released.release(first);
  Heard second_released;
  second_released.release(second);

  wl_surface_attach(surface, first, 0, 0);
  wl_surface_attach(surface, second, 0, 0);
  commit(surface);
  EXPECT_EQ(first_released.times, 0) << "it was never committed";
  show(surface, second);
  EXPECT_EQ(second_released.times, 0) << "the same again";
  commit(surface);
  EXPECT_EQ(second_released.times, 0) << "no new one was attached";
  show(surface, first);
  EXPECT_EQ(second_released.times, 1);
  show(surface, nullptr);
  EXPECT_EQ(first_released.times, 1);
  show(surface, first);
  wl_surface_destroy(surface);
  client.roundtrip();
  EXPECT_EQ(first_released.times, 2);
}

TEST_F(SurfaceStateTest, ContentOutlivesItsBufferAndPool) {
  wl_surface* const surface = make_surface();
  wl_buffer* const buffer = client.make_buffer(10, 10);
  show(surface, buffer);
  wl_buffer_destroy(buffer);
  client.roundtrip();
  const std::vector<Picture> all = frame(surface);
  ASSERT_EQ(all.size(), 1U);
  all[0].access->begin();
  EXPECT_EQ(*pixman_image_get_data(all[0].image), 0U);
  EXPECT_TRUE(all[0].access->end());
  show(surface, client.make_buffer(5, 5));
  EXPECT_TRUE(client.alive());
  // Destroyed between attach and commit: what was attached is there.
  wl_buffer* const brief = client.make_buffer(7, 7);
  wl_surface_attach(surface, brief, 0, 0);
  wl_buffer_destroy(brief);
  commit(surface);
  EXPECT_EQ(of(surface).size(), (Size{7, 7}));
}

TEST_F(SurfaceStateTest, RolesAreForLife) {
  struct TestRole final : Surface::Role {
    std::string_view role_name() const noexcept override { return "test"; }
    void before_commit(Surface::State& pending) override { seen_attached = pending.attached; }
    void committed() override { ++commits; }
    void tree_changed() override { ++changes; }
    void surface_destroyed() noexcept override { ++destroyed; }
    bool seen_attached = false;
    int commits = 0;
    int changes = 0;
    int destroyed = 0;
  };
  wl_surface* const surface = make_surface();
  TestRole role;
  TestRole other;
  Surface& object = of(surface);
  EXPECT_TRUE(object.set_role("", role)) << "an object without a decision";
  EXPECT_TRUE(object.role_name().empty());
  EXPECT_FALSE(object.set_role("first", other)) << "somebody plays it";
  EXPECT_TRUE(object.set_role("first", role));
  EXPECT_FALSE(object.set_role("second", role));
  object.clear_role(other);
  EXPECT_EQ(object.role(), &role);

  show(surface, client.make_buffer(4, 4));
  EXPECT_TRUE(role.seen_attached);
  EXPECT_EQ(role.commits, 1);
  EXPECT_EQ(role.changes, 1);
  EXPECT_TRUE(object.is_mapped());
  commit(surface);
  EXPECT_EQ(role.commits, 2);
  EXPECT_EQ(role.changes, 1) << "nothing is different";

  object.clear_role(role);
  EXPECT_FALSE(object.is_mapped());
  EXPECT_TRUE(object.has_content());
  EXPECT_FALSE(object.set_role("second", other));
  EXPECT_TRUE(object.set_role("first", other));
  wl_surface_destroy(surface);
  client.roundtrip();
  EXPECT_EQ(other.destroyed, 1);
  EXPECT_EQ(role.destroyed, 0);
}

TEST_F(SurfaceStateTest, ClientMayDieInTheMiddleOfEverything) {
  auto doomed = std::make_unique<LoopbackClient>(server);
  wl_surface* const parent = wl_compositor_create_surface(doomed->compositor);
  wl_surface* const child = wl_compositor_create_surface(doomed->compositor);
  wl_subcompositor_get_subsurface(doomed->subcompositor, child, parent);
  for (wl_surface* surface : {child, parent}) {
    wl_callback_destroy(wl_surface_frame(surface));
    wl_surface_attach(surface, doomed->make_buffer(10, 10), 0, 0);
    wl_surface_commit(surface);
    wl_callback_destroy(wl_surface_frame(surface));
    wl_surface_attach(surface, doomed->make_buffer(20, 20), 0, 0);
  }
  doomed->roundtrip();
  EXPECT_TRUE(doomed->alive());
  doomed.reset();
  server.serve();
  client.roundtrip();
  EXPECT_TRUE(client.alive());
}

}  // namespace
}  // namespace demo
