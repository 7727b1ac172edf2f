// Clients that lie about their shared memory, or take it away.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <ostream>
#include <string>

#include "hostile_test.hpp"

namespace e2e {
namespace {

using clients::Connection;
using clients::Owned;
using clients::Window;

constexpr int pool_bytes = 4096 * 10;

struct Layout {
  std::string name;
  std::int32_t offset = 0;
  std::int32_t width = 10;
  std::int32_t height = 10;
  std::int32_t stride = 40;
  std::uint32_t format = WL_SHM_FORMAT_XRGB8888;
  wl_shm_error error = WL_SHM_ERROR_INVALID_STRIDE;
};

std::ostream& operator<<(std::ostream& out, const Layout& layout) {
  return out << layout.name;
}

class LyingBuffer : public HostileTest, public testing::WithParamInterface<Layout> {};

TEST_P(LyingBuffer, EndsItsClientOnly) {
  Connection client{compositor.socket()};
  Window window{client, 50, 50, 0xffff0000};
  const calloop::OwnedFd file = clients::make_shared_file(pool_bytes);
  const Owned<wl_shm_pool> pool{wl_shm_create_pool(client.shm.get(), file.get(), pool_bytes)};
  const Layout& lie = GetParam();
  const Owned<wl_buffer> buffer{wl_shm_pool_create_buffer(pool.get(), lie.offset, lie.width,
                                                          lie.height, lie.stride, lie.format)};
  wl_surface_attach(window.get(), buffer.get(), 0, 0);
  wl_surface_damage(window.get(), 0, 0, 9999, 9999);
  window.commit();
  expect_error(client, "wl_shm_pool", static_cast<std::uint32_t>(lie.error));
}

constexpr std::int32_t most = 0x7fffffff;

INSTANTIATE_TEST_SUITE_P(
    With, LyingBuffer,
    testing::Values(
        // A row of 1200 pixels in 1200 bytes: its last row ends behind the pool.
        Layout{"rows_longer_than_the_stride", pool_bytes - 1200, 1200, 1, 1200},
        Layout{"rows_that_overlap_within_the_pool", 0, 1200, 5, 1200},
        Layout{"a_negative_stride", 0, 10, 10, -40}, Layout{"no_stride", 0, 10, 10, 0},
        Layout{"a_stride_that_leaves_the_pool", 0, 10, 10, 8192},
        Layout{"a_stride_whose_product_overflows", 0, 10, 32767, 131076},
        Layout{"the_largest_stride", 0, 10, 10, most - 3},
        Layout{"a_stride_between_pixels", 0, 10, 10, 41},
        Layout{"a_negative_offset", -4096, 10, 10, 40},
        Layout{"an_offset_at_the_end", pool_bytes, 10, 10, 40},
        Layout{"an_offset_whose_sum_overflows", most - 3, 10, 10, 40},
        Layout{"no_width", 0, 0, 10, 40}, Layout{"a_negative_height", 0, 10, -10, 40},
        Layout{"the_largest_size", 0, most, most, most - 3},
        Layout{"a_width_whose_row_overflows", 0, 0x40000001, 1, 4},
        Layout{"an_unknown_format", 0, 10, 10, 40, 0x12345678, WL_SHM_ERROR_INVALID_FORMAT}),
    [](const auto& layout) { return layout.param.name; });

class LyingPool : public HostileTest {
 protected:
  void create(int fd, std::int32_t size) {
    Connection client{compositor.socket()};
    const Owned<wl_shm_pool> pool{wl_shm_create_pool(client.shm.get(), fd, size)};
    ASSERT_TRUE(client.wait_for_end());
    ASSERT_TRUE(client.error());
    EXPECT_TRUE(client.error()->interface == "wl_shm" || client.error()->interface == "wl_shm_pool")
        << client.error()->interface;
  }
};

// The file may still grow, so that counts when the memory is read.
TEST_F(LyingPool, LargerThanItsFile) {
  Connection client{compositor.socket()};
  Window window{client, 50, 50, 0xffff0000};
  const calloop::OwnedFd file = clients::make_shared_file(100);
  const Owned<wl_shm_pool> pool{wl_shm_create_pool(client.shm.get(), file.get(), 1'000'000)};
  const Owned<wl_buffer> buffer{
      wl_shm_pool_create_buffer(pool.get(), 4096, 100, 100, 400, WL_SHM_FORMAT_XRGB8888)};
  wl_surface_attach(window.get(), buffer.get(), 0, 0);
  wl_surface_damage_buffer(window.get(), 0, 0, 100, 100);
  window.commit();
  expect_error(client, "wl_buffer", WL_SHM_ERROR_INVALID_FD);
}

TEST_F(LyingPool, OfNoSize) {
  const calloop::OwnedFd file = clients::make_shared_file(100);
  create(file.get(), 0);
  create(file.get(), -4096);
}

TEST_F(LyingPool, OfNoFile) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const calloop::OwnedFd reader{ends[0]};
  const calloop::OwnedFd writer{ends[1]};
  create(reader.get(), 4096);
  create(writer.get(), 4096);
  const calloop::OwnedFd zero{::open("/dev/zero", O_RDWR | O_CLOEXEC)};
  create(zero.get(), 4096);
  const calloop::OwnedFd directory{::open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  create(directory.get(), 4096);
}

TEST_F(LyingPool, ThatGrowsBeyondItsFile) {
  Connection client{compositor.socket()};
  Window window{client, 50, 50, 0xffff0000};
  const calloop::OwnedFd file = clients::make_shared_file(4096);
  const Owned<wl_shm_pool> pool{wl_shm_create_pool(client.shm.get(), file.get(), 4096)};
  wl_shm_pool_resize(pool.get(), 1 << 20);
  const Owned<wl_buffer> buffer{
      wl_shm_pool_create_buffer(pool.get(), 4096, 100, 100, 400, WL_SHM_FORMAT_XRGB8888)};
  wl_surface_attach(window.get(), buffer.get(), 0, 0);
  wl_surface_damage_buffer(window.get(), 0, 0, 100, 100);
  window.commit();
  // Refused at once, or when it is read: in any case it goes.
  EXPECT_TRUE(client.wait_for_end());
}

class VanishingMemory : public HostileTest {
 protected:
  static constexpr clients::Colour red = 0xffff0000;
};

TEST_F(VanishingMemory, EndsTheClientThatShowsItAgain) {
  Connection client{compositor.socket()};
  Window window{client, 100, 100, red};
  ASSERT_EQ(::ftruncate(window.buffer().fd(), 0), 0);
  wl_surface_damage_buffer(window.get(), 0, 0, 100, 100);
  window.commit();
  EXPECT_TRUE(client.wait_for_end());
  EXPECT_TRUE(eventually([&] { return compositor.screenshot().count(red) == 0; }));
}

TEST_F(VanishingMemory, HalfOfItIsEnough) {
  Connection client{compositor.socket()};
  Window window{client, 100, 100, red};
  ASSERT_EQ(::ftruncate(window.buffer().fd(), 100 * 100 * 2), 0);
  wl_surface_damage_buffer(window.get(), 0, 0, 100, 100);
  window.commit();
  EXPECT_TRUE(client.wait_for_end());
}

// The client itself does nothing: it is somebody else's window that makes the compositor look.
TEST_F(VanishingMemory, EndsTheClientWhoseWindowIsUncovered) {
  Connection client{compositor.socket()};
  Window below{client, 400, 300, red};
  ASSERT_EQ(::ftruncate(below.buffer().fd(), 0), 0);
  Connection other{compositor.socket()};
  auto above = std::make_unique<Window>(other, 100, 100, 0xff0000ff);
  above.reset();
  ASSERT_TRUE(other.roundtrip());
  EXPECT_TRUE(client.wait_for_end());
  EXPECT_TRUE(other.roundtrip());
  EXPECT_TRUE(eventually([&] { return compositor.screenshot().count(red) == 0; }));
}

TEST_F(VanishingMemory, OfASubsurfaceEndsItsClient) {
  Connection client{compositor.socket()};
  Window window{client, 100, 100, red};
  clients::Subsurface child{window, 10, 10, 50, 50, 0xff0000ff};
  ASSERT_TRUE(window.commit_and_wait());
  wl_subsurface_set_desync(child.role());
  ASSERT_EQ(::ftruncate(child.buffer().fd(), 0), 0);
  wl_surface_damage_buffer(child.get(), 0, 0, 50, 50);
  child.commit();
  EXPECT_TRUE(client.wait_for_end());
}

// Two clients share one file, and one of them cuts it: both show what is not there, neither may
// take the compositor along.
TEST_F(VanishingMemory, OfManyClientsAtOnce) {
  std::vector<std::unique_ptr<Connection>> clients;
  std::vector<std::unique_ptr<Window>> windows;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(std::make_unique<Connection>(compositor.socket()));
    windows.push_back(std::make_unique<Window>(*clients.back(), 64, 64, red));
  }
  for (const auto& window : windows)
    ASSERT_EQ(::ftruncate(window->buffer().fd(), 0), 0);
  for (const auto& window : windows) {
    wl_surface_damage_buffer(window->get(), 0, 0, 64, 64);
    window->commit();
    wl_display_flush(window->connection().display());
  }
  for (const auto& client : clients)
    EXPECT_TRUE(client->wait_for_end());
}

}  // namespace
}  // namespace e2e
