#include "compositor-demo/protocol/xdg_positioner.hpp"

#include <functional>

#include <gtest/gtest.h>

#include "loopback.hpp"
#include "xdg_client.hpp"

namespace demo {
namespace {

struct InvalidInput {
  const char* name;
  std::function<void(xdg_positioner*)> request;
};

class XdgPositionerTest : public testing::TestWithParam<InvalidInput> {};

TEST_P(XdgPositionerTest, IsAnError) {
  LoopbackServer server;
  LoopbackClient client{server};
  const Proxy<xdg_positioner> positioner{xdg_wm_base_create_positioner(client.wm_base)};
  GetParam().request(positioner.get());
  client.roundtrip();
  EXPECT_EQ(client.error(), (ReceivedError{"xdg_positioner", XDG_POSITIONER_ERROR_INVALID_INPUT}));
}

INSTANTIATE_TEST_SUITE_P(
    InvalidInputs, XdgPositionerTest,
    testing::Values(InvalidInput{"NoWidth", [](auto* p) { xdg_positioner_set_size(p, 0, 1); }},
                    InvalidInput{"NegativeHeight",
                                 [](auto* p) { xdg_positioner_set_size(p, 1, -1); }},
                    InvalidInput{"NegativeAnchorWidth",
                                 [](auto* p) { xdg_positioner_set_anchor_rect(p, 0, 0, -1, 1); }},
                    InvalidInput{"NegativeAnchorHeight",
                                 [](auto* p) { xdg_positioner_set_anchor_rect(p, 0, 0, 1, -1); }},
                    InvalidInput{"UnknownAnchor", [](auto* p) { xdg_positioner_set_anchor(p, 9); }},
                    InvalidInput{"UnknownGravity",
                                 [](auto* p) { xdg_positioner_set_gravity(p, 0xffffffffU); }}),
    [](const testing::TestParamInfo<InvalidInput>& tested) { return tested.param.name; });

TEST(XdgPositioner, TakesEverythingThatMeansSomething) {
  LoopbackServer server;
  LoopbackClient client{server};
  const ClientPositioner given{client, {1, 1}, {-5, -5, 0, 0}};
  xdg_positioner* const positioner = given.positioner.get();
  for (std::uint32_t side = 0; side <= 8; ++side) {
    xdg_positioner_set_anchor(positioner, side);
    xdg_positioner_set_gravity(positioner, side);
  }
  xdg_positioner_set_constraint_adjustment(positioner, 0xffffffffU);
  xdg_positioner_set_offset(positioner, -2147483647 - 1, 2147483647);
  xdg_positioner_set_reactive(positioner);
  xdg_positioner_set_parent_size(positioner, 0, -1);
  xdg_positioner_set_parent_configure(positioner, 0);
  client.roundtrip();
  EXPECT_TRUE(client.alive());
}

}  // namespace
}  // namespace demo
