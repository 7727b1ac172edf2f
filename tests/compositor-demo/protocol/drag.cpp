#include "compositor-demo/protocol/drag.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/fd.hpp>

#include "compositor-demo/protocol/data_device.hpp"
#include "compositor-demo/protocol/seat.hpp"
#include "compositor-demo/protocol/windows.hpp"
#include "tests/compositor-demo/protocol/loopback.hpp"
#include "tests/compositor-demo/protocol/proxy.hpp"
#include "tests/compositor-demo/protocol/xdg_client.hpp"

namespace demo {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint32_t copy = WL_DATA_DEVICE_MANAGER_DND_ACTION_COPY;
constexpr std::uint32_t move = WL_DATA_DEVICE_MANAGER_DND_ACTION_MOVE;
constexpr std::uint32_t ask = WL_DATA_DEVICE_MANAGER_DND_ACTION_ASK;
constexpr std::uint32_t left_button = 0x110;

// A wl_data_source, and what it was told, as words.
struct DragSource {
  explicit DragSource(LoopbackClient& client)
      : proxy{wl_data_device_manager_create_data_source(client.data_device_manager)} {
    static const wl_data_source_listener listener{
        .target =
            [](void* self, wl_data_source*, const char* type) {
              say(self, std::string{"target "} + (type == nullptr ? "none" : type));
            },
        .send =
            [](void* self, wl_data_source*, const char* type, std::int32_t fd) {
              const calloop::OwnedFd file{fd};
              say(self, std::string{"send "} + type);
              EXPECT_EQ(::write(fd, "dragged", 7), 7);
            },
        .cancelled = [](void* self, wl_data_source*) { say(self, "cancelled"); },
        .dnd_drop_performed = [](void* self, wl_data_source*) { say(self, "dropped"); },
        .dnd_finished = [](void* self, wl_data_source*) { say(self, "finished"); },
        .action = [](void* self, wl_data_source*,
                     std::uint32_t action) { say(self, "action " + std::to_string(action)); }};
    wl_data_source_add_listener(proxy.get(), &listener, this);
    wl_data_source_offer(proxy.get(), "text/plain");
  }
  DragSource(const DragSource&) = delete;
  DragSource& operator=(const DragSource&) = delete;
  static void say(void* self, const std::string& what) {
    static_cast<DragSource*>(self)->heard.push_back(what);
  }

  Proxy<wl_data_source> proxy;
  std::vector<std::string> heard;
};

// A wl_data_device and the offer it got last.
struct DragDevice {
  explicit DragDevice(LoopbackClient& client)
      : proxy{wl_data_device_manager_get_data_device(client.data_device_manager, client.seat)} {
    static const wl_data_device_listener listener{
        .data_offer =
            [](void* self, wl_data_device*, wl_data_offer* introduced) {
              auto& device = *static_cast<DragDevice*>(self);
              device.offer.reset(introduced);
              device.types.clear();
              device.action = 0;
              static const wl_data_offer_listener offer_listener{
                  .offer =
                      [](void* of, wl_data_offer*, const char* type) {
                        static_cast<DragDevice*>(of)->types.emplace_back(type);
                      },
                  .source_actions =
                      [](void* of, wl_data_offer*, std::uint32_t actions) {
                        static_cast<DragDevice*>(of)->source_actions = actions;
                      },
                  .action =
                      [](void* of, wl_data_offer*, std::uint32_t chosen) {
                        static_cast<DragDevice*>(of)->action = chosen;
                      }};
              wl_data_offer_add_listener(introduced, &offer_listener, self);
            },
        .enter =
            [](void* self, wl_data_device*, std::uint32_t with_serial, wl_surface*, wl_fixed_t x,
               wl_fixed_t y, wl_data_offer* of) {
              auto& device = *static_cast<DragDevice*>(self);
              device.serial = with_serial;
              device.with_offer = of != nullptr;
              device.say("enter", x, y);
            },
        .leave =
            [](void* self, wl_data_device*) {
              static_cast<DragDevice*>(self)->heard.emplace_back("leave");
            },
        .motion = [](void* self, wl_data_device*, std::uint32_t, wl_fixed_t x,
                     wl_fixed_t y) { static_cast<DragDevice*>(self)->say("motion", x, y); },
        .drop = [](void* self,
                   wl_data_device*) { static_cast<DragDevice*>(self)->heard.emplace_back("drop"); },
        .selection = [](void*, wl_data_device*, wl_data_offer*) {}};
    wl_data_device_add_listener(proxy.get(), &listener, this);
  }
  DragDevice(const DragDevice&) = delete;
  DragDevice& operator=(const DragDevice&) = delete;
  void say(const std::string& what, wl_fixed_t x, wl_fixed_t y) {
    heard.push_back(what + " " + std::to_string(wl_fixed_to_int(x)) + "," +
                    std::to_string(wl_fixed_to_int(y)));
  }

  Proxy<wl_data_device> proxy;
  Proxy<wl_data_offer> offer;
  bool with_offer = false;
  std::vector<std::string> types;
  std::uint32_t serial = 0;
  std::uint32_t source_actions = 0;
  std::uint32_t action = 0;
  std::vector<std::string> heard;
};

class DragTest : public testing::Test {
 protected:
  struct Party {
    explicit Party(LoopbackServer& server, std::uint32_t version = 3)
        : client{server, {.data_device_manager = version}}, device{client}, window{client} {
      window.map(40, 40);
      surface = &server.last_window().surface();
    }
    LoopbackClient client;
    DragDevice device;
    ClientToplevel window;
    Surface* surface = nullptr;
  };

  Drag& drag() { return server.data_devices().drag(); }
  // A button goes down on the first client's window.
  std::uint32_t press() {
    server.seat().pointer().motion(Surface::Hit{from->surface, 1, 1}, 0);
    server.seat().pointer().button(left_button, true, 0);
    return server.seat().serials().latest();
  }
  void start(std::uint32_t serial, DragSource* source, wl_surface* icon = nullptr) {
    wl_data_device_start_drag(from->device.proxy.get(),
                              source == nullptr ? nullptr : source->proxy.get(),
                              from->window.surface.get(), icon, serial);
    roundtrip();
  }
  void start(DragSource* source, std::uint32_t actions = copy) {
    if (source != nullptr && from_version >= 3)
      wl_data_source_set_actions(source->proxy.get(), actions);
    start(press(), source);
    ASSERT_TRUE(drag().active());
  }
  // What is dragged is above this client's window.
  void carry_to(Party* party, double x = 5, double y = 6) {
    drag().motion(
        party == nullptr ? std::nullopt : std::optional{Surface::Hit{party->surface, x, y}}, 10);
    roundtrip();
  }
  void accept(std::uint32_t actions = copy, std::uint32_t preferred = copy) {
    wl_data_offer_accept(to->device.offer.get(), to->device.serial, "text/plain");
    if (to_version >= 3)
      wl_data_offer_set_actions(to->device.offer.get(), actions, preferred);
    roundtrip();
  }
  void drop() {
    drag().drop();
    server.seat().pointer().button(left_button, false, 20);
    roundtrip();
  }
  std::string read() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
    const calloop::OwnedFd reading{ends[0]};
    calloop::OwnedFd writing{ends[1]};
    wl_data_offer_receive(to->device.offer.get(), "text/plain", writing.get());
    writing.reset();
    roundtrip();
    std::array<char, 64> text{};
    const ssize_t count = ::read(reading.get(), text.data(), text.size());
    return {text.data(), count > 0 ? static_cast<std::size_t>(count) : 0};
  }
  void roundtrip() {
    for (int twice = 0; twice < 2; ++twice)
      for (Party* const party : {from.get(), to.get()})
        if (party != nullptr)
          party->client.roundtrip();
  }
  void connect() {
    from = std::make_unique<Party>(server, from_version);
    to = std::make_unique<Party>(server, to_version);
  }

  LoopbackServer server;
  std::uint32_t from_version = 3;
  std::uint32_t to_version = 3;
  std::unique_ptr<Party> from;
  std::unique_ptr<Party> to;
};

TEST_F(DragTest, WhatIsDroppedIsReadAndFinished) {
  connect();
  DragSource source{from->client};
  start(&source, copy | move);
  EXPECT_EQ(server.seat().pointer().focus(), nullptr) << "it was taken from the client";
  carry_to(to.get());
  EXPECT_THAT(to->device.heard, ElementsAre("enter 5,6"));
  EXPECT_THAT(to->device.types, ElementsAre("text/plain"));
  EXPECT_EQ(to->device.source_actions, copy | move);
  carry_to(to.get(), 7, 8);
  accept(move | copy, move);
  EXPECT_EQ(to->device.action, move);
  drop();
  EXPECT_FALSE(drag().active());
  EXPECT_THAT(to->device.heard, ElementsAre("enter 5,6", "motion 7,8", "drop", "leave"));
  EXPECT_EQ(read(), "dragged");
  wl_data_offer_finish(to->device.offer.get());
  roundtrip();
  EXPECT_TRUE(to->client.alive());
  EXPECT_THAT(source.heard, ElementsAre("target text/plain", "action 2", "dropped",
                                        "send text/plain", "finished"));
  EXPECT_EQ(read(), "") << "it is finished";
  EXPECT_THAT(from->device.heard, IsEmpty());
}

TEST_F(DragTest, WhatNobodyWantsIsCancelled) {
  connect();
  {
    DragSource source{from->client};
    start(&source);
    carry_to(to.get());
    drop();
    EXPECT_THAT(to->device.heard, ElementsAre("enter 5,6", "leave"));
    EXPECT_THAT(source.heard, ElementsAre("target none", "cancelled"));
  }
  DragSource unlike{from->client};
  start(&unlike, copy);
  carry_to(to.get());
  accept(move, move);
  EXPECT_EQ(to->device.action, 0U) << "they want different things";
  drop();
  EXPECT_EQ(unlike.heard.back(), "cancelled");

  DragSource nowhere{from->client};
  start(&nowhere);
  carry_to(nullptr);
  drop();
  EXPECT_THAT(nowhere.heard, ElementsAre("cancelled"));
}

TEST_F(DragTest, WhatIsCarriedOnCannotBeReadAnyMore) {
  connect();
  DragSource source{from->client};
  start(&source);
  carry_to(to.get());
  accept();
  EXPECT_EQ(read(), "dragged") << "before it is dropped, too";
  carry_to(nullptr);
  EXPECT_EQ(read(), "");
  drag().cancel();
  roundtrip();
  EXPECT_EQ(source.heard.back(), "cancelled");
}

TEST_F(DragTest, TheUserIsAskedAndThenItIsSaid) {
  connect();
  DragSource source{from->client};
  start(&source, copy | move | ask);
  carry_to(to.get());
  accept(copy | move | ask, ask);
  EXPECT_EQ(to->device.action, ask);
  drop();
  wl_data_offer_set_actions(to->device.offer.get(), move, move);
  roundtrip();
  EXPECT_EQ(to->device.action, move);
  wl_data_offer_finish(to->device.offer.get());
  roundtrip();
  EXPECT_TRUE(to->client.alive());
  EXPECT_EQ(source.heard.back(), "finished");
}

TEST_F(DragTest, FinishingWithoutAnAnswerIsAnError) {
  connect();
  DragSource source{from->client};
  start(&source, copy | ask);
  carry_to(to.get());
  accept(copy | ask, ask);
  drop();
  wl_data_offer_finish(to->device.offer.get());
  roundtrip();
  EXPECT_EQ(to->client.error(),
            (ReceivedError{"wl_data_offer", WL_DATA_OFFER_ERROR_INVALID_FINISH}));
  EXPECT_TRUE(from->client.alive());
}

TEST_F(DragTest, FinishingBeforeTheDropIsAnError) {
  connect();
  DragSource source{from->client};
  start(&source);
  carry_to(to.get());
  accept();
  wl_data_offer_finish(to->device.offer.get());
  roundtrip();
  EXPECT_EQ(to->client.error(),
            (ReceivedError{"wl_data_offer", WL_DATA_OFFER_ERROR_INVALID_FINISH}));
}

TEST_F(DragTest, WhatIsDroppedAndThrownAwayIsCancelled) {
  connect();
  DragSource source{from->client};
  start(&source);
  carry_to(to.get());
  accept();
  drop();
  wl_data_offer_destroy(to->device.offer.release());
  roundtrip();
  EXPECT_EQ(source.heard.back(), "cancelled");
}

TEST_F(DragTest, ClientsThatKnowNoActionsCopy) {
  to_version = 2;
  connect();
  DragSource source{from->client};
  start(&source);
  carry_to(to.get());
  accept();
  drop();
  EXPECT_EQ(read(), "dragged");
  wl_data_offer_destroy(to->device.offer.release());
  roundtrip();
  EXPECT_EQ(source.heard.back(), "finished") << "that is how it says so";
}

TEST_F(DragTest, WithoutASourceOnlyTheClientItselfHears) {
  connect();
  start(nullptr);
  carry_to(to.get());
  EXPECT_THAT(to->device.heard, IsEmpty());
  carry_to(from.get());
  EXPECT_THAT(from->device.heard, ElementsAre("enter 5,6"));
  EXPECT_FALSE(from->device.with_offer);
  drop();
  EXPECT_THAT(from->device.heard, ElementsAre("enter 5,6", "drop", "leave"));
}

TEST_F(DragTest, BeginsOnlyWithWhatIsHeldDown) {
  connect();
  const std::uint32_t serial = press();
  for (const std::uint32_t wrong : {0U, serial + 1, serial - 1}) {
    DragSource source{from->client};
    start(wrong, &source);
    EXPECT_FALSE(drag().active());
    EXPECT_THAT(source.heard, ElementsAre("cancelled"));
  }
  server.seat().pointer().button(left_button, false, 1);
  DragSource late{from->client};
  start(serial, &late);
  EXPECT_FALSE(drag().active());
}

TEST_F(DragTest, AFingerCarriesToo) {
  connect();
  server.seat().set_has_touch(true);
  server.seat().touch().down(3, Surface::Hit{from->surface, 1, 1}, 1, 1, 0);
  DragSource source{from->client};
  wl_data_source_set_actions(source.proxy.get(), copy);
  start(server.seat().serials().latest(), &source);
  EXPECT_TRUE(drag().carried_by(3));
  EXPECT_FALSE(drag().carried_by(std::nullopt));
  EXPECT_EQ(server.seat().touch().surface_of(3), nullptr) << "it was taken from the client";
  carry_to(to.get());
  accept();
  drag().drop();
  roundtrip();
  EXPECT_EQ(to->device.heard.back(), "leave");
  EXPECT_EQ(source.heard.back(), "dropped");
}

TEST_F(DragTest, TheIconIsARoleAndMovesWithItsOffset) {
  connect();
  const Proxy<wl_surface> icon{wl_compositor_create_surface(from->client.compositor)};
  DragSource source{from->client};
  start(press(), &source, icon.get());
  ASSERT_NE(drag().icon().surface(), nullptr);
  const Proxy<wl_buffer> buffer{from->client.make_buffer(8, 8)};
  wl_surface_attach(icon.get(), buffer.get(), 0, 0);
  wl_surface_offset(icon.get(), -3, -4);
  wl_surface_commit(icon.get());
  roundtrip();
  EXPECT_EQ(drag().icon().offset(), (Point{-3, -4}));
  EXPECT_TRUE(drag().icon().surface()->has_content());
  drop();
  EXPECT_EQ(drag().icon().surface(), nullptr);

  DragSource other{from->client};
  const std::uint32_t serial = press();
  wl_data_device_start_drag(from->device.proxy.get(), other.proxy.get(), from->window.surface.get(),
                            from->window.surface.get(), serial);
  roundtrip();
  EXPECT_EQ(from->client.error(), (ReceivedError{"wl_data_device", WL_DATA_DEVICE_ERROR_ROLE}));
}

TEST_F(DragTest, EndsWithItsClient) {
  connect();
  auto source = std::make_unique<DragSource>(from->client);
  start(source.get());
  carry_to(to.get());
  source.reset();
  from.reset();
  roundtrip();
  EXPECT_FALSE(drag().active());
  EXPECT_THAT(to->device.heard, ElementsAre("enter 5,6", "leave"));
}

TEST_F(DragTest, OutlivesThoseItPasses) {
  connect();
  DragSource source{from->client};
  start(&source);
  carry_to(to.get());
  accept();
  to.reset();
  roundtrip();
  EXPECT_TRUE(drag().active());
  drop();
  EXPECT_EQ(source.heard.back(), "cancelled");
}

TEST_F(DragTest, DiesBetweenDropAndFinish) {
  connect();
  DragSource source{from->client};
  start(&source);
  carry_to(to.get());
  accept();
  drop();
  to.reset();
  roundtrip();
  EXPECT_EQ(source.heard.back(), "cancelled");
  EXPECT_TRUE(from->client.alive());
}

}  // namespace
}  // namespace demo
