// Clients that break the rules of the wire format or of the protocol.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <ostream>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "hostile_test.hpp"

namespace e2e {
namespace {

using clients::Connection;
using clients::Message;
using clients::Owned;
using clients::RawConnection;
using clients::Subsurface;
using clients::Surface;
using clients::Window;
using namespace std::chrono_literals;

constexpr std::uint32_t display_id = 1;
constexpr std::uint32_t registry_id = 2;
constexpr std::uint32_t compositor_id = 4;
constexpr std::uint32_t surface_id = 5;
constexpr std::uint16_t surface_commit = 6;
constexpr std::uint16_t surface_destroy = 0;

// wl_display.error
constexpr std::uint32_t invalid_object = WL_DISPLAY_ERROR_INVALID_OBJECT;
constexpr std::uint32_t invalid_method = WL_DISPLAY_ERROR_INVALID_METHOD;

class Wire : public HostileTest {
 protected:
  // With a wl_compositor and a wl_surface.
  RawConnection connect_with_surface() {
    RawConnection client{compositor.socket()};
    const std::uint32_t name = global_name(client, "wl_compositor");
    client.bind(registry_id, name, "wl_compositor", 5, compositor_id);
    client.send(Message{compositor_id, 0}.u32(surface_id));
    return client;
  }
  // An error is said before the end.
  static void expect_end(RawConnection& client, std::uint32_t object, std::uint32_t code) {
    const auto end = client.wait_for_end();
    ASSERT_TRUE(end) << "it is still connected";
    EXPECT_EQ(end->object, object) << end->message;
    EXPECT_EQ(end->code, code) << end->message;
  }
};

TEST_F(Wire, GarbageEndsTheConnection) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    std::mt19937 random{seed};
    std::vector<std::byte> garbage(20'000);
    for (std::byte& byte : garbage)
      byte = static_cast<std::byte>(random());
    RawConnection client{compositor.socket()};
    client.send(garbage);
    EXPECT_TRUE(client.wait_for_end()) << "seed " << seed;
  }
}

TEST_F(Wire, GarbageInsideOfAValidConnectionEndsIt) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    std::mt19937 random{seed};
    const auto below = [&random](std::uint32_t limit) {
      return static_cast<std::uint32_t>(random()) % limit;
    };
    RawConnection client = connect_with_surface();
    // Objects and requests that may be there; everything else is anything.
    bool connected = true;
    for (int i = 0; i < 2000 && connected; ++i) {
      Message message{below(7), static_cast<std::uint16_t>(below(12))};
      for (std::uint32_t words = below(6); words > 0; --words)
        message.u32(below(4) == 0 ? static_cast<std::uint32_t>(random()) : below(16));
      connected = client.send(message);
    }
    EXPECT_TRUE(client.wait_for_end()) << "seed " << seed;
  }
}

TEST_F(Wire, ASizeThatCannotBeEndsTheConnection) {
  // Words of (size << 16 | opcode): smaller than the header, odd, larger than any message.
  for (const std::uint32_t size : {0U, 4U, 7U, 9U, 65'535U, 65'532U}) {
    RawConnection client{compositor.socket()};
    const std::vector<std::uint32_t> words(4096, size << 16);
    std::vector<std::uint32_t> message{display_id, size << 16};
    message.insert(message.end(), words.begin(), words.end());
    client.send(std::as_bytes(std::span{message}));
    EXPECT_TRUE(client.wait_for_end()) << size;
  }
}

TEST_F(Wire, AnObjectThatNeverWasEndsTheConnection) {
  RawConnection client{compositor.socket()};
  client.send(Message{1234, 0});
  expect_end(client, display_id, invalid_object);
}

TEST_F(Wire, AnObjectThatIsNoMoreEndsTheConnection) {
  RawConnection client = connect_with_surface();
  client.send(Message{surface_id, surface_destroy});
  client.send(Message{surface_id, surface_commit});
  expect_end(client, display_id, invalid_object);
}

TEST_F(Wire, ARequestThatIsNotThereEndsTheConnection) {
  RawConnection client = connect_with_surface();
  client.send(Message{surface_id, 99});
  expect_end(client, display_id, invalid_method);
}

TEST_F(Wire, ARequestThatIsTooShortEndsTheConnection) {
  RawConnection client = connect_with_surface();
  client.send(Message{surface_id, 2}.u32(1));  // damage needs four numbers
  EXPECT_TRUE(client.wait_for_end());
}

TEST_F(Wire, AnObjectOfAnotherKindEndsTheConnection) {
  RawConnection client = connect_with_surface();
  client.send(Message{surface_id, 1}.u32(compositor_id).u32(0).u32(0));  // attach no wl_buffer
  EXPECT_TRUE(client.wait_for_end());
}

TEST_F(Wire, AnIdThatIsTakenOrTheServersEndsTheConnection) {
  for (const std::uint32_t id :
       {surface_id, compositor_id, display_id, 0U, 0xff000000U, 900'000U}) {
    RawConnection client = connect_with_surface();
    client.send(Message{compositor_id, 0}.u32(id));
    EXPECT_TRUE(client.wait_for_end()) << id;
  }
}

TEST_F(Wire, AGlobalThatIsNotThereEndsTheConnection) {
  RawConnection client{compositor.socket()};
  global_name(client, "wl_compositor");
  client.bind(registry_id, 4711, "wl_compositor", 1, 10);
  EXPECT_TRUE(client.wait_for_end());
}

TEST_F(Wire, AGlobalOfAnotherNameOrVersionEndsTheConnection) {
  for (const std::uint32_t version : {0U, 6U, 0xffffffffU}) {
    RawConnection client{compositor.socket()};
    const std::uint32_t name = global_name(client, "wl_compositor");
    client.bind(registry_id, name, "wl_compositor", version, 10);
    EXPECT_TRUE(client.wait_for_end()) << version;
  }
  RawConnection client{compositor.socket()};
  const std::uint32_t name = global_name(client, "wl_compositor");
  client.bind(registry_id, name, "wl_shm", 1, 10);
  EXPECT_TRUE(client.wait_for_end());
}

TEST_F(Wire, AStringThatLiesAboutItsLengthEndsTheConnection) {
  for (const std::uint32_t length : {0U, 3U, 400U, 0x7fffffffU, 0xffffffffU, 0xfffffffdU}) {
    RawConnection client{compositor.socket()};
    const std::uint32_t name = global_name(client, "wl_compositor");
    // bind with a string of "wl_compositor", 14 bytes with its end
    std::vector<std::byte> bytes =
        Message{registry_id, 0}.u32(name).string("wl_compositor").u32(5).u32(10).bytes();
    std::memcpy(bytes.data() + 12, &length, sizeof length);
    client.send(bytes);
    EXPECT_TRUE(client.wait_for_end()) << length;
  }
}

TEST_F(Wire, HalfAMessageAndThenNothingHarmsNobody) {
  std::vector<RawConnection> clients;
  const std::vector<std::byte> commit = Message{surface_id, surface_commit}.bytes();
  for (std::size_t bytes = 0; bytes < commit.size(); ++bytes) {
    clients.push_back(connect_with_surface());
    clients.back().send(std::span{commit}.first(bytes));
    if (bytes % 2 == 0)
      ::shutdown(clients.back().fd(), SHUT_WR);
  }
  // Nobody turns around in circles for them.
  const double before = compositor.process().cpu_seconds();
  std::this_thread::sleep_for(1s);
  EXPECT_LT(compositor.process().cpu_seconds() - before, 0.5);
}

TEST_F(Wire, DeathInTheMiddleOfACommitHarmsNobody) {
  const std::vector<std::byte> commit = Message{surface_id, surface_commit}.bytes();
  for (std::size_t bytes = 0; bytes <= commit.size(); ++bytes) {
    RawConnection client = connect_with_surface();
    client.send(std::span{commit}.first(bytes));
    client.close();
  }
}

TEST_F(Wire, DeathBetweenAttachAndCommitHarmsNobody) {
  for (int i = 0; i < 20; ++i) {
    Connection client{compositor.socket()};
    Window window{client, 100, 100, 0xffff0000};
    window.request_frame();
    window.attach(200, 50, 0xff00ff00);
    if (i % 2 == 0)
      window.commit();
    wl_display_flush(client.display());
    ::shutdown(wl_display_get_fd(client.display()), SHUT_RDWR);
  }
  EXPECT_TRUE(eventually([&] { return compositor.screenshot().count(0xff0000) == 0; }));
}

// --------------------------------------------------------------------- the rules of the protocol

struct Offence {
  std::string name;
  std::string interface;
  std::uint32_t code;
  std::function<void(Connection&, Window&)> commit;
};

std::ostream& operator<<(std::ostream& out, const Offence& offence) {
  return out << offence.name;
}

class BrokenRule : public HostileTest, public testing::WithParamInterface<Offence> {};

TEST_P(BrokenRule, EndsItsClientOnly) {
  Connection client{compositor.socket()};
  Window window{client, 50, 50, 0xffff0000};
  GetParam().commit(client, window);
  expect_error(client, GetParam().interface, GetParam().code);
}

INSTANTIATE_TEST_SUITE_P(
    Of, BrokenRule,
    testing::Values(
        Offence{"a_parent_that_is_a_child", "wl_subcompositor", WL_SUBCOMPOSITOR_ERROR_BAD_SURFACE,
                [](Connection& client, Window& window) {
                  Surface child{client};
                  auto* const parent = client.subcompositor.get();
                  const Owned<wl_subsurface> child_role{
                      wl_subcompositor_get_subsurface(parent, child.get(), window.get())};
                  Surface grandchild{client};
                  const Owned<wl_subsurface> grandchild_role{
                      wl_subcompositor_get_subsurface(parent, grandchild.get(), child.get())};
                  Surface lonely{client};
                  const Owned<wl_subsurface> lonely_role{
                      wl_subcompositor_get_subsurface(parent, lonely.get(), grandchild.get())};
                  // A circle of those without a window.
                  Surface a{client};
                  Surface b{client};
                  const Owned<wl_subsurface> a_role{
                      wl_subcompositor_get_subsurface(parent, a.get(), b.get())};
                  const Owned<wl_subsurface> b_role{
                      wl_subcompositor_get_subsurface(parent, b.get(), a.get())};
                  client.roundtrip();
                }},
        Offence{"a_surface_that_is_its_own_parent", "wl_subcompositor",
                WL_SUBCOMPOSITOR_ERROR_BAD_SURFACE,
                [](Connection& client, Window&) {
                  Surface surface{client};
                  const Owned<wl_subsurface> role{wl_subcompositor_get_subsurface(
                      client.subcompositor.get(), surface.get(), surface.get())};
                  client.roundtrip();
                }},
        Offence{"a_window_that_is_a_subsurface", "wl_subcompositor",
                WL_SUBCOMPOSITOR_ERROR_BAD_SURFACE,
                [](Connection& client, Window& window) {
                  Surface parent{client};
                  const Owned<wl_subsurface> role{wl_subcompositor_get_subsurface(
                      client.subcompositor.get(), window.get(), parent.get())};
                  client.roundtrip();
                }},
        Offence{"a_sibling_that_is_none", "wl_subsurface", WL_SUBSURFACE_ERROR_BAD_SURFACE,
                [](Connection& client, Window& window) {
                  Subsurface child{window, 0, 0, 5, 5, 0};
                  Surface stranger{client};
                  wl_subsurface_place_above(child.role(), stranger.get());
                  client.roundtrip();
                }},
        Offence{"no_scale", "wl_surface", WL_SURFACE_ERROR_INVALID_SCALE,
                [](Connection& client, Window& window) {
                  wl_surface_set_buffer_scale(window.get(), 0);
                  client.roundtrip();
                }},
        Offence{"a_size_that_the_scale_does_not_divide", "wl_surface",
                WL_SURFACE_ERROR_INVALID_SIZE,
                [](Connection& client, Window& window) {
                  wl_surface_set_buffer_scale(window.get(), 3);
                  window.attach(50, 50, 0);
                  window.commit();
                  client.roundtrip();
                }},
        Offence{"an_unknown_transform", "wl_surface", WL_SURFACE_ERROR_INVALID_TRANSFORM,
                [](Connection& client, Window& window) {
                  wl_surface_set_buffer_transform(window.get(), 99);
                  client.roundtrip();
                }},
        Offence{"an_offset_with_attach", "wl_surface", WL_SURFACE_ERROR_INVALID_OFFSET,
                [](Connection& client, Window& window) {
                  wl_surface_attach(window.get(), nullptr, 1, 1);
                  client.roundtrip();
                }},
        Offence{"a_buffer_before_the_role", "xdg_surface", XDG_SURFACE_ERROR_UNCONFIGURED_BUFFER,
                [](Connection& client, Window&) {
                  clients::XdgSurface surface{client};
                  surface.attach(10, 10, 0);
                  client.roundtrip();
                }},
        Offence{"a_serial_that_never_was", "xdg_surface", XDG_SURFACE_ERROR_INVALID_SERIAL,
                [](Connection& client, Window& window) {
                  xdg_surface_ack_configure(window.xdg(), 0xdeadbeef);
                  client.roundtrip();
                }},
        Offence{"a_surface_with_two_roles", "xdg_wm_base", XDG_WM_BASE_ERROR_ROLE,
                [](Connection& client, Window& window) {
                  Surface child{client};
                  const Owned<wl_subsurface> role{wl_subcompositor_get_subsurface(
                      client.subcompositor.get(), child.get(), window.get())};
                  const Owned<xdg_surface> xdg{
                      xdg_wm_base_get_xdg_surface(client.wm_base.get(), child.get())};
                  client.roundtrip();
                }},
        Offence{"a_base_that_goes_before_its_surfaces", "xdg_wm_base",
                XDG_WM_BASE_ERROR_DEFUNCT_SURFACES,
                [](Connection& client, Window&) {
                  // The proxy stays, so that the error finds it.
                  wl_proxy_marshal(reinterpret_cast<wl_proxy*>(client.wm_base.get()), 0);
                  client.roundtrip();
                }}),
    [](const auto& offence) { return offence.param.name; });

// What is allowed and makes no sense.
class ExtremeNumbers : public HostileTest {};

TEST_F(ExtremeNumbers, AreNumbersLikeOthers) {
  constexpr std::int32_t least = std::numeric_limits<std::int32_t>::min();
  constexpr std::int32_t greatest = std::numeric_limits<std::int32_t>::max();
  Connection client{compositor.socket()};
  Window window{client, 50, 50, 0xffff0000};
  Subsurface child{window, least, greatest, 20, 20, 0xff00ff00};
  Subsurface grandchild{child, greatest, least, 20, 20, 0xff0000ff};
  const Owned<wl_region> region{wl_compositor_create_region(client.compositor.get())};
  for (const auto& [x, y, width, height] :
       std::vector<std::array<std::int32_t, 4>>{{least, least, greatest, greatest},
                                                {greatest, greatest, greatest, greatest},
                                                {0, 0, greatest, greatest},
                                                {least, least, -1, -1},
                                                {-1, -1, least, least},
                                                {greatest, 0, 1, 1},
                                                {0, 0, 0, 0}}) {
    wl_region_add(region.get(), x, y, width, height);
    wl_region_subtract(region.get(), x / 2, y / 2, width, height);
    wl_surface_damage(window.get(), x, y, width, height);
    wl_surface_damage_buffer(window.get(), x, y, width, height);
    wl_surface_set_opaque_region(window.get(), region.get());
    wl_surface_set_input_region(window.get(), region.get());
    wl_subsurface_set_position(child.role(), x, y);
    wl_subsurface_set_position(grandchild.role(), width, height);
    wl_surface_offset(window.get(), x, y);
    if (width > 0 && height > 0)
      xdg_surface_set_window_geometry(window.xdg(), x, y, width, height);
    grandchild.commit();
    child.commit();
    window.commit();
    EXPECT_TRUE(client.roundtrip());
  }
  EXPECT_TRUE(client.alive());
}

TEST_F(ExtremeNumbers, ADeepTreeOfSurfacesIsATree) {
  Connection client{compositor.socket()};
  Window window{client, 50, 50, 0xffff0000};
  // Each is the child of the one before. A client may have some thousands.
  std::vector<std::unique_ptr<Subsurface>> chain;
  Surface* parent = &window;
  for (int i = 0; i < 3000 && client.alive(); ++i) {
    chain.push_back(std::make_unique<Subsurface>(*parent, 0, 0, 4, 4, 0xff00ff00));
    parent = chain.back().get();
    if (i % 16 == 0)
      client.roundtrip();
  }
  for (auto child = chain.rbegin(); child != chain.rend() && client.alive(); ++child)
    (*child)->commit();
  window.commit();
  client.roundtrip();
  // From the top down, so that each goes with all that hangs on it.
  for (auto& child : chain)
    child.reset();
  client.roundtrip();
}

}  // namespace
}  // namespace e2e
