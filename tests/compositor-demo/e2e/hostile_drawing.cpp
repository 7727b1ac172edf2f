// Clients that want more to be drawn than there is time for.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "hostile_test.hpp"
#include "tests/sanitized.hpp"

namespace e2e {
namespace {

using clients::Buffer;
using clients::Connection;
using clients::Owned;
using clients::Surface;
using clients::Window;
using namespace std::chrono_literals;

// Surfaces that all show one buffer and let everything below shine through.
class Layers {
 public:
  Layers(Connection& connection, Window& window, int width, int height, int scale)
      : connection_{connection},
        window_{window},
        scale_{scale},
        buffer_{connection, width * scale, height * scale, 0x08000008, WL_SHM_FORMAT_ARGB8888} {}

  void add(int count) {
    for (int i = 0; i < count && connection_.alive(); ++i) {
      surfaces_.push_back(std::make_unique<Surface>(connection_));
      wl_surface* const surface = surfaces_.back()->get();
      roles_.emplace_back(
          wl_subcompositor_get_subsurface(connection_.subcompositor.get(), surface, window_.get()));
      wl_surface_set_buffer_scale(surface, scale_);
      wl_surface_attach(surface, buffer_.get(), 0, 0);
      wl_surface_commit(surface);
      if (i % 64 == 0)
        connection_.roundtrip();
    }
    window_.commit_and_wait();
  }

 private:
  Connection& connection_;
  Window& window_;
  int scale_;
  Buffer buffer_;
  std::vector<std::unique_ptr<Surface>> surfaces_;
  std::vector<Owned<wl_subsurface>> roles_;
};

class Drawing : public HostileTest {
 protected:
  Drawing() : HostileTest{CompositorOptions{.output = "1280x720@60"}} {}

  void expect_refused(Connection& client) {
    EXPECT_TRUE(client.wait_for_end());
    EXPECT_TRUE(compositor.says("more to be painted than a frame has time for: disconnected"));
  }
};

TEST_F(Drawing, AFewLayersOverTheWholeScreenAreFine) {
  Connection client{compositor.socket()};
  Window window{client, 1280, 720, 0x10000010, WL_SHM_FORMAT_ARGB8888};
  Layers layers{client, window, 1280, 720, 1};
  layers.add(12);
  EXPECT_TRUE(client.alive());
}

TEST_F(Drawing, ThousandsOfLayersEndTheirClient) {
  Connection client{compositor.socket()};
  Window window{client, 1280, 720, 0x10000010, WL_SHM_FORMAT_ARGB8888};
  Layers layers{client, window, 1280, 720, 1};
  layers.add(3000);
  expect_refused(client);
}

// Each pixel of them takes several times as long.
TEST_F(Drawing, ScaledLayersEndTheirClientSooner) {
  Connection client{compositor.socket()};
  Window window{client, 1280, 720, 0x10000010, WL_SHM_FORMAT_ARGB8888};
  Layers layers{client, window, 1280, 720, 2};
  layers.add(40);
  expect_refused(client);
}

// No window and no connection alone is too much.
TEST_F(Drawing, ManyConnectionsOfAProcessCountTogether) {
  std::vector<std::unique_ptr<Connection>> clients;
  std::vector<std::unique_ptr<Window>> windows;
  std::vector<std::unique_ptr<Layers>> layers;
  for (int i = 0; i < 12; ++i) {
    clients.push_back(std::make_unique<Connection>(compositor.socket()));
    windows.push_back(
        std::make_unique<Window>(*clients.back(), 1280, 720, 0x10000010, WL_SHM_FORMAT_ARGB8888));
    layers.push_back(std::make_unique<Layers>(*clients.back(), *windows.back(), 1280, 720, 1));
    layers.back()->add(12);
  }
  EXPECT_TRUE(compositor.says("more to be painted than a frame has time for: disconnected"));
}

TEST_F(Drawing, ThousandsOfWindowsLeaveTimeForOthers) {
  Connection client{compositor.socket()};
  Buffer pixel{client, 1, 1, 0xffff0000};
  std::vector<std::unique_ptr<Window>> windows;
  for (int i = 0; i < 2000; ++i) {
    windows.push_back(std::make_unique<Window>(client));
    wl_surface_attach(windows.back()->get(), pixel.get(), 0, 0);
    windows.back()->commit();
    ASSERT_TRUE(client.roundtrip());
  }
  // All of them are drawn all the time.
  const unsigned frames = witness.frames();
  const auto end = Clock::now() + 2s;
  while (Clock::now() < end) {
    for (const auto& window : windows) {
      if (window->frame_done())
        window->request_frame();
      wl_surface_damage_buffer(window->get(), 0, 0, 1, 1);
      window->commit();
    }
    ASSERT_TRUE(client.roundtrip());
    std::this_thread::sleep_for(10ms);
  }
  EXPECT_GT(witness.frames(), frames + 20);
}

// What they leave of the screen is in as many pieces.
TEST_F(Drawing, OpaqueRegionsOfThousandsOfPiecesLeaveTimeForOthers) {
  Connection client{compositor.socket()};
  Window window{client, 1000, 600, 0xff00ff00, WL_SHM_FORMAT_ARGB8888};
  const Owned<wl_region> region{wl_compositor_create_region(client.compositor.get())};
  for (int i = 0; i < 4000; ++i) {
    wl_region_add(region.get(), i % 64 * 2, i / 64 * 2, 1, 1);
    if (i % 256 == 0)
      client.roundtrip();
  }
  Buffer buffer{client, 130, 130, 0xffff0000, WL_SHM_FORMAT_ARGB8888};
  std::vector<std::unique_ptr<Surface>> surfaces;
  std::vector<Owned<wl_subsurface>> roles;
  for (int i = 0; i < 1000; ++i) {
    surfaces.push_back(std::make_unique<Surface>(client));
    wl_surface* const surface = surfaces.back()->get();
    roles.emplace_back(
        wl_subcompositor_get_subsurface(client.subcompositor.get(), surface, window.get()));
    wl_subsurface_set_position(roles.back().get(), i % 40 * 20 + i % 2, i / 40 * 20 + i / 2 % 2);
    wl_surface_attach(surface, buffer.get(), 0, 0);
    wl_surface_set_opaque_region(surface, region.get());
    wl_surface_commit(surface);
    if (i % 64 == 0)
      client.roundtrip();
  }
  const unsigned frames = witness.frames();
  const auto end = Clock::now() + 2s;
  while (Clock::now() < end) {
    wl_surface_damage_buffer(window.get(), 0, 0, 1000, 600);
    ASSERT_TRUE(window.commit_and_wait());
  }
  EXPECT_GT(witness.frames(), frames + 8);
  EXPECT_TRUE(client.alive());
}

}  // namespace
}  // namespace e2e
