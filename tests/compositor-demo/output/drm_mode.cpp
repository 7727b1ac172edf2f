#include "compositor-demo/output/drm_mode.hpp"

#include <array>
#include <optional>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace demo {
namespace {

using testing::ElementsAre;
using testing::Optional;

drmModeModeInfo mode(int width, int height, std::uint32_t type = DRM_MODE_TYPE_DRIVER) {
  drmModeModeInfo info{};
  info.hdisplay = static_cast<std::uint16_t>(width);
  info.vdisplay = static_cast<std::uint16_t>(height);
  info.type = type;
  return info;
}

// CEA-861 has 1080p at 59.94 Hz with these numbers.
drmModeModeInfo full_hd() {
  drmModeModeInfo info = mode(1920, 1080);
  info.clock = 148'352;
  info.htotal = 2200;
  info.vtotal = 1125;
  info.vrefresh = 60;
  return info;
}

TEST(DrmMode, RateIsThatOfThePixelClock) {
  EXPECT_EQ(refresh_mhz(full_hd()), 59'940);
}

TEST(DrmMode, RateKnowsInterlacedAndDoubledLines) {
  drmModeModeInfo info = full_hd();
  info.flags = DRM_MODE_FLAG_INTERLACE;
  EXPECT_EQ(refresh_mhz(info), 119'880);
  info.flags = DRM_MODE_FLAG_DBLSCAN;
  EXPECT_EQ(refresh_mhz(info), 29'970);
  info.flags = 0;
  info.vscan = 2;
  EXPECT_EQ(refresh_mhz(info), 29'970);
}

TEST(DrmMode, RateWithoutAClockIsTheModesOwn) {
  drmModeModeInfo info = mode(800, 600);
  info.vrefresh = 75;
  EXPECT_EQ(refresh_mhz(info), 75'000);
  EXPECT_GE(refresh_mhz(mode(800, 600)), 1);
}

TEST(DrmMode, PreferredIsWhatTheMonitorPrefers) {
  const std::array modes{mode(1920, 1080), mode(1280, 720, DRM_MODE_TYPE_PREFERRED)};
  EXPECT_EQ(preferred_mode(modes), &modes[1]);
}

TEST(DrmMode, PreferredIsElseTheFirst) {
  const std::array modes{mode(1920, 1080), mode(1280, 720)};
  EXPECT_EQ(preferred_mode(modes), &modes[0]);
  EXPECT_EQ(preferred_mode({}), nullptr);
}

TEST(DrmMode, IsTheSameWithAnotherName) {
  drmModeModeInfo named = full_hd();
  named.name[0] = 'x';
  EXPECT_TRUE(same_mode(named, full_hd()));
  named.clock += 10'000;
  EXPECT_FALSE(same_mode(named, full_hd()));
}

TEST(DrmCrtcs, EverybodyHasOne) {
  const std::vector<CrtcNeed> needs{{.possible = 0b11}, {.possible = 0b11}};
  EXPECT_THAT(assign_crtcs(needs, 2), ElementsAre(Optional(0U), Optional(1U)));
}

TEST(DrmCrtcs, WhoHasChoiceMakesRoom) {
  const std::vector<CrtcNeed> needs{{.possible = 0b11}, {.possible = 0b01}};
  EXPECT_THAT(assign_crtcs(needs, 2), ElementsAre(Optional(1U), Optional(0U)));
}

TEST(DrmCrtcs, WhoHasOneKeepsIt) {
  const std::vector<CrtcNeed> needs{{.possible = 0b11}, {.current = 0, .possible = 0b11}};
  EXPECT_THAT(assign_crtcs(needs, 2), ElementsAre(Optional(1U), Optional(0U)));
}

TEST(DrmCrtcs, ThereMayBeTooFew) {
  const std::vector<CrtcNeed> needs{{.possible = 1}, {.possible = 1}, {.possible = 0}};
  EXPECT_THAT(assign_crtcs(needs, 1), ElementsAre(Optional(0U), std::nullopt, std::nullopt));
}

}  // namespace
}  // namespace demo
