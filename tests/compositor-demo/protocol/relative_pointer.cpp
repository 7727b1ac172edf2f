#include "compositor-demo/protocol/relative_pointer.hpp"

#include <chrono>
#include <cstdint>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "relative-pointer-unstable-v1-client-protocol.h"
#include "surface_test.hpp"
#include "tests/compositor-demo/protocol/proxy.hpp"

namespace demo {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

TEST(RelativePointer, OnlyTheClientMeantIsToldInMicrosecondsAndParts) {
  LoopbackServer server;
  LoopbackClient client{server};
  LoopbackClient other{server};
  auto* const manager = static_cast<zwp_relative_pointer_manager_v1*>(
      client.bind(zwp_relative_pointer_manager_v1_interface));
  const Proxy<wl_pointer> pointer{wl_seat_get_pointer(client.seat)};
  Proxy<zwp_relative_pointer_v1> relative{
      zwp_relative_pointer_manager_v1_get_relative_pointer(manager, pointer.get())};
  std::vector<double> heard;
  static const zwp_relative_pointer_v1_listener listener{
      .relative_motion = [](void* data, zwp_relative_pointer_v1*, std::uint32_t high,
                            std::uint32_t low, wl_fixed_t dx, wl_fixed_t dy, wl_fixed_t raw_dx,
                            wl_fixed_t raw_dy) {
        *static_cast<std::vector<double>*>(data) = {
            static_cast<double>((std::uint64_t{high} << 32U) | low), wl_fixed_to_double(dx),
            wl_fixed_to_double(dy), wl_fixed_to_double(raw_dx), wl_fixed_to_double(raw_dy)};
      }};
  zwp_relative_pointer_v1_add_listener(relative.get(), &listener, &heard);
  client.roundtrip();
  wl_client* const first = wl_client_from_link(wl_display_get_client_list(server.display())->next);
  const RelativeMotion motion{
      .dx = 1.5, .dy = -2, .unaccelerated_dx = 0.5, .unaccelerated_dy = -0.25};
  const calloop::TimePoint time{5000s + 7us};
  EXPECT_TRUE(server.relative_pointers().send(first, motion, time));
  EXPECT_FALSE(server.relative_pointers().send(nullptr, motion, time));
  client.roundtrip();
  EXPECT_THAT(heard, ElementsAre(5'000'000'007.0, 1.5, -2.0, 0.5, -0.25));
  zwp_relative_pointer_v1_destroy(relative.release());
  client.roundtrip();
  EXPECT_FALSE(server.relative_pointers().send(first, motion, time));
  zwp_relative_pointer_manager_v1_destroy(manager);
}

}  // namespace
}  // namespace demo
