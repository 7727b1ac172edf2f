// The whole module from outside: its face on one side, a socket with clients on the other.

#include "compositor-demo/protocol/protocol.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <wayland-client.h>

#include <calloop/event_loop.hpp>

#include "compositor-demo/protocol/client_limits.hpp"
#include "tests/temporary_directory.hpp"
#include "xdg-shell-client-protocol.h"

namespace demo {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class RecordingHost final : public Protocol::Host {
 public:
  void window_mapped(WindowId id) override {
    if (refuse)
      throw std::runtime_error{"no room for another window"};
    mapped.push_back(id);
  }
  void window_unmapped(WindowId id) override { std::erase(mapped, id); }
  void window_grew(WindowId, Point) override {}
  void window_wants(WindowId, WindowState, const std::string&) override {}
  void window_state_changed(WindowId) override {}
  void window_grabbed(WindowId, const WindowGrab&) override {}
  void window_committed(WindowId) override { ++commits; }

  std::vector<WindowId> mapped;
  int commits = 0;
  bool refuse = false;
};

// A client with one window, which does everything without waiting.
class Client {
 public:
  Client(const std::string& path, std::function<void()> serve)
      : serve_{std::move(serve)}, display{wl_display_connect(path.c_str())} {
    if (display == nullptr)
      throw std::system_error{errno, std::generic_category(), "connect to " + path};
    const int fd = wl_display_get_fd(display);
    ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
    registry = wl_display_get_registry(display);
    static const wl_registry_listener listener{
        .global =
            [](void* self, wl_registry*, std::uint32_t name, const char* interface,
               std::uint32_t version) {
              static_cast<Client*>(self)->globals[interface] = {name, version};
            },
        .global_remove = [](void*, wl_registry*, std::uint32_t) {}};
    wl_registry_add_listener(registry, &listener, this);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() { disconnect(); }

  void disconnect() {
    if (display != nullptr)
      wl_display_disconnect(std::exchange(display, nullptr));
  }
  // Serves and reads until the server has answered, or has hung up.
  bool roundtrip() {
    bool done = false;
    static const wl_callback_listener listener{
        .done = [](void* data, wl_callback*, std::uint32_t) { *static_cast<bool*>(data) = true; }};
    wl_callback* const callback = wl_display_sync(display);
    wl_callback_add_listener(callback, &listener, &done);
    for (int turn = 0; turn != 1000 && !done && alive(); ++turn)
      exchange();
    wl_callback_destroy(callback);
    return done;
  }
  void exchange() {
    wl_display_flush(display);
    serve_();
    if (wl_display_prepare_read(display) == 0)
      wl_display_read_events(display);
    wl_display_dispatch_pending(display);
  }
  bool alive() const noexcept { return wl_display_get_error(display) == 0; }

  template <class Proxy>
  Proxy* bind(const wl_interface& interface) {
    const auto& [name, version] = globals.at(interface.name);
    return static_cast<Proxy*>(
        wl_registry_bind(registry, name, &interface,
                         std::min(version, static_cast<std::uint32_t>(interface.version))));
  }

  void make_window(int width, int height, const char* title = "title") {
    roundtrip();
    compositor = bind<wl_compositor>(wl_compositor_interface);
    shm = bind<wl_shm>(wl_shm_interface);
    auto* const wm_base = bind<xdg_wm_base>(xdg_wm_base_interface);
    surface = wl_compositor_create_surface(compositor);
    static const wl_surface_listener surface_events{
        .enter = [](void* self, wl_surface*, wl_output*) { ++static_cast<Client*>(self)->entered; },
        .leave = [](void* self, wl_surface*, wl_output*) { ++static_cast<Client*>(self)->left; }};
    wl_surface_add_listener(surface, &surface_events, this);
    auto* const xdg = xdg_wm_base_get_xdg_surface(wm_base, surface);
    static const xdg_surface_listener xdg_events{
        .configure = [](void*, xdg_surface* from, std::uint32_t serial) {
          xdg_surface_ack_configure(from, serial);
        }};
    xdg_surface_add_listener(xdg, &xdg_events, this);
    toplevel = xdg_surface_get_toplevel(xdg);
    static const xdg_toplevel_listener toplevel_events{
        .configure = [](void* self, xdg_toplevel*, std::int32_t w, std::int32_t h,
                        wl_array*) { static_cast<Client*>(self)->configured = {w, h}; },
        .close = [](void* self, xdg_toplevel*) { ++static_cast<Client*>(self)->closed; },
        .configure_bounds = [](void*, xdg_toplevel*, std::int32_t, std::int32_t) {},
        .wm_capabilities = [](void*, xdg_toplevel*, wl_array*) {}};
    xdg_toplevel_add_listener(toplevel, &toplevel_events, this);
    xdg_toplevel_set_title(toplevel, title);
    wl_surface_commit(surface);
    roundtrip();
    wl_surface_attach(surface, make_buffer(width, height), 0, 0);
    wl_surface_commit(surface);
    roundtrip();
  }
  wl_buffer* make_buffer(int width, int height) {
    const int size = 4 * width * height;
    const calloop::OwnedFd file{::memfd_create("buffer", MFD_CLOEXEC)};
    if (::ftruncate(file.get(), size) != 0)
      throw std::system_error{errno, std::generic_category(), "ftruncate"};
    wl_shm_pool* const pool = wl_shm_create_pool(shm, file.get(), size);
    wl_buffer* const buffer =
        wl_shm_pool_create_buffer(pool, 0, width, height, 4 * width, WL_SHM_FORMAT_XRGB8888);
    wl_shm_pool_destroy(pool);
    return buffer;
  }

 private:
  std::function<void()> serve_;

 public:
  wl_display* display;
  wl_registry* registry;
  std::map<std::string, std::pair<std::uint32_t, std::uint32_t>> globals;
  wl_compositor* compositor = nullptr;
  wl_shm* shm = nullptr;
  wl_surface* surface = nullptr;
  xdg_toplevel* toplevel = nullptr;
  Size configured{-1, -1};
  int closed = 0;
  int entered = 0;
  int left = 0;
};

// Counts who has the keyboard.
struct Keys {
  explicit Keys(Client& client)
      : keyboard{wl_seat_get_keyboard(client.bind<wl_seat>(wl_seat_interface))} {
    static const wl_keyboard_listener listener{
        .keymap = [](void*, wl_keyboard*, std::uint32_t, std::int32_t fd,
                     std::uint32_t) { ::close(fd); },
        .enter = [](void* self, wl_keyboard*, std::uint32_t, wl_surface*,
                    wl_array*) { ++static_cast<Keys*>(self)->entered; },
        .leave = [](void* self, wl_keyboard*, std::uint32_t,
                    wl_surface*) { ++static_cast<Keys*>(self)->left; },
        .key = [](void*, wl_keyboard*, std::uint32_t, std::uint32_t, std::uint32_t,
                  std::uint32_t) {},
        .modifiers = [](void*, wl_keyboard*, std::uint32_t, std::uint32_t, std::uint32_t,
                        std::uint32_t, std::uint32_t) {},
        .repeat_info = [](void*, wl_keyboard*, std::int32_t, std::int32_t) {}};
    wl_keyboard_add_listener(keyboard, &listener, this);
  }

  wl_keyboard* keyboard;
  int entered = 0;
  int left = 0;
};

class ProtocolTest : public testing::Test {
 protected:
  ProtocolTest() {
    ::setenv("XDG_RUNTIME_DIR", directory_.path().c_str(), 1);
    protocol.emplace(loop.handle(), host, Protocol::Settings{});
    OutputInfo output;
    output.name = "TEST-1";
    output.description = "A test";
    output.make = "make";
    output.model = "model";
    output.position = {100, 200};
    output.mode = {800, 600};
    output.refresh_mhz = 59940;
    protocol->add_output(output);
  }

  std::string path() const { return (directory_.path() / protocol->socket()).string(); }
  // Until it is so, without anybody doing anything.
  template <class Condition>
  bool eventually(const Condition& condition) {
    const auto give_up = std::chrono::steady_clock::now() + 10s;
    while (!condition() && std::chrono::steady_clock::now() < give_up)
      loop.dispatch(10ms, *protocol);
    return condition();
  }
  std::unique_ptr<Client> connect() {
    return std::make_unique<Client>(path(), [this] {
      if (protocol)
        loop.dispatch(0ms, *protocol);
    });
  }
  static calloop::TimePoint at(calloop::Duration time) { return calloop::TimePoint{time}; }

  tests::TemporaryDirectory directory_;
  calloop::EventLoop<Protocol> loop;
  RecordingHost host;
  std::optional<Protocol> protocol;
};

TEST_F(ProtocolTest, AdvertisesItsGlobals) {
  const auto client = connect();
  ASSERT_TRUE(client->roundtrip());
  std::map<std::string, std::uint32_t> versions;
  for (const auto& [interface, global] : client->globals)
    versions[interface] = global.second;
  EXPECT_EQ(versions,
            (std::map<std::string, std::uint32_t>{{"wl_compositor", 5},
                                                  {"wl_subcompositor", 1},
                                                  {"wl_shm", 1},
                                                  {"wl_output", 4},
                                                  {"wl_seat", 8},
                                                  {"wl_data_device_manager", 3},
                                                  {"wp_presentation", 1},
                                                  {"wp_single_pixel_buffer_manager_v1", 1},
                                                  {"wp_viewporter", 1},
                                                  {"zwp_pointer_constraints_v1", 1},
                                                  {"zwp_primary_selection_device_manager_v1", 1},
                                                  {"zwp_relative_pointer_manager_v1", 1},
                                                  {"zxdg_output_manager_v1", 3},
                                                  {"xdg_wm_base", 5}}));
}

TEST_F(ProtocolTest, DescribesItsOutput) {
  struct Seen {
    std::string text;
    Size millimetres;
    int done = 0;
  } seen;
  const auto client = connect();
  client->roundtrip();
  auto* const output = client->bind<wl_output>(wl_output_interface);
  static const wl_output_listener listener{
      .geometry =
          [](void* self, wl_output*, std::int32_t x, std::int32_t y, std::int32_t width,
             std::int32_t height, std::int32_t, const char* make, const char* model,
             std::int32_t transform) {
            static_cast<Seen*>(self)->millimetres = {width, height};
            static_cast<Seen*>(self)->text += std::string{make} + " " + model + " at " +
                                              std::to_string(x) + "," + std::to_string(y) +
                                              " turned " + std::to_string(transform) + "; ";
          },
      .mode =
          [](void* self, wl_output*, std::uint32_t flags, std::int32_t width, std::int32_t height,
             std::int32_t refresh) {
            static_cast<Seen*>(self)->text += std::to_string(width) + "x" + std::to_string(height) +
                                              "@" + std::to_string(refresh) + " flags " +
                                              std::to_string(flags) + "; ";
          },
      .done = [](void* self, wl_output*) { ++static_cast<Seen*>(self)->done; },
      .scale =
          [](void* self, wl_output*, std::int32_t scale) {
            static_cast<Seen*>(self)->text += "scale " + std::to_string(scale) + "; ";
          },
      .name = [](void* self, wl_output*,
                 const char* name) { static_cast<Seen*>(self)->text += std::string{name} + "; "; },
      .description = [](void* self, wl_output*,
                        const char* text) { static_cast<Seen*>(self)->text += text; }};
  wl_output_add_listener(output, &listener, &seen);
  client->roundtrip();
  EXPECT_EQ(seen.text,
            "make model at 100,200 turned 0; 800x600@59940 flags 3; scale 1; TEST-1; A test");
  EXPECT_GT(seen.millimetres.width, 0) << "also when nobody knows";
  EXPECT_GT(seen.millimetres.height, 0);
  EXPECT_EQ(seen.done, 1);
  wl_output_release(output);
  EXPECT_TRUE(client->roundtrip());
}

TEST_F(ProtocolTest, AWindowFromItsFirstToItsLastFrame) {
  const auto client = connect();
  client->roundtrip();
  auto* const output = client->bind<wl_output>(wl_output_interface);
  client->make_window(300, 200, "hello");
  ASSERT_EQ(host.mapped.size(), 1U);
  const WindowId window = host.mapped[0];
  EXPECT_EQ(protocol->window_size(window), (Size{300, 200}));
  EXPECT_EQ(protocol->window_title(window), "hello");
  EXPECT_EQ(protocol->window_pid(window), ::getpid());
  EXPECT_FALSE(protocol->shown_since_last_commit(window));

  std::vector<Picture> pictures;
  protocol->append_pictures(window, {10, 20}, pictures);
  ASSERT_EQ(pictures.size(), 1U);
  EXPECT_EQ(pictures[0].area(), (Rect{10, 20, 300, 200}));
  EXPECT_EQ(client->entered, 0);
  protocol->frame_shown(window, {.time = at(5s)});
  client->roundtrip();
  EXPECT_EQ(client->entered, 1);
  EXPECT_TRUE(protocol->shown_since_last_commit(window));
  EXPECT_FALSE(protocol->frame_wanted(window));

  std::uint32_t answered = 0;
  static const wl_callback_listener frame{
      .done = [](void* data, wl_callback* callback, std::uint32_t time) {
        *static_cast<std::uint32_t*>(data) = time;
        wl_callback_destroy(callback);
      }};
  const auto request_frame = [&] {
    wl_callback_add_listener(wl_surface_frame(client->surface), &frame, &answered);
    host.commits = 0;
    wl_surface_commit(client->surface);
    client->roundtrip();
  };
  request_frame();
  EXPECT_EQ(host.commits, 1);
  EXPECT_TRUE(protocol->frame_wanted(window));
  protocol->frame_throttled(window, at(7001ms));
  client->roundtrip();
  EXPECT_EQ(answered, 7001U);
  EXPECT_FALSE(protocol->frame_wanted(window));

  protocol->configure(window, {640, 480});
  client->roundtrip();
  EXPECT_EQ(client->configured, (Size{640, 480}));
  protocol->set_keyboard_focus(window);
  protocol->close(window);
  client->roundtrip();
  EXPECT_EQ(client->closed, 1);

  wl_surface_attach(client->surface, nullptr, 0, 0);
  wl_surface_commit(client->surface);
  client->roundtrip();
  EXPECT_TRUE(host.mapped.empty());
  EXPECT_EQ(client->left, 1);
  EXPECT_EQ(protocol->window_size(window), Size{});
  protocol->configure(window, {1, 1});
  protocol->set_keyboard_focus(window);
  protocol->frame_shown(window, {.time = at(8s)});
  EXPECT_TRUE(client->roundtrip());
  wl_output_release(output);
}

TEST_F(ProtocolTest, AnOutputBoundLaterHearsWhatIsOnIt) {
  const auto client = connect();
  client->make_window(300, 200);
  const auto other = connect();
  other->make_window(300, 200);
  for (const WindowId window : host.mapped)
    protocol->frame_shown(window, {.time = at(1s)});
  wl_surface* const hidden = wl_compositor_create_surface(client->compositor);
  client->roundtrip();
  EXPECT_EQ(client->entered, 0) << "it knows of no output";
  auto* const output = client->bind<wl_output>(wl_output_interface);
  ASSERT_TRUE(client->roundtrip());
  EXPECT_EQ(client->entered, 1);
  auto* const again = client->bind<wl_output>(wl_output_interface);
  ASSERT_TRUE(client->roundtrip());
  EXPECT_EQ(client->entered, 2) << "once for each wl_output";
  protocol->frame_shown(host.mapped[0], {.time = at(2s)});
  ASSERT_TRUE(client->roundtrip());
  EXPECT_EQ(client->entered, 2);
  ASSERT_TRUE(other->roundtrip());
  EXPECT_EQ(other->entered, 0) << "it has not bound any";
  wl_surface_destroy(hidden);
  wl_output_release(again);
  wl_output_release(output);
}

// Others take the keyboard from one that is busy, and give it back, as often as they like.
TEST_F(ProtocolTest, FocusThatComesAndGoesDoesNotHarmOneThatDoesNotRead) {
  const auto busy = connect();
  busy->make_window(10, 10);
  Keys keys{*busy};
  ASSERT_TRUE(busy->roundtrip());
  const auto other = connect();
  other->make_window(10, 10);
  for (std::size_t i = 0; i != 5000; ++i) {
    protocol->set_keyboard_focus(host.mapped[i % 2]);
    loop.dispatch(0ms, *protocol);
    other->exchange();
  }
  protocol->set_keyboard_focus(host.mapped[0]);
  // Long enough for one that gets nothing out of its socket.
  for (int second = 0; second != 20; ++second)
    protocol->frame_shown(host.mapped[0], {.time = at(second * 1s)});
  loop.dispatch(0ms, *protocol);
  ASSERT_EQ(host.mapped.size(), 2U);
  ASSERT_TRUE(busy->roundtrip());
  EXPECT_EQ(keys.entered - keys.left, 0) << "as long as it did not read it could not have it";
  EXPECT_LT(keys.entered, 1000);
  // Now that it has read.
  EXPECT_TRUE(eventually([&] {
    busy->exchange();
    return keys.entered - keys.left == 1;
  }));
  ASSERT_TRUE(other->roundtrip());
}

TEST_F(ProtocolTest, AClientCanBeDisconnected) {
  const auto other = connect();
  other->make_window(10, 10);
  const auto client = connect();
  client->make_window(10, 10);
  protocol->disconnect(host.mapped[1], "is not wanted");
  loop.dispatch(0ms, *protocol);
  EXPECT_EQ(host.mapped.size(), 1U);
  EXPECT_FALSE(client->roundtrip());
  EXPECT_TRUE(other->roundtrip());
  protocol->disconnect(WindowId{4711}, "was never there");
}

TEST_F(ProtocolTest, WhoIsThereStaysWhenNobodyIsLetInAnyMore) {
  const auto client = connect();
  client->make_window(10, 10);
  protocol->stop_accepting();
  EXPECT_TRUE(std::filesystem::is_empty(directory_.path()));
  EXPECT_THROW(connect(), std::system_error);
  EXPECT_TRUE(client->roundtrip());
  protocol->stop_accepting();
}

TEST_F(ProtocolTest, WindowsOfADeadClientAreUnmapped) {
  auto client = connect();
  client->make_window(10, 10);
  ASSERT_EQ(host.mapped.size(), 1U);
  protocol->set_keyboard_focus(host.mapped[0]);
  client->disconnect();
  loop.dispatch(0ms, *protocol);
  EXPECT_TRUE(host.mapped.empty());
}

TEST_F(ProtocolTest, HostThatThrowsCostsThatClientOnly) {
  const auto other = connect();
  other->make_window(10, 10);
  host.refuse = true;
  const auto client = connect();
  client->make_window(10, 10);
  EXPECT_FALSE(client->alive());
  EXPECT_TRUE(other->roundtrip());
  EXPECT_EQ(host.mapped.size(), 1U);
}

TEST_F(ProtocolTest, EndsWithItsClientsAndItsSocketAndSaysNothing) {
  const auto client = connect();
  client->make_window(10, 10);
  ASSERT_EQ(host.mapped.size(), 1U);
  protocol.reset();
  EXPECT_EQ(host.mapped.size(), 1U) << "the host may be half gone";
  EXPECT_TRUE(std::filesystem::is_empty(directory_.path()));
  EXPECT_FALSE(client->roundtrip());
  EXPECT_EQ(loop.handle().source_count(), 0U);
}

TEST_F(ProtocolTest, NameThatIsTaken) {
  try {
    const Protocol second{loop.handle(), host, {.socket = protocol->socket()}};
    ADD_FAILURE() << "two on one name";
  } catch (const std::system_error& error) {
    EXPECT_THAT(error.what(), HasSubstr(path()));
  }
  EXPECT_TRUE(connect()->roundtrip());
}

TEST_F(ProtocolTest, ClientThatDiesInTheMiddleOfAMessage) {
  const auto other = connect();
  other->make_window(10, 10);
  {
    const auto client = connect();
    client->make_window(10, 10);
    const std::array<std::uint32_t, 2> half{1, 12U << 16};  // 12 bytes, of which 8 come
    ASSERT_EQ(::write(wl_display_get_fd(client->display), half.data(), 8), 8);
    loop.dispatch(0ms, *protocol);
    EXPECT_EQ(host.mapped.size(), 2U);
  }
  loop.dispatch(0ms, *protocol);
  EXPECT_EQ(host.mapped.size(), 1U);
  EXPECT_TRUE(other->roundtrip());
}

TEST_F(ProtocolTest, NonsenseIsAnErrorOfThatClient) {
  const auto other = connect();
  other->make_window(10, 10);
  const auto client = connect();
  client->make_window(10, 10);
  std::array<std::uint32_t, 64> noise{};
  noise.fill(0x00ff00ff);
  ASSERT_GT(::write(wl_display_get_fd(client->display), noise.data(), sizeof noise), 0);
  client->roundtrip();
  EXPECT_FALSE(client->alive());
  EXPECT_EQ(host.mapped.size(), 1U);
  EXPECT_TRUE(other->roundtrip());
}

TEST_F(ProtocolTest, RegistriesHaveALimit) {
  const auto client = connect();
  const std::size_t most = ClientLimits::maximum(Limit::Bindings);
  for (std::size_t count = 0; count <= most && client->alive(); ++count) {
    wl_display_get_registry(client->display);
    if (count % 16 == 0)
      client->roundtrip();
  }
  client->roundtrip();
  EXPECT_FALSE(client->alive());
  EXPECT_TRUE(connect()->roundtrip());
}

// One that only listens, and badly: its window changes, and it hears of none of it.
TEST_F(ProtocolTest, ClientThatNeverReadsGoesAlone) {
  const auto other = connect();
  other->make_window(10, 10);
  const auto client = connect();
  client->make_window(20, 20);
  ASSERT_EQ(host.mapped.size(), 2U);
  const WindowId window = host.mapped[1];
  int width = 1;
  const auto send_a_lot = [&] {
    for (int count = 0; count != 4000; ++count) {
      protocol->configure(window, {++width, 100});
      if (count % 4 == 0)
        loop.dispatch(0ms, *protocol);
    }
  };
  send_a_lot();
  for (int second = 0; second != 4; ++second)
    protocol->frame_shown(window, {.time = at(second * 1s)});
  loop.dispatch(0ms, *protocol);
  EXPECT_EQ(host.mapped.size(), 2U) << "it may be busy";
  for (int second = 4; second != 8; ++second)
    protocol->frame_shown(window, {.time = at(second * 1s)});
  loop.dispatch(0ms, *protocol);
  EXPECT_EQ(host.mapped.size(), 1U);
  EXPECT_TRUE(other->roundtrip());
}

TEST_F(ProtocolTest, ClientThatReadsNothingButAsksALotIsDisconnected) {
  const auto other = connect();
  const auto client = connect();
  client->roundtrip();
  for (int count = 0; count != 200'000 && client->alive(); ++count) {
    wl_callback_destroy(wl_display_sync(client->display));
    if (count % 100 == 0) {
      wl_display_flush(client->display);
      loop.dispatch(0ms, *protocol);
    }
  }
  // What it sees, now that it looks, is the end.
  while (client->alive())
    client->exchange();
  EXPECT_TRUE(other->roundtrip());
}

class DescriptorLimit {
 public:
  // So many more than there are now.
  explicit DescriptorLimit(rlim_t more) {
    ::getrlimit(RLIMIT_NOFILE, &old_);
    const calloop::OwnedFd lowest_free{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
    rlimit limit = old_;
    limit.rlim_cur = static_cast<rlim_t>(lowest_free.get()) + more;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
  DescriptorLimit(const DescriptorLimit&) = delete;
  DescriptorLimit& operator=(const DescriptorLimit&) = delete;
  ~DescriptorLimit() { ::setrlimit(RLIMIT_NOFILE, &old_); }

 private:
  rlimit old_{};
};

TEST_F(ProtocolTest, KeepsDescriptorsForThoseWhoAreThere) {
  const auto there = connect();
  there->make_window(10, 10);
  std::vector<std::unique_ptr<Client>> crowd;
  {
    const DescriptorLimit limit{40};
    int refused = 0;
    // Each takes one descriptor here as a client, and two as a server.
    for (int count = 0; count != 12; ++count) {
      crowd.push_back(connect());
      if (!crowd.back()->roundtrip()) {
        crowd.pop_back();
        ++refused;
      }
    }
    EXPECT_GT(refused, 0);
    EXPECT_FALSE(crowd.empty());
    // Who is there can still share memory.
    wl_surface_attach(there->surface, there->make_buffer(20, 20), 0, 0);
    wl_surface_commit(there->surface);
    EXPECT_TRUE(there->roundtrip());
    EXPECT_EQ(protocol->window_size(host.mapped[0]), (Size{20, 20}));
  }
  crowd.push_back(connect());
  EXPECT_TRUE(crowd.back()->roundtrip()) << "there is room again";
}

// Descriptors that no request asks for stay in libwayland's buffers, where nobody can see them.
TEST_F(ProtocolTest, HoarderOfDescriptorsLosesItsConnections) {
  const DescriptorLimit limit{330};
  std::vector<std::unique_ptr<Client>> crowd;
  for (int count = 0; count != 10; ++count) {
    crowd.push_back(connect());
    ASSERT_TRUE(crowd.back()->roundtrip());
  }
  const auto hoard = [](int socket) {
    std::array<std::uint32_t, 3> sync{1, 12U << 16, 0};  // an object that is no new one: an error
    sync[2] = 0xfeffffff;
    const calloop::OwnedFd file{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
    std::array<int, 28> files{};
    files.fill(file.get());
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof files)> control{};
    iovec data{sync.data(), 4};  // not even a whole message
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof files);
    std::memcpy(CMSG_DATA(header), files.data(), sizeof files);
    return ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) > 0;
  };
  for (const auto& client : crowd)
    EXPECT_TRUE(hoard(wl_display_get_fd(client->display)));
  for (int turn = 0; turn != 5; ++turn)
    loop.dispatch(0ms, *protocol);
  const auto gone = std::count_if(crowd.begin(), crowd.end(), [](const auto& client) {
    pollfd connection{wl_display_get_fd(client->display), POLLIN, 0};
    return ::poll(&connection, 1, 0) == 1 && (connection.revents & POLLHUP) != 0;
  });
  EXPECT_EQ(gone, 10);
  EXPECT_TRUE(connect()->roundtrip()) << "and there is room for others";
}

}  // namespace
}  // namespace demo
