#include "compositor-demo/protocol/xdg_output.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compositor-demo/protocol/output_global.hpp"
#include "surface_test.hpp"
#include "tests/compositor-demo/protocol/proxy.hpp"
#include "xdg-output-unstable-v1-client-protocol.h"

namespace demo {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(XdgOutput, IsDescribedInTheSpaceOfWindowsAndAgainWhenItChanges) {
  LoopbackServer server;
  OutputInfo info;
  info.name = "ONE";
  info.description = "The first";
  info.position = {100, 0};
  info.mode = {400, 300};
  info.scale = 2;
  server.outputs().add(info);
  LoopbackClient client{server};
  auto* const output = static_cast<wl_output*>(client.bind(wl_output_interface));
  auto* const manager =
      static_cast<zxdg_output_manager_v1*>(client.bind(zxdg_output_manager_v1_interface));
  std::vector<std::string> heard;
  const auto say = [](void* data, const std::string& text) {
    static_cast<std::vector<std::string>*>(data)->push_back(text);
  };
  static const auto tell = say;
  static const zxdg_output_v1_listener listener{
      .logical_position =
          [](void* data, zxdg_output_v1*, std::int32_t x, std::int32_t y) {
            tell(data, std::to_string(x) + "," + std::to_string(y));
          },
      .logical_size =
          [](void* data, zxdg_output_v1*, std::int32_t width, std::int32_t height) {
            tell(data, std::to_string(width) + "x" + std::to_string(height));
          },
      .done = [](void* data, zxdg_output_v1*) { tell(data, "done"); },
      .name = [](void* data, zxdg_output_v1*, const char* name) { tell(data, name); },
      .description = [](void* data, zxdg_output_v1*,
                        const char* description) { tell(data, description); }};
  Proxy<zxdg_output_v1> xdg{zxdg_output_manager_v1_get_xdg_output(manager, output)};
  zxdg_output_v1_add_listener(xdg.get(), &listener, &heard);
  client.roundtrip();
  EXPECT_THAT(heard, ElementsAre("100,0", "200x150", "ONE", "The first"))
      << "wl_output.done follows, since version 3";
  heard.clear();
  info.position = {0, 0};
  server.outputs().change(info);
  client.roundtrip();
  EXPECT_THAT(heard, ElementsAre("0,0", "200x150", "ONE", "The first"));
  heard.clear();
  zxdg_output_v1_destroy(xdg.release());
  client.roundtrip();
  server.outputs().change(info);
  client.roundtrip();
  EXPECT_THAT(heard, IsEmpty());
  EXPECT_TRUE(client.alive());
  zxdg_output_manager_v1_destroy(manager);
  wl_output_destroy(output);
}

}  // namespace
}  // namespace demo
