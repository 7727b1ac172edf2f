#include "compositor-demo/protocol/seat.hpp"

#include <gtest/gtest.h>

#include "tests/compositor-demo/protocol/loopback.hpp"
#include "tests/compositor-demo/protocol/proxy.hpp"

namespace demo {
namespace {

TEST(Seat, HasPointerAndKeyboardWithoutAnyDevice) {
  LoopbackServer server;
  const LoopbackClient client{server};
  EXPECT_EQ(client.seat_capabilities,
            std::uint32_t{WL_SEAT_CAPABILITY_POINTER | WL_SEAT_CAPABILITY_KEYBOARD});
  EXPECT_EQ(client.seat_name, "seat0");
}

TEST(Seat, HasNoNameBeforeVersionTwo) {
  LoopbackServer server;
  const LoopbackClient client{server, {.seat = 1}};
  EXPECT_NE(client.seat_capabilities, 0U);
  EXPECT_EQ(client.seat_name, "");
}

TEST(Seat, TouchIsAnErrorAsItWasNeverThere) {
  LoopbackServer server;
  LoopbackClient client{server};
  const Proxy<wl_touch> touch{wl_seat_get_touch(client.seat)};
  client.roundtrip();
  EXPECT_EQ(client.error(), (ReceivedError{"wl_seat", WL_SEAT_ERROR_MISSING_CAPABILITY}));
}

TEST(Seat, PointersAndKeyboardsOutliveIt) {
  LoopbackServer server;
  LoopbackClient client{server};
  const Proxy<wl_pointer> pointer{wl_seat_get_pointer(client.seat)};
  const Proxy<wl_keyboard> keyboard{wl_seat_get_keyboard(client.seat)};
  wl_seat_release(client.seat);
  client.seat = nullptr;
  client.roundtrip();
  server.seat().keyboard().key(30, true, 0);
  client.roundtrip();
  EXPECT_TRUE(client.alive());
}

}  // namespace
}  // namespace demo
