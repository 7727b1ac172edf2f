#include "compositor-demo/output/edid.hpp"

#include <array>
#include <cstddef>
#include <string_view>

#include <gtest/gtest.h>

namespace demo {
namespace {

// The first block of a monitor "DEL" with a name in its second descriptor.
std::array<std::byte, 128> edid(std::string_view name) {
  std::array<std::byte, 128> block{};
  block[8] = std::byte{0x10};  // D E L: 00100 00101 01100
  block[9] = std::byte{0xac};
  block[54] = std::byte{1};  // a mode
  block[72 + 3] = std::byte{0xfc};
  for (std::size_t i = 0; i < name.size(); ++i)
    block[72 + 5 + i] = static_cast<std::byte>(name[i]);
  return block;
}

TEST(Edid, SaysWhoMadeItAndWhatItIs) {
  EXPECT_EQ(monitor_name(edid("U2720Q\n     ")), (MonitorName{"DEL", "U2720Q"}));
}

TEST(Edid, ANameMayFillItsPlace) {
  EXPECT_EQ(monitor_name(edid("ABCDEFGHIJKLM")), (MonitorName{"DEL", "ABCDEFGHIJKLM"}));
}

TEST(Edid, WhatIsNoTextIsLeftOut) {
  EXPECT_EQ(monitor_name(edid("\x1b[2J\x80\n")), (MonitorName{"DEL", "[2J"}));
}

TEST(Edid, ShortOrEmptyDataSaysNothing) {
  EXPECT_EQ(monitor_name({}), MonitorName{});
  EXPECT_EQ(monitor_name(std::array<std::byte, 127>{}), MonitorName{});
  EXPECT_EQ(monitor_name(std::array<std::byte, 128>{}), MonitorName{});
}

}  // namespace
}  // namespace demo
