#include "compositor-demo/protocol/pointer_constraints.hpp"

#include <optional>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pointer-constraints-unstable-v1-client-protocol.h"
#include "surface_test.hpp"
#include "tests/compositor-demo/protocol/proxy.hpp"

namespace demo {
namespace {

using testing::ElementsAre;

// Hears whether it holds.
template <class T>
struct Held {
  Proxy<T> proxy;
  std::vector<bool> heard;
};

class PointerConstraintsTest : public SurfaceTest {
 protected:
  using Lock = Held<zwp_locked_pointer_v1>;
  using Confinement = Held<zwp_confined_pointer_v1>;

  PointerConstraintsTest() {
    server.constraints().on_change([this] { look(); });
    server.constraints().on_warp(
        [this](Surface&, double to_x, double to_y) { warped = std::pair{to_x, to_y}; });
  }
  ~PointerConstraintsTest() override {
    server.constraints().on_change({});
    server.constraints().on_warp({});
    zwp_pointer_constraints_v1_destroy(manager);
  }

  void lock(Lock& held, wl_surface* on, wl_region* region = nullptr,
            std::uint32_t lifetime = ZWP_POINTER_CONSTRAINTS_V1_LIFETIME_ONESHOT) {
    held.proxy.reset(
        zwp_pointer_constraints_v1_lock_pointer(manager, on, pointer.get(), region, lifetime));
    static const zwp_locked_pointer_v1_listener listener{
        .locked = [](void* self,
                     zwp_locked_pointer_v1*) { static_cast<Lock*>(self)->heard.push_back(true); },
        .unlocked =
            [](void* self, zwp_locked_pointer_v1*) {
              static_cast<Lock*>(self)->heard.push_back(false);
            }};
    zwp_locked_pointer_v1_add_listener(held.proxy.get(), &listener, &held);
    client.roundtrip();
  }
  void confine(Confinement& held, wl_surface* to, wl_region* region = nullptr) {
    held.proxy.reset(zwp_pointer_constraints_v1_confine_pointer(
        manager, to, pointer.get(), region, ZWP_POINTER_CONSTRAINTS_V1_LIFETIME_PERSISTENT));
    static const zwp_confined_pointer_v1_listener listener{
        .confined =
            [](void* self, zwp_confined_pointer_v1*) {
              static_cast<Confinement*>(self)->heard.push_back(true);
            },
        .unconfined =
            [](void* self, zwp_confined_pointer_v1*) {
              static_cast<Confinement*>(self)->heard.push_back(false);
            }};
    zwp_confined_pointer_v1_add_listener(held.proxy.get(), &listener, &held);
    client.roundtrip();
  }
  Proxy<wl_region> region(const Rect& rect) {
    Proxy<wl_region> made{wl_compositor_create_region(client.compositor)};
    wl_region_add(made.get(), rect.x, rect.y, rect.width, rect.height);
    return made;
  }
  // The pointer is there.
  void point(wl_surface* on, double at_x, double at_y, bool is_chosen = true) {
    focus = on == nullptr ? nullptr : &of(on);
    x = at_x;
    y = at_y;
    chosen = is_chosen;
    look();
    client.roundtrip();
  }
  void look() { server.constraints().update(focus, x, y, chosen); }

  zwp_pointer_constraints_v1* manager =
      static_cast<zwp_pointer_constraints_v1*>(client.bind(zwp_pointer_constraints_v1_interface));
  Proxy<wl_pointer> pointer{wl_seat_get_pointer(client.seat)};
  wl_surface* surface = shown_surface(20, 20);
  Surface* focus = nullptr;
  double x = 0;
  double y = 0;
  bool chosen = false;
  std::optional<std::pair<double, double>> warped;
};

TEST_F(PointerConstraintsTest, HoldsWhereThePointerIsAndTheUserWorks) {
  Lock held;
  lock(held, surface);
  EXPECT_THAT(held.heard, ElementsAre());
  point(surface, 5, 5, false);
  EXPECT_THAT(held.heard, ElementsAre()) << "the user works elsewhere";
  point(surface, 5, 5);
  EXPECT_THAT(held.heard, ElementsAre(true));
  ASSERT_NE(server.constraints().active(), nullptr);
  EXPECT_EQ(server.constraints().active()->kind(), PointerConstraint::Kind::Lock);
  point(nullptr, 0, 0);
  EXPECT_THAT(held.heard, ElementsAre(true, false));
  point(surface, 5, 5);
  EXPECT_THAT(held.heard, ElementsAre(true, false)) << "only once";
}

TEST_F(PointerConstraintsTest, APersistentOneHoldsAgain) {
  Lock held;
  lock(held, surface, nullptr, ZWP_POINTER_CONSTRAINTS_V1_LIFETIME_PERSISTENT);
  point(surface, 5, 5);
  point(nullptr, 0, 0);
  point(surface, 5, 5);
  EXPECT_THAT(held.heard, ElementsAre(true, false, true));
}

TEST_F(PointerConstraintsTest, ItsRegionIsWithinTheInputRegion) {
  const auto input = region({0, 0, 10, 20});
  wl_surface_set_input_region(surface, input.get());
  commit(surface);
  const auto wanted = region({5, 0, 15, 20});
  Lock held;
  lock(held, surface, wanted.get(), ZWP_POINTER_CONSTRAINTS_V1_LIFETIME_PERSISTENT);
  for (const double outside : {4.9, 10.0, 15.0}) {
    point(surface, outside, 5);
    EXPECT_THAT(held.heard, ElementsAre()) << outside;
  }
  point(surface, 5, 5);
  EXPECT_THAT(held.heard, ElementsAre(true));
  // The region changes with the commit.
  const auto other = region({0, 0, 5, 20});
  zwp_locked_pointer_v1_set_region(held.proxy.get(), other.get());
  client.roundtrip();
  EXPECT_THAT(held.heard, ElementsAre(true));
  commit(surface);
  EXPECT_THAT(held.heard, ElementsAre(true, false));
}

TEST_F(PointerConstraintsTest, AConfinedPointerGoesToTheNearestPlace) {
  const auto wanted = region({5, 5, 10, 10});
  Confinement held;
  confine(held, surface, wanted.get());
  point(surface, 6, 6);
  ASSERT_THAT(held.heard, ElementsAre(true));
  const PointerConstraint& active = *server.constraints().active();
  EXPECT_EQ(active.nearest(7.5, 8.25), (std::pair{7.5, 8.25}));
  EXPECT_EQ(active.nearest(-100, 8), (std::pair{5.0, 8.0}));
  EXPECT_EQ(active.nearest(100, 100), (std::pair{14.0, 14.0}));
}

TEST_F(PointerConstraintsTest, ALockThatEndsMayLeaveThePointerElsewhere) {
  Lock held;
  lock(held, surface);
  point(surface, 5, 5);
  zwp_locked_pointer_v1_set_cursor_position_hint(held.proxy.get(), wl_fixed_from_int(12),
                                                 wl_fixed_from_int(13));
  commit(surface);
  zwp_locked_pointer_v1_destroy(held.proxy.release());
  client.roundtrip();
  EXPECT_EQ(warped, (std::pair{12.0, 13.0}));
  EXPECT_EQ(server.constraints().active(), nullptr);

  warped.reset();
  Lock outside;
  lock(outside, surface);
  zwp_locked_pointer_v1_set_cursor_position_hint(outside.proxy.get(), wl_fixed_from_int(50), 0);
  commit(surface);
  zwp_locked_pointer_v1_destroy(outside.proxy.release());
  client.roundtrip();
  EXPECT_FALSE(warped);
}

TEST_F(PointerConstraintsTest, EndsWithItsSurface) {
  Lock held;
  lock(held, surface);
  point(surface, 5, 5);
  focus = nullptr;
  wl_surface_destroy(surface);
  client.roundtrip();
  EXPECT_EQ(server.constraints().active(), nullptr);
  zwp_locked_pointer_v1_destroy(held.proxy.release());
  client.roundtrip();
  EXPECT_TRUE(client.alive());
}

TEST_F(PointerConstraintsTest, ASecondOneIsAnError) {
  Lock held;
  lock(held, surface);
  Confinement other;
  confine(other, surface);
  EXPECT_EQ(client.error(), (ReceivedError{"zwp_pointer_constraints_v1",
                                           ZWP_POINTER_CONSTRAINTS_V1_ERROR_ALREADY_CONSTRAINED}));
}

}  // namespace
}  // namespace demo
