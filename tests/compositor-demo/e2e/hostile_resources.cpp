// Clients that want more than there is: memory, descriptors, time.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <thread>
#include <vector>

#include "hostile_test.hpp"
#include "tests/command.hpp"

namespace e2e {
namespace {

using clients::Connection;
using clients::Message;
using clients::Owned;
using clients::RawConnection;
using clients::Window;
using namespace std::chrono_literals;

// -------------------------------------------------------------------------------- too many objects

// A client that never gives anything back.
struct GreedyClient {
  explicit GreedyClient(const Compositor& compositor) : connection{compositor.socket()} {}

  template <class T>
  void keep(T* object) {
    kept_.emplace_back(reinterpret_cast<wl_proxy*>(object));
  }

  Connection connection;
  Window window{connection, 50, 50, 0xffff0000};
  clients::Surface hidden{connection};
  calloop::OwnedFd file = clients::make_shared_file(4096);
  Owned<wl_shm_pool> pool{wl_shm_create_pool(connection.shm.get(), file.get(), 4096)};

 private:
  // Frees our side without a word to the compositor.
  struct Forget {
    void operator()(wl_proxy* proxy) const noexcept { wl_proxy_destroy(proxy); }
  };
  std::vector<std::unique_ptr<wl_proxy, Forget>> kept_;
};

struct Greed {
  std::string name;
  std::string complaint;
  // Takes one more.
  std::function<void(GreedyClient&)> take;
};

std::ostream& operator<<(std::ostream& out, const Greed& greed) {
  return out << greed.name;
}

class Greedy : public HostileTest, public testing::WithParamInterface<Greed> {};

TEST_P(Greedy, EndsItsClientOnly) {
  GreedyClient client{compositor};
  constexpr int far_too_many = 50'000;
  int taken = 0;
  while (taken < far_too_many && client.connection.alive()) {
    GetParam().take(client);
    if (++taken % 64 == 0)
      client.connection.roundtrip();
  }
  EXPECT_TRUE(client.connection.wait_for_end());
  EXPECT_TRUE(compositor.says(GetParam().complaint));
  expect_grown_by_less_than(64 * 1024);
}

INSTANTIATE_TEST_SUITE_P(
    For, Greedy,
    testing::Values(
        Greed{"surfaces", "more than 4096 surfaces",
              [](GreedyClient& client) {
                client.keep(wl_compositor_create_surface(client.connection.compositor.get()));
              }},
        Greed{"regions", "more than 4096 regions",
              [](GreedyClient& client) {
                client.keep(wl_compositor_create_region(client.connection.compositor.get()));
              }},
        Greed{"pools", "more than 1024 shm pools",
              [](GreedyClient& client) {
                client.keep(
                    wl_shm_create_pool(client.connection.shm.get(), client.file.get(), 4096));
              }},
        Greed{"buffers", "more than 16384 buffers",
              [](GreedyClient& client) {
                client.keep(wl_shm_pool_create_buffer(client.pool.get(), 0, 8, 8, 32,
                                                      WL_SHM_FORMAT_XRGB8888));
              }},
        Greed{"frame_callbacks", "more than 16384 frame callbacks",
              [](GreedyClient& client) { client.keep(wl_surface_frame(client.hidden.get())); }},
        Greed{"positioners", "more than 16384 objects",
              [](GreedyClient& client) {
                client.keep(xdg_wm_base_create_positioner(client.connection.wm_base.get()));
              }},
        Greed{"pointers", "more than 16384 objects",
              [](GreedyClient& client) {
                client.keep(wl_seat_get_pointer(client.connection.seat.get()));
              }},
        Greed{"data_sources", "more than 16384 objects",
              [](GreedyClient& client) {
                client.keep(wl_data_device_manager_create_data_source(
                    client.connection.data_device_manager.get()));
              }},
        Greed{"rectangles", "more than 65536 rectangles",
              [](GreedyClient& client) {
                auto* const region =
                    wl_compositor_create_region(client.connection.compositor.get());
                client.keep(region);
                for (int i = 0; i < 50; ++i)
                  wl_region_add(region, 2 * i, 2 * i, 1, 1);
                client.connection.roundtrip();
              }},
        Greed{"data_formats", "more than 262144 bytes of data formats",
              [](GreedyClient& client) {
                auto* const source = wl_data_device_manager_create_data_source(
                    client.connection.data_device_manager.get());
                client.keep(source);
                for (int i = 0; i < 30; ++i)
                  wl_data_source_offer(source, (std::to_string(i) + std::string(100, 'x')).c_str());
                client.connection.roundtrip();
              }},
        Greed{"registries", "more than 1024 bound globals",
              [](GreedyClient& client) {
                client.keep(wl_display_get_registry(client.connection.display()));
              }}),
    [](const auto& greed) { return greed.param.name; });

class GreedForMemory : public HostileTest {};

// None of them too much for one client.
TEST_F(GreedForMemory, ByManyConnections) {
  std::vector<std::unique_ptr<Connection>> clients;
  std::vector<Owned<wl_region>> regions;
  for (int i = 0; i < 6; ++i) {
    clients.push_back(std::make_unique<Connection>(compositor.socket()));
    Connection& client = *clients.back();
    for (int count = 0; count < 100 && client.alive(); ++count) {
      regions.emplace_back(wl_compositor_create_region(client.compositor.get()));
      for (int piece = 0; piece < 600; ++piece)
        wl_region_add(regions.back().get(), 2 * piece, 2 * piece, 1, 1);
      client.roundtrip();
    }
  }
  EXPECT_TRUE(compositor.says("more than 262144 rectangles in regions with all its connections"));
  EXPECT_TRUE(clients.front()->roundtrip());
  EXPECT_TRUE(clients.back()->wait_for_end());
  expect_grown_by_less_than(64 * 1024);
  regions.clear();
}

// Rectangles of one region are not counted, but take memory, and time for each operation on them.
TEST_F(GreedForMemory, ByARegionOfManyPieces) {
  Connection client{compositor.socket()};
  Window window{client, 50, 50, 0xffff0000};
  const Owned<wl_region> region{wl_compositor_create_region(client.compositor.get())};
  for (int i = 0; i < 20'000 && client.alive(); ++i) {
    wl_region_add(region.get(), (i % 200) * 2, (i / 200) * 2, 1, 1);
    if (i % 256 == 0)
      client.roundtrip();
  }
  wl_surface_set_opaque_region(window.get(), region.get());
  wl_surface_set_input_region(window.get(), region.get());
  window.commit();
  client.roundtrip();
  expect_grown_by_less_than(64 * 1024);
}

TEST_F(GreedForMemory, ByDamageInManyPieces) {
  Connection client{compositor.socket()};
  Window window{client, 300, 200, 0xffff0000};
  for (int i = 0; i < 20'000 && client.alive(); ++i) {
    wl_surface_damage_buffer(window.get(), (i % 150) * 2, (i / 150 % 100) * 2, 1, 1);
    if (i % 256 == 0)
      client.roundtrip();
  }
  window.commit();
  client.roundtrip();
  expect_grown_by_less_than(64 * 1024);
}

TEST_F(GreedForMemory, ByATitleOfEveryLength) {
  Connection client{compositor.socket()};
  Window window{client, 50, 50, 0xffff0000};
  for (std::size_t length = 1; length < 4000 && client.alive(); length += 100) {
    xdg_toplevel_set_title(window.toplevel(), std::string(length, '\n').c_str());
    xdg_toplevel_set_app_id(window.toplevel(), std::string(length, '\x1b').c_str());
    client.roundtrip();
  }
  EXPECT_TRUE(client.alive());
}

// ------------------------------------------------------------------------------------ not reading

class Deaf : public HostileTest {
 protected:
  static void give_up_after(const RawConnection& client, std::chrono::seconds limit) {
    const struct timeval time{limit.count(), 0};
    ::setsockopt(client.fd(), SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
  }
};

TEST_F(Deaf, WhoAsksAndNeverListensIsDisconnected) {
  RawConnection client{compositor.socket()};
  give_up_after(client, patience);
  // wl_display.sync: each is answered with two events. Ids are used again when they are free, which
  // this client cannot know; so it goes on counting.
  bool connected = true;
  std::uint32_t id = 2;
  for (; connected && id < 1'000'000; ++id)
    connected = client.send(Message{1, 0}.u32(id));
  EXPECT_FALSE(connected) << "it has asked " << id << " times";
  expect_grown_by_less_than(32 * 1024);
}

// It fills its socket, not more than that, and then does not even ask: libwayland hears nothing of
// it any more.
TEST_F(Deaf, WhoHasAWindowAndNeverListensIsDisconnected) {
  Connection client{compositor.socket()};
  Window window{client, 50, 50, 0xffff0000};
  // Each answer has 24 bytes. A quarter of the socket's buffer is what poll(2) calls full.
  std::vector<Owned<wl_callback>> waiting;
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 500; ++i)
      waiting.emplace_back(wl_surface_frame(window.get()));
    wl_surface_damage_buffer(window.get(), 0, 0, 1, 1);
    window.commit();
    ASSERT_GE(wl_display_flush(client.display()), 0);
    const unsigned frames = witness.frames();
    ASSERT_TRUE(eventually([&] { return witness.frames() > frames + 2; }));
  }
  EXPECT_EQ(compositor.screenshot().count(0xff0000), 50U * 50U) << "it may be busy";
  EXPECT_TRUE(compositor.says("does not read its events: disconnected"));
  EXPECT_TRUE(eventually([&] { return compositor.screenshot().count(0xff0000) == 0; }));
  expect_grown_by_less_than(32 * 1024);
}

// ------------------------------------------------------------------------------------ descriptors

class Descriptors : public HostileTest {
 protected:
  Descriptors() : HostileTest{CompositorOptions{.descriptors = 128}} {}

  std::string as_client() const {
    const Place& place = compositor.place();
    return "XDG_RUNTIME_DIR=" + place.directory().string() +
           " WAYLAND_DISPLAY=" + place.socket().filename().string() + " timeout 20 ";
  }
  bool others_may_connect() const {
    return tests::run_command(as_client() + "wayland-info").status == 0;
  }
};

class Crowd : public HostileTest {};

TEST_F(Descriptors, OneThatConnectsForEverIsRefused) {
  std::vector<RawConnection> connections;
  for (int i = 0; i < 200; ++i)
    connections.emplace_back(compositor.socket());
  // The last ones are closed without a word.
  EXPECT_TRUE(connections.back().wait_for_end());
  EXPECT_TRUE(compositor.says("refused"));
  EXPECT_TRUE(others_may_connect());
  connections.clear();
  EXPECT_TRUE(eventually([&] { return Connection{compositor.socket()}.roundtrip(); }));
}

TEST_F(Descriptors, ManyThatConnectForEverAreRefusedAndTheOthersStay) {
  {
    std::vector<std::unique_ptr<Process>> crowd;
    for (int i = 0; i < 8; ++i)
      crowd.push_back(std::make_unique<Process>(
          std::vector<std::string>{TESTS_HOG, compositor.socket().string(), "connections", "40"}));
    EXPECT_TRUE(compositor.says("refused"));
    // It does not turn around in circles either.
    const double before = compositor.process().cpu_seconds();
    const unsigned frames = witness.frames();
    std::this_thread::sleep_for(1s);
    EXPECT_LT(compositor.process().cpu_seconds() - before, 0.5);
    EXPECT_GT(witness.frames(), frames);
  }
  EXPECT_TRUE(eventually([&] { return others_may_connect(); }));
}

// However many descriptors there are.
TEST_F(Crowd, OfConnectionsOfOneProcessIsRefused) {
  {
    const Process hog{{TESTS_HOG, compositor.socket().string(), "connections", "300"}};
    EXPECT_TRUE(compositor.says("refused: it has too many connections"));
    EXPECT_TRUE(Connection{compositor.socket()}.roundtrip());
  }
  EXPECT_TRUE(eventually([&] { return Connection{compositor.socket()}.roundtrip(); }));
}

// Descriptors that no request takes stay in libwayland's queue.
TEST_F(Descriptors, OneThatSendsThemForNothingIsDisconnected) {
  Process hog{{TESTS_HOG, compositor.socket().string(), "descriptors"}};
  EXPECT_EQ(hog.wait_for_end(), 0);
  EXPECT_TRUE(eventually([&] { return others_may_connect(); }));
}

TEST_F(Descriptors, OneThatSharesMemoryForEverIsDisconnected) {
  Connection client{compositor.socket()};
  std::vector<Owned<wl_shm_pool>> pools;
  while (client.alive() && pools.size() < 5000) {
    const calloop::OwnedFd file = clients::make_shared_file(4096);
    pools.emplace_back(wl_shm_create_pool(client.shm.get(), file.get(), 4096));
    if (pools.size() % 8 == 0)
      client.roundtrip();
  }
  EXPECT_TRUE(client.wait_for_end());
  EXPECT_TRUE(others_may_connect());
}

// ------------------------------------------------------------------------------------------ floods

class Flood : public HostileTest {
 protected:
  // Long enough for somebody to wait for more than a second.
  static constexpr auto duration = 2s;
};

TEST_F(Flood, OfRequestsLeavesTimeForOthers) {
  Connection client{compositor.socket()};
  const Window window{client, 50, 50, 0xffff0000};
  // Behind libwayland's back: as fast as the socket takes it.
  std::vector<std::byte> damage;
  const std::uint32_t id = wl_proxy_get_id(reinterpret_cast<wl_proxy*>(window.get()));
  for (int i = 0; i < 1000; ++i) {
    const auto bytes = Message{id, 2}.u32(0).u32(0).u32(5).u32(5).bytes();
    damage.insert(damage.end(), bytes.begin(), bytes.end());
  }
  const auto commit = Message{id, 6}.bytes();
  damage.insert(damage.end(), commit.begin(), commit.end());
  wl_display_flush(client.display());
  const unsigned frames = witness.frames();
  const auto end = Clock::now() + duration;
  std::size_t sent = 0;
  while (Clock::now() < end && client.alive()) {
    std::span<const std::byte> rest{damage};
    while (!rest.empty()) {
      const ssize_t count =
          ::send(wl_display_get_fd(client.display()), rest.data(), rest.size(), MSG_NOSIGNAL);
      ASSERT_GE(count, 0) << "disconnected";
      rest = rest.subspan(static_cast<std::size_t>(count));
      sent += static_cast<std::size_t>(count);
    }
  }
  EXPECT_GT(sent, 1'000'000U);
  EXPECT_GT(witness.frames(), frames + 20);
}

TEST_F(Flood, OfQuestionsLeavesTimeForOthers) {
  Connection client{compositor.socket()};
  const unsigned frames = witness.frames();
  const auto end = Clock::now() + duration;
  while (Clock::now() < end) {
    std::vector<Owned<wl_callback>> questions;
    for (int i = 0; i < 500; ++i)
      questions.emplace_back(wl_display_sync(client.display()));
    ASSERT_TRUE(client.roundtrip());
  }
  EXPECT_GT(witness.frames(), frames + 20);
}

TEST_F(Flood, OfConnectionsLeavesTimeForOthers) {
  const unsigned frames = witness.frames();
  const auto end = Clock::now() + duration;
  while (Clock::now() < end) {
    Connection client{compositor.socket()};
    EXPECT_TRUE(client.roundtrip());
  }
  EXPECT_GT(witness.frames(), frames + 20);
  expect_grown_by_less_than(32 * 1024);
}

TEST_F(Flood, OfWindowsThatComeAndGoLeavesTimeForOthers) {
  Connection client{compositor.socket()};
  const unsigned frames = witness.frames();
  const auto end = Clock::now() + duration;
  while (Clock::now() < end) {
    Window window{client};
    window.attach(30, 30, 0xffff0000);
    window.commit();
    ASSERT_TRUE(client.roundtrip());
  }
  EXPECT_GT(witness.frames(), frames + 20);
  expect_grown_by_less_than(32 * 1024);
}

}  // namespace
}  // namespace e2e
