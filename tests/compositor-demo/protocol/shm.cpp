#include "compositor-demo/protocol/shm.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "surface_test.hpp"

namespace demo {
namespace {

class ShmTest : public SurfaceTest {
 protected:
  static calloop::OwnedFd file(std::int64_t size) {
    calloop::OwnedFd fd{::memfd_create("shm", MFD_CLOEXEC)};
    EXPECT_EQ(::ftruncate(fd.get(), size), 0);
    return fd;
  }
  ReceivedError error_of_pool(int fd, std::int32_t size) {
    LoopbackClient other{server};
    wl_shm_create_pool(other.shm, fd, size);
    other.roundtrip();
    return other.error();
  }
  ReceivedError error_of_buffer(std::int32_t offset, std::int32_t width, std::int32_t height,
                                std::int32_t stride,
                                std::uint32_t format = WL_SHM_FORMAT_ARGB8888) {
    LoopbackClient other{server};
    wl_shm_pool* const pool = wl_shm_create_pool(other.shm, file(4000).get(), 4000);
    wl_shm_pool_create_buffer(pool, offset, width, height, stride, format);
    other.roundtrip();
    return other.error();
  }
};

TEST_F(ShmTest, AnnouncesItsFormats) {
  std::vector<std::uint32_t> formats;
  auto* const shm =
      static_cast<wl_shm*>(wl_registry_bind(client.registry, 3, &wl_shm_interface, 1));
  static const wl_shm_listener listener{.format = [](void* data, wl_shm*, std::uint32_t format) {
    static_cast<std::vector<std::uint32_t>*>(data)->push_back(format);
  }};
  wl_shm_add_listener(shm, &listener, &formats);
  client.roundtrip();
  EXPECT_EQ(formats, (std::vector<std::uint32_t>{WL_SHM_FORMAT_ARGB8888, WL_SHM_FORMAT_XRGB8888}));
  wl_shm_destroy(shm);
}

TEST_F(ShmTest, RefusesFilesThatAreNotThere) {
  const ReceivedError invalid_fd{"wl_shm", WL_SHM_ERROR_INVALID_FD};
  EXPECT_EQ(error_of_pool(file(4096).get(), 0),
            (ReceivedError{"wl_shm", WL_SHM_ERROR_INVALID_STRIDE}));
  EXPECT_EQ(error_of_pool(file(4096).get(), -1),
            (ReceivedError{"wl_shm", WL_SHM_ERROR_INVALID_STRIDE}));
  EXPECT_EQ(error_of_pool(file(4096).get(), 8192), ReceivedError{}) << "the file may still grow";
  EXPECT_EQ(error_of_pool(file(4096).get(), 4096), ReceivedError{});
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const calloop::OwnedFd reading{ends[0]};
  const calloop::OwnedFd writing{ends[1]};
  EXPECT_EQ(error_of_pool(reading.get(), 4096), invalid_fd);
  const calloop::OwnedFd device{::open("/dev/zero", O_RDWR | O_CLOEXEC)};
  EXPECT_EQ(error_of_pool(device.get(), 4096), invalid_fd);
}

TEST_F(ShmTest, RefusesBuffersThatLie) {
  const ReceivedError invalid_stride{"wl_shm_pool", WL_SHM_ERROR_INVALID_STRIDE};
  EXPECT_EQ(error_of_buffer(0, 10, 10, 40), ReceivedError{});
  EXPECT_EQ(error_of_buffer(0, 10, 100, 40), ReceivedError{});
  EXPECT_EQ(error_of_buffer(0, 10, 101, 40), invalid_stride);
  EXPECT_EQ(error_of_buffer(3604, 10, 10, 40), invalid_stride);
  EXPECT_EQ(error_of_buffer(4000 - 1200, 1200, 1, 1200), invalid_stride);
  EXPECT_EQ(error_of_buffer(0, 0, 10, 40), invalid_stride);
  EXPECT_EQ(error_of_buffer(0, 10, 10, 40, WL_SHM_FORMAT_RGB565),
            (ReceivedError{"wl_shm_pool", WL_SHM_ERROR_INVALID_FORMAT}));
}

TEST_F(ShmTest, PoolsOnlyGrowAndBuffersFollow) {
  const calloop::OwnedFd fd = file(4000);
  wl_shm_pool* const pool = wl_shm_create_pool(client.shm, fd.get(), 4000);
  wl_buffer* const buffer = wl_shm_pool_create_buffer(pool, 0, 10, 10, 40, WL_SHM_FORMAT_ARGB8888);
  wl_surface* const surface = make_surface();
  show(surface, buffer);
  (void)frame(surface);
  const std::int64_t large = 64 << 20;
  ASSERT_EQ(::ftruncate(fd.get(), large), 0);
  wl_shm_pool_resize(pool, static_cast<std::int32_t>(large));
  wl_buffer* const behind = wl_shm_pool_create_buffer(pool, static_cast<std::int32_t>(large) - 400,
                                                      10, 10, 40, WL_SHM_FORMAT_ARGB8888);
  client.roundtrip();
  ASSERT_TRUE(client.alive());
  // Wherever the memory is now, the first buffer's pixels are there.
  const std::uint32_t pixel = 0x12345678;
  ASSERT_EQ(::pwrite(fd.get(), &pixel, 4, 0), 4);
  Picture picture = frame(surface)[0];
  picture.access->begin();
  EXPECT_EQ(*pixman_image_get_data(picture.image), pixel);
  EXPECT_TRUE(picture.access->end());
  EXPECT_TRUE(picture.opaque.empty());
  ASSERT_EQ(::pwrite(fd.get(), &pixel, 4, large - 400), 4);
  wl_shm_pool_destroy(pool);
  show(surface, behind);
  picture = frame(surface)[0];
  picture.access->begin();
  EXPECT_EQ(*pixman_image_get_data(picture.image), pixel);
  EXPECT_TRUE(picture.access->end());

  wl_shm_pool* const other = wl_shm_create_pool(client.shm, fd.get(), 4000);
  wl_shm_pool_resize(other, 4000);
  client.roundtrip();
  EXPECT_TRUE(client.alive());
  wl_shm_pool_resize(other, 3999);
  client.roundtrip();
  EXPECT_EQ(client.error(), (ReceivedError{"wl_shm_pool", WL_SHM_ERROR_INVALID_FD}));
}

TEST_F(ShmTest, ClientThatTakesItsMemoryAwayGoesAlone) {
  LoopbackClient other{server};
  const calloop::OwnedFd fd = file(400);
  wl_shm_pool* const pool = wl_shm_create_pool(client.shm, fd.get(), 400);
  wl_surface* const surface = make_surface();
  Surface* object = nullptr;
  {
    // make_surface and of() look at the first client of the list, which is ours.
    show(surface, wl_shm_pool_create_buffer(pool, 0, 10, 10, 40, WL_SHM_FORMAT_ARGB8888));
    object = &of(surface);
  }
  const Picture picture = pictures(surface)[0];
  ASSERT_EQ(::ftruncate(fd.get(), 0), 0);
  picture.access->begin();
  EXPECT_EQ(*pixman_image_get_data(picture.image), 0U);
  EXPECT_FALSE(picture.access->end());
  // The picture is still good: the client goes only when the loop comes round.
  EXPECT_TRUE(object->has_content());
  picture.access->begin();
  EXPECT_FALSE(picture.access->end());
  client.roundtrip();
  EXPECT_EQ(client.error(), (ReceivedError{"wl_buffer", WL_SHM_ERROR_INVALID_FD}));
  EXPECT_EQ(wl_list_length(wl_display_get_client_list(server.display())), 1);
  other.roundtrip();
  EXPECT_TRUE(other.alive());
}

TEST_F(ShmTest, PoolsHaveALimitThatDestroyingGivesBack) {
  const calloop::OwnedFd fd = file(4096);
  const std::size_t most = ClientLimits::maximum(Limit::Pools);
  for (std::size_t count = 0; count != 2 * most; ++count) {
    wl_shm_pool_destroy(wl_shm_create_pool(client.shm, fd.get(), 4096));
    if (count % 20 == 0)
      client.roundtrip();
  }
  client.roundtrip();
  ASSERT_TRUE(client.alive());
  for (std::size_t count = 0; count <= most && client.alive(); ++count) {
    wl_shm_create_pool(client.shm, fd.get(), 4096);
    if (count % 20 == 0)
      client.roundtrip();
  }
  client.roundtrip();
  EXPECT_EQ(client.error(), (ReceivedError{"wl_display", WL_DISPLAY_ERROR_IMPLEMENTATION}));
}

TEST_F(ShmTest, MappedMemoryHasALimit) {
  const std::size_t most = ClientLimits::maximum(Limit::MappedBytes);
  const std::int32_t each = INT32_MAX;  // a sparse file, of which nothing is touched
  const calloop::OwnedFd fd = file(each);
  for (std::size_t mapped = 0; mapped <= most && client.alive(); mapped += INT32_MAX) {
    wl_shm_create_pool(client.shm, fd.get(), each);
    client.roundtrip();
  }
  EXPECT_EQ(client.error(), (ReceivedError{"wl_display", WL_DISPLAY_ERROR_IMPLEMENTATION}));
}

}  // namespace
}  // namespace demo
