#include "compositor-demo/protocol/subsurface.hpp"

#include <initializer_list>

#include "surface_test.hpp"

namespace demo {
namespace {

class SubsurfaceTest : public SurfaceTest {
 protected:
  wl_subsurface* below(wl_surface* parent, wl_surface* surface) {
    return wl_subcompositor_get_subsurface(client.subcompositor, surface, parent);
  }
  // What is drawn, back to front, is exactly this.
  testing::AssertionResult drawn(wl_surface* root, std::initializer_list<wl_surface*> expected) {
    std::vector<PictureId> ids;
    for (const Picture& picture : pictures(root))
      ids.push_back(picture.id);
    std::vector<PictureId> wanted;
    for (wl_surface* surface : expected)
      wanted.push_back(of(surface).id());
    if (ids == wanted)
      return testing::AssertionSuccess();
    testing::AssertionResult failure = testing::AssertionFailure();
    failure << "drawn:";
    for (const PictureId id : ids)
      failure << ' ' << static_cast<std::uint64_t>(id);
    failure << ", expected:";
    for (const PictureId id : wanted)
      failure << ' ' << static_cast<std::uint64_t>(id);
    return failure;
  }
  Point position(wl_surface* root, wl_surface* surface) {
    for (const Picture& picture : pictures(root))
      if (picture.id == of(surface).id())
        return picture.position;
    ADD_FAILURE() << "not drawn";
    return {};
  }
};

TEST_F(SubsurfaceTest, IsSeenWhenItsParentIsCommittedAndMapped) {
  wl_surface* const parent = shown_surface(50, 50);
  wl_surface* const child = make_surface();
  wl_subsurface* const role = below(parent, child);
  wl_subsurface_set_position(role, 7, -8);
  show(child, client.make_buffer(10, 10));
  EXPECT_TRUE(drawn(parent, {parent})) << "all of it waits for the parent";
  EXPECT_FALSE(of(child).has_content());
  commit(parent);
  EXPECT_TRUE(drawn(parent, {parent, child}));
  EXPECT_EQ(position(parent, child), (Point{7, -8}));
  EXPECT_EQ(of(child).position_in_root(), (Point{7, -8}));
  EXPECT_EQ(&of(child).root(), &of(parent));
  EXPECT_EQ(of(parent).tree_extents(), (Rect{0, -8, 50, 58}));

  show(parent, nullptr);
  EXPECT_TRUE(drawn(parent, {})) << "hidden with its parent";
  show(parent, client.make_buffer(50, 50));
  EXPECT_TRUE(drawn(parent, {parent, child}));
}

TEST_F(SubsurfaceTest, PositionAndOrderWaitForTheParentInEveryMode) {
  wl_surface* const parent = shown_surface(50, 50);
  wl_surface* const a = make_surface();
  wl_surface* const b = make_surface();
  wl_subsurface* const role_a = below(parent, a);
  wl_subsurface* const role_b = below(parent, b);
  wl_subsurface_set_desync(role_a);
  wl_subsurface_set_desync(role_b);
  show(a, client.make_buffer(10, 10));
  show(b, client.make_buffer(10, 10));
  EXPECT_TRUE(of(a).has_content()) << "desynchronized content does not wait";
  commit(parent);
  EXPECT_TRUE(drawn(parent, {parent, a, b}));

  wl_subsurface_place_above(role_a, b);
  wl_subsurface_set_position(role_a, 3, 4);
  commit(a);
  EXPECT_TRUE(drawn(parent, {parent, a, b}));
  EXPECT_EQ(position(parent, a), Point{});
  commit(parent);
  EXPECT_TRUE(drawn(parent, {parent, b, a}));
  EXPECT_EQ(position(parent, a), (Point{3, 4}));

  wl_subsurface_place_below(role_a, parent);
  wl_subsurface_place_below(role_b, a);
  commit(parent);
  EXPECT_TRUE(drawn(parent, {b, a, parent}));
  wl_subsurface_place_above(role_b, parent);
  wl_subsurface_place_below(role_a, b);
  commit(parent);
  EXPECT_TRUE(drawn(parent, {parent, a, b}));
}

TEST_F(SubsurfaceTest, SynchronizedCommitsAccumulate) {
  wl_surface* const parent = shown_surface(50, 50);
  wl_surface* const child = make_surface();
  (void)below(parent, child);
  wl_buffer* const first = client.make_buffer(10, 10);
  wl_buffer* const second = client.make_buffer(20, 20);
  Heard first_released;
  first_released.release(first);
  Heard done;
  done.callback(wl_surface_frame(child));
  show(child, first);
  wl_surface_damage(child, 0, 0, 1, 1);
  show(child, second);
  EXPECT_EQ(first_released.times, 1) << "replaced before it was seen";
  EXPECT_FALSE(of(parent).frame_wanted());
  commit(parent);
  EXPECT_EQ(of(child).size(), (Size{20, 20}));
  EXPECT_TRUE(of(parent).frame_wanted());
  (void)frame(parent, 99);
  EXPECT_EQ(done.value, 99U);
  EXPECT_TRUE(of(parent).shown_since_last_commit());

  // What was applied is not applied again.
  show(child, nullptr);
  commit(parent);
  EXPECT_TRUE(drawn(parent, {parent}));
  commit(parent);
  EXPECT_TRUE(drawn(parent, {parent}));
}

TEST_F(SubsurfaceTest, SynchronizationReachesDown) {
  wl_surface* const parent = shown_surface(50, 50);
  wl_surface* const child = make_surface();
  wl_surface* const grandchild = make_surface();
  wl_subsurface* const child_role = below(parent, child);
  wl_subsurface* const grandchild_role = below(child, grandchild);
  wl_subsurface_set_desync(grandchild_role);
  show(grandchild, client.make_buffer(5, 5));
  EXPECT_FALSE(of(grandchild).has_content()) << "its parent is synchronized";
  show(child, client.make_buffer(10, 10));
  commit(parent);
  EXPECT_TRUE(drawn(parent, {parent, child, grandchild}));

  // Only the grandchild has something new; the parent's commit applies it all the same.
  show(grandchild, client.make_buffer(6, 6));
  EXPECT_EQ(of(grandchild).size(), (Size{5, 5}));
  commit(parent);
  EXPECT_EQ(of(grandchild).size(), (Size{6, 6}));

  // Becoming desynchronized applies what waits, here and below.
  show(grandchild, client.make_buffer(7, 7));
  show(child, client.make_buffer(11, 11));
  EXPECT_EQ(of(child).size(), (Size{10, 10}));
  wl_subsurface_set_desync(child_role);
  client.roundtrip();
  EXPECT_EQ(of(child).size(), (Size{11, 11}));
  EXPECT_EQ(of(grandchild).size(), (Size{7, 7}));
  show(grandchild, client.make_buffer(8, 8));
  EXPECT_EQ(of(grandchild).size(), (Size{8, 8}));
}

TEST_F(SubsurfaceTest, DesynchronizedWithNothingOfItsOwnStillReleasesWhatIsBelow) {
  wl_surface* const parent = shown_surface(50, 50);
  wl_surface* const child = make_surface();
  wl_surface* const grandchild = make_surface();
  wl_subsurface* const child_role = below(parent, child);
  wl_subsurface_set_desync(below(child, grandchild));
  show(child, client.make_buffer(10, 10));
  commit(parent);
  show(grandchild, client.make_buffer(5, 5));
  EXPECT_FALSE(of(grandchild).has_content());
  wl_subsurface_set_desync(child_role);
  client.roundtrip();
  EXPECT_TRUE(of(grandchild).has_content());
}

TEST_F(SubsurfaceTest, CommitAfterSetDesyncAddsToWhatWaited) {
  wl_surface* const parent = shown_surface(50, 50);
  wl_surface* const child = make_surface();
  wl_subsurface* const role = below(parent, child);
  show(child, client.make_buffer(10, 10));
  commit(parent);
  (void)frame(parent);
  wl_surface_damage(child, 0, 0, 1, 1);
  commit(child);
  wl_subsurface_set_desync(role);
  wl_surface_damage(child, 5, 5, 1, 1);
  commit(child);
  for (const Picture& picture : pictures(parent)) {
    if (picture.id == of(child).id()) {
      EXPECT_EQ(picture.damage, Region{(Rect{0, 0, 1, 1})}.united(Rect{5, 5, 1, 1}));
    }
  }
}

TEST_F(SubsurfaceTest, InputGoesToTheTopmostThatTakesIt) {
  wl_surface* const parent = shown_surface(50, 50);
  wl_surface* const child = make_surface();
  wl_subsurface_set_position(below(parent, child), 40, 40);
  show(child, client.make_buffer(30, 30));
  commit(parent);
  EXPECT_EQ(of(parent).hit(39, 39)->surface, &of(parent));
  const auto hit = of(parent).hit(45.5, 60);
  ASSERT_TRUE(hit) << "children may stick out";
  EXPECT_EQ(hit->surface, &of(child));
  EXPECT_EQ(hit->x, 5.5);
  EXPECT_EQ(hit->y, 20);
  wl_region* const nothing = wl_compositor_create_region(client.compositor);
  wl_surface_set_input_region(child, nothing);
  commit(child);
  commit(parent);
  EXPECT_EQ(of(parent).hit(45, 45)->surface, &of(parent)) << "through the child";
}

TEST_F(SubsurfaceTest, DestroyingTheRoleUnmapsAndAllowsAnother) {
  wl_surface* const parent = shown_surface(50, 50);
  wl_surface* const child = make_surface();
  wl_subsurface* const role = below(parent, child);
  show(child, client.make_buffer(10, 10));
  commit(parent);
  EXPECT_TRUE(drawn(parent, {parent, child}));
  wl_subsurface_destroy(role);
  client.roundtrip();
  EXPECT_TRUE(drawn(parent, {parent})) << "at once";
  (void)below(parent, child);
  show(child, client.make_buffer(10, 10));
  commit(parent);
  EXPECT_TRUE(drawn(parent, {parent, child}));
}

TEST_F(SubsurfaceTest, AnyOfTheThreeObjectsMayGoFirst) {
  wl_surface* const parent = shown_surface(50, 50);
  wl_surface* const child = make_surface();
  wl_surface* const sibling = make_surface();
  wl_subsurface* const role = below(parent, child);
  wl_subsurface* const sibling_role = below(parent, sibling);
  show(child, client.make_buffer(10, 10));
  show(sibling, client.make_buffer(10, 10));
  commit(parent);

  wl_surface_destroy(child);
  client.roundtrip();
  EXPECT_TRUE(drawn(parent, {parent, sibling}));
  wl_subsurface_set_position(role, 1, 1);
  wl_subsurface_place_above(role, parent);
  wl_subsurface_set_desync(role);
  wl_subsurface_destroy(role);
  client.roundtrip();
  EXPECT_TRUE(client.alive()) << "the role of a dead surface does nothing";

  wl_surface_destroy(parent);
  client.roundtrip();
  EXPECT_FALSE(of(sibling).is_mapped());
  wl_subsurface_set_position(sibling_role, 1, 1);
  commit(sibling);
  wl_subsurface_set_desync(sibling_role);
  commit(sibling);
  wl_subsurface_destroy(sibling_role);
  client.roundtrip();
  EXPECT_TRUE(client.alive());
}

TEST_F(SubsurfaceTest, BrokenRulesAreErrors) {
  const auto error_after = [](auto make_mistake) {
    LoopbackServer other_server;
    LoopbackClient other{other_server};
    wl_surface* const a = wl_compositor_create_surface(other.compositor);
    wl_surface* const b = wl_compositor_create_surface(other.compositor);
    wl_surface* const c = wl_compositor_create_surface(other.compositor);
    make_mistake(other.subcompositor, a, b, c);
    other.roundtrip();
    return other.error();
  };
  const ReceivedError bad_surface{"wl_subcompositor", WL_SUBCOMPOSITOR_ERROR_BAD_SURFACE};
  const ReceivedError bad_sibling{"wl_subsurface", WL_SUBSURFACE_ERROR_BAD_SURFACE};
  const auto make = wl_subcompositor_get_subsurface;

  EXPECT_EQ(error_after([&](auto* s, auto* a, auto*, auto*) { make(s, a, a); }), bad_surface);
  EXPECT_EQ(error_after([&](auto* s, auto* a, auto* b, auto*) {
              make(s, b, a);
              make(s, b, a);
            }),
            bad_surface)
      << "it is one already";
  EXPECT_EQ(error_after([&](auto* s, auto* a, auto* b, auto* c) {
              make(s, b, a);
              make(s, c, b);
              make(s, a, c);
            }),
            bad_surface)
      << "a circle";
  EXPECT_EQ(error_after([&](auto* s, auto* a, auto* b, auto* c) {
              wl_subsurface_place_above(make(s, b, a), c);
            }),
            bad_sibling);
  EXPECT_EQ(error_after([&](auto* s, auto* a, auto* b, auto*) {
              wl_subsurface_place_below(make(s, b, a), b);
            }),
            bad_sibling)
      << "itself";
  EXPECT_EQ(error_after([&](auto* s, auto* a, auto* b, auto* c) {
              make(s, b, a);
              wl_subsurface_place_below(make(s, c, b), a);
            }),
            bad_sibling)
      << "the grandparent";
  EXPECT_EQ(error_after([&](auto* s, auto* a, auto* b, auto* c) {
              make(s, b, a);
              make(s, c, a);
            }),
            ReceivedError{});
}

TEST_F(SubsurfaceTest, NestingHasALimit) {
  std::vector<wl_surface*> chain{make_surface()};
  for (int level = 0; level <= Subsurface::deepest && client.alive(); ++level) {
    chain.push_back(make_surface());
    (void)below(chain[chain.size() - 2], chain.back());
    client.roundtrip();
  }
  EXPECT_EQ(client.error(), (ReceivedError{"wl_display", WL_DISPLAY_ERROR_IMPLEMENTATION}));
  EXPECT_EQ(chain.size(), static_cast<std::size_t>(Subsurface::deepest) + 1);
}

TEST_F(SubsurfaceTest, OffsetMovesTheChild) {
  wl_surface* const parent = shown_surface(50, 50);
  wl_surface* const child = make_surface();
  wl_subsurface* const role = below(parent, child);
  wl_subsurface_set_desync(role);
  wl_subsurface_set_position(role, 10, 10);
  show(child, client.make_buffer(10, 10));
  commit(parent);
  wl_surface_offset(child, -2, 3);
  commit(child);
  EXPECT_EQ(position(parent, child), (Point{8, 13}));
  commit(parent);
  EXPECT_EQ(position(parent, child), (Point{8, 13}));
}

}  // namespace
}  // namespace demo
