#include "compositor-demo/protocol/data_device.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <calloop/fd.hpp>

#include "compositor-demo/protocol/seat.hpp"
#include "compositor-demo/protocol/windows.hpp"
#include "tests/compositor-demo/protocol/loopback.hpp"
#include "tests/compositor-demo/protocol/proxy.hpp"
#include "tests/compositor-demo/protocol/xdg_client.hpp"

namespace demo {
namespace {

// A wl_data_source that gives the same text in every format.
struct ClientSource {
  ClientSource(LoopbackClient& client, const std::vector<std::string>& types)
      : proxy{wl_data_device_manager_create_data_source(client.data_device_manager)} {
    static const wl_data_source_listener listener{
        .target = [](void*, wl_data_source*, const char*) {},
        .send =
            [](void* self, wl_data_source*, const char* type, std::int32_t fd) {
              const calloop::OwnedFd file{fd};
              auto& source = *static_cast<ClientSource*>(self);
              source.sent.emplace_back(type);
              EXPECT_EQ(write(fd, source.text.data(), source.text.size()),
                        static_cast<ssize_t>(source.text.size()));
            },
        .cancelled = [](void* self,
                        wl_data_source*) { ++static_cast<ClientSource*>(self)->cancelled; },
        .dnd_drop_performed = [](void*, wl_data_source*) {},
        .dnd_finished = [](void*, wl_data_source*) {},
        .action = [](void*, wl_data_source*, std::uint32_t) {}};
    wl_data_source_add_listener(proxy.get(), &listener, this);
    for (const std::string& type : types)
      wl_data_source_offer(proxy.get(), type.c_str());
  }
  ClientSource(const ClientSource&) = delete;
  ClientSource& operator=(const ClientSource&) = delete;

  Proxy<wl_data_source> proxy;
  std::string text = "some text";
  std::vector<std::string> sent;  // the formats that were asked for
  int cancelled = 0;
};

struct ClientOffer {
  Proxy<wl_data_offer> proxy;
  std::vector<std::string> types;
};

// A wl_data_device that keeps the latest selection.
struct ClientDevice {
  explicit ClientDevice(LoopbackClient& of)
      : client{of}, proxy{wl_data_device_manager_get_data_device(of.data_device_manager, of.seat)} {
    static const wl_data_device_listener listener{
        .data_offer =
            [](void* self, wl_data_device*, wl_data_offer* offer) {
              auto& device = *static_cast<ClientDevice*>(self);
              device.offers.push_back(std::make_unique<ClientOffer>());
              device.offers.back()->proxy.reset(offer);
              static const wl_data_offer_listener offer_listener{
                  .offer =
                      [](void* of_offer, wl_data_offer*, const char* type) {
                        static_cast<ClientOffer*>(of_offer)->types.emplace_back(type);
                      },
                  .source_actions = [](void*, wl_data_offer*, std::uint32_t) {},
                  .action = [](void*, wl_data_offer*, std::uint32_t) {}};
              wl_data_offer_add_listener(offer, &offer_listener, device.offers.back().get());
            },
        .enter = [](void*, wl_data_device*, std::uint32_t, wl_surface*, wl_fixed_t, wl_fixed_t,
                    wl_data_offer*) { ADD_FAILURE() << "nothing is dragged"; },
        .leave = [](void*, wl_data_device*) {},
        .motion = [](void*, wl_data_device*, std::uint32_t, wl_fixed_t, wl_fixed_t) {},
        .drop = [](void*, wl_data_device*) {},
        .selection =
            [](void* self, wl_data_device*, wl_data_offer* offer) {
              auto& device = *static_cast<ClientDevice*>(self);
              ++device.selections;
              device.selection = offer == nullptr ? nullptr : device.offers.back().get();
            }};
    wl_data_device_add_listener(proxy.get(), &listener, this);
  }
  ClientDevice(const ClientDevice&) = delete;
  ClientDevice& operator=(const ClientDevice&) = delete;

  // Asks for the selection; the answer can be read from what is returned when the source's client
  // has been dispatched.
  calloop::OwnedFd receive(const ClientOffer& offer, const char* type) {
    std::array<int, 2> ends{};
    EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
    const calloop::OwnedFd ours{ends[1]};
    wl_data_offer_receive(offer.proxy.get(), type, ours.get());
    client.roundtrip();
    return calloop::OwnedFd{ends[0]};
  }

  LoopbackClient& client;
  Proxy<wl_data_device> proxy;
  std::vector<std::unique_ptr<ClientOffer>> offers;  // all there ever were
  ClientOffer* selection = nullptr;
  int selections = 0;  // events
};

// Until end of file; fails if that is not reached, because someone still has the other end.
std::string all_of(const calloop::OwnedFd& fd) {
  std::string text;
  std::array<char, 256> buffer{};
  ssize_t count = 0;
  while ((count = read(fd.get(), buffer.data(), buffer.size())) > 0)
    text.append(buffer.data(), static_cast<std::size_t>(count));
  EXPECT_EQ(count, 0) << "errno " << errno;
  return text;
}

class DataDeviceTest : public testing::Test {
 protected:
  // A client with a mapped window and a device.
  struct Party {
    explicit Party(LoopbackServer& server) : client{server}, device{client}, window{client} {
      window.map(10, 10);
      surface = &server.last_window().surface();
    }
    LoopbackClient client;
    ClientDevice device;
    ClientToplevel window;
    Surface* surface = nullptr;
  };
  void focus(Party& party) {
    server.seat().set_keyboard_focus(party.surface);
    party.client.roundtrip();
  }
  void select(Party& party, ClientSource& source, std::uint32_t serial = 0) {
    wl_data_device_set_selection(party.device.proxy.get(), source.proxy.get(), serial);
    party.client.roundtrip();
  }

  LoopbackServer server;
  Party writer{server};
  Party reader{server};
};

TEST_F(DataDeviceTest, ASelectionOfOneClientIsReadByAnother) {
  ClientSource source{writer.client, {"text/plain", "text/plain;charset=utf-8", "text/plain"}};
  focus(writer);
  select(writer, source);
  focus(reader);
  ASSERT_NE(reader.device.selection, nullptr);
  EXPECT_EQ(reader.device.selection->types,
            (std::vector<std::string>{"text/plain", "text/plain;charset=utf-8"}));
  const calloop::OwnedFd received = reader.device.receive(*reader.device.selection, "text/plain");
  writer.client.roundtrip();
  EXPECT_EQ(all_of(received), "some text");
  EXPECT_EQ(source.sent, (std::vector<std::string>{"text/plain"}));
  EXPECT_EQ(source.cancelled, 0);
}

TEST_F(DataDeviceTest, TheSelectionIsKnownBeforeTheFocus) {
  ClientSource source{writer.client, {"text/plain"}};
  focus(writer);
  select(writer, source);
  // Notes what was there when the keyboard was entered.
  struct Order {
    ClientDevice& device;
    bool known = false;
  } order{reader.device};
  static const wl_keyboard_listener listener{
      .keymap = [](void*, wl_keyboard*, std::uint32_t, std::int32_t fd,
                   std::uint32_t) { close(fd); },
      .enter =
          [](void* data, wl_keyboard*, std::uint32_t, wl_surface*, wl_array*) {
            auto& noted = *static_cast<Order*>(data);
            noted.known = noted.device.selection != nullptr;
          },
      .leave = [](void*, wl_keyboard*, std::uint32_t, wl_surface*) {},
      .key = [](void*, wl_keyboard*, std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t) {},
      .modifiers = [](void*, wl_keyboard*, std::uint32_t, std::uint32_t, std::uint32_t,
                      std::uint32_t, std::uint32_t) {},
      .repeat_info = [](void*, wl_keyboard*, std::int32_t, std::int32_t) {}};
  const Proxy<wl_keyboard> keyboard{wl_seat_get_keyboard(reader.client.seat)};
  wl_keyboard_add_listener(keyboard.get(), &listener, &order);
  reader.client.roundtrip();
  EXPECT_FALSE(order.known);
  focus(reader);
  EXPECT_TRUE(order.known);
}

TEST_F(DataDeviceTest, AFormatThatIsNotOfferedIsAnEmptyFile) {
  ClientSource source{writer.client, {"text/plain"}};
  focus(writer);
  select(writer, source);
  focus(reader);
  const calloop::OwnedFd received = reader.device.receive(*reader.device.selection, "image/png");
  writer.client.roundtrip();
  EXPECT_EQ(all_of(received), "");
  EXPECT_TRUE(source.sent.empty());
}

TEST_F(DataDeviceTest, ASourceDestroyedWhileOfferedGivesAnEmptyFileAndNoSelection) {
  focus(writer);
  {
    ClientSource source{writer.client, {"text/plain"}};
    select(writer, source);
    focus(reader);
    ASSERT_NE(reader.device.selection, nullptr);
    wl_data_source_destroy(source.proxy.release());
  }
  writer.client.roundtrip();
  ClientOffer& stale = *reader.device.selection;
  EXPECT_EQ(all_of(reader.device.receive(stale, "text/plain")), "");
  EXPECT_EQ(reader.device.selection, nullptr);
  EXPECT_EQ(server.data_devices().selection(), nullptr);
}

TEST_F(DataDeviceTest, TheSelectionDiesWithItsClient) {
  {
    Party mortal{server};
    ClientSource source{mortal.client, {"text/plain"}};
    focus(mortal);
    select(mortal, source);
    focus(reader);
    EXPECT_NE(reader.device.selection, nullptr);
  }
  reader.client.roundtrip();
  EXPECT_EQ(reader.device.selection, nullptr);
}

TEST_F(DataDeviceTest, AReaderThatDiesHurtsNobody) {
  ClientSource source{writer.client, {"text/plain"}};
  focus(writer);
  select(writer, source);
  {
    Party mortal{server};
    focus(mortal);
    EXPECT_NE(mortal.device.selection, nullptr);
  }
  EXPECT_EQ(server.seat().keyboard_client(), nullptr);
  focus(reader);
  EXPECT_NE(reader.device.selection, nullptr);
}

TEST_F(DataDeviceTest, AReplacedSourceIsCancelledAndItsOffersAreEmpty) {
  ClientSource first{writer.client, {"text/plain"}};
  ClientSource second{writer.client, {"text/html"}};
  focus(writer);
  select(writer, first);
  ClientOffer* const old = writer.device.selection;
  ASSERT_NE(old, nullptr) << "one's own selection is offered, too";
  select(writer, second);
  EXPECT_EQ(first.cancelled, 1);
  EXPECT_EQ(second.cancelled, 0);
  EXPECT_EQ(writer.device.selection->types, (std::vector<std::string>{"text/html"}));
  EXPECT_EQ(all_of(writer.device.receive(*old, "text/plain")), "");
}

TEST_F(DataDeviceTest, ItCanBeUnset) {
  ClientSource source{writer.client, {"text/plain"}};
  focus(writer);
  select(writer, source);
  EXPECT_NE(writer.device.selection, nullptr);
  wl_data_device_set_selection(writer.device.proxy.get(), nullptr, 0);
  writer.client.roundtrip();
  EXPECT_EQ(writer.device.selection, nullptr);
  EXPECT_EQ(source.cancelled, 1);
}

TEST_F(DataDeviceTest, WithoutTheKeyboardAndAnEventItIsRefused) {
  ClientSource first{reader.client, {"text/plain"}};
  focus(reader);
  select(reader, first, server.seat().serials().latest());
  ClientSource source{writer.client, {"text/plain"}};
  select(writer, source);
  EXPECT_EQ(first.cancelled, 0);
  EXPECT_EQ(source.cancelled, 1);
  EXPECT_TRUE(writer.client.alive());
}

TEST_F(DataDeviceTest, AnybodyMayFillAnEmptyClipboard) {
  focus(reader);
  ClientSource source{writer.client, {"text/plain"}};
  select(writer, source);
  reader.client.roundtrip();
  EXPECT_NE(reader.device.selection, nullptr);
  EXPECT_EQ(source.cancelled, 0);
}

TEST_F(DataDeviceTest, WithoutTheKeyboardOneEventAllowsItOnce) {
  focus(writer);
  const std::uint32_t serial = server.seat().serials().latest();
  focus(reader);
  ClientSource source{writer.client, {"text/plain"}};
  select(writer, source, serial);
  reader.client.roundtrip();
  EXPECT_NE(reader.device.selection, nullptr);
  ClientSource again{writer.client, {"text/plain"}};
  select(writer, again, serial);
  EXPECT_EQ(source.cancelled, 0);
  EXPECT_EQ(again.cancelled, 1);
}

TEST_F(DataDeviceTest, AnotherClientsSerialIsWorthNothing) {
  focus(reader);
  const std::uint32_t serial = server.seat().serials().latest();
  ClientSource first{reader.client, {"text/plain"}};
  select(reader, first, serial);
  ClientSource source{writer.client, {"text/plain"}};
  select(writer, source, serial);
  EXPECT_EQ(source.cancelled, 1);
}

TEST_F(DataDeviceTest, AnOlderEventComesTooLate) {
  focus(writer);
  const std::uint32_t old = server.seat().serials().latest();
  focus(reader);
  ClientSource newer{reader.client, {"text/plain"}};
  select(reader, newer, server.seat().serials().latest());
  ClientSource late{writer.client, {"text/plain"}};
  select(writer, late, old);
  EXPECT_EQ(late.cancelled, 1);
  EXPECT_EQ(newer.cancelled, 0);
}

TEST_F(DataDeviceTest, ADeviceMadeWithTheKeyboardHearsTheSelection) {
  ClientSource source{writer.client, {"text/plain"}};
  focus(writer);
  select(writer, source);
  focus(reader);
  const ClientDevice second{reader.client};
  reader.client.roundtrip();
  EXPECT_NE(second.selection, nullptr);
}

TEST_F(DataDeviceTest, AnotherWindowOfTheSameClientIsNoNews) {
  focus(writer);
  EXPECT_EQ(writer.device.selections, 1);
  ClientToplevel second{writer.client};
  second.map(10, 10);
  server.seat().set_keyboard_focus(&server.last_window().surface());
  writer.client.roundtrip();
  EXPECT_EQ(writer.device.selections, 1);
}

TEST_F(DataDeviceTest, ManyChangesAtOnceAreOneForTheReader) {
  focus(writer);
  const std::uint32_t before = static_cast<std::uint32_t>(writer.device.selections);
  std::vector<std::unique_ptr<ClientSource>> sources;
  for (int i = 0; i < 50; ++i) {
    sources.push_back(
        std::make_unique<ClientSource>(writer.client, std::vector<std::string>{"text/plain"}));
    wl_data_device_set_selection(writer.device.proxy.get(), sources.back()->proxy.get(), 0);
  }
  writer.client.roundtrip();
  EXPECT_LT(static_cast<std::uint32_t>(writer.device.selections), before + 10);
  EXPECT_NE(writer.device.selection, nullptr);
}

TEST_F(DataDeviceTest, DragRequestsOnTheSelectionAreErrors) {
  ClientSource source{writer.client, {"text/plain"}};
  focus(writer);
  select(writer, source);
  const auto expect_error = [&](std::uint32_t code, auto request) {
    Party wrong{server};
    focus(wrong);
    ASSERT_NE(wrong.device.selection, nullptr);
    wl_data_offer_accept(wrong.device.selection->proxy.get(), 0, "text/plain");
    wl_data_offer_accept(wrong.device.selection->proxy.get(), 0, nullptr);
    request(wrong.device.selection->proxy.get());
    wrong.client.roundtrip();
    EXPECT_EQ(wrong.client.error(), (ReceivedError{"wl_data_offer", code}));
  };
  expect_error(WL_DATA_OFFER_ERROR_INVALID_FINISH,
               [](wl_data_offer* offer) { wl_data_offer_finish(offer); });
  expect_error(WL_DATA_OFFER_ERROR_INVALID_OFFER,
               [](wl_data_offer* offer) { wl_data_offer_set_actions(offer, 3, 1); });
  expect_error(WL_DATA_OFFER_ERROR_INVALID_ACTION_MASK,
               [](wl_data_offer* offer) { wl_data_offer_set_actions(offer, 8, 0); });
  expect_error(WL_DATA_OFFER_ERROR_INVALID_ACTION,
               [](wl_data_offer* offer) { wl_data_offer_set_actions(offer, 3, 3); });
}

TEST_F(DataDeviceTest, UnknownActionsOfASourceAreAnError) {
  const ClientSource source{writer.client, {}};
  wl_data_source_set_actions(source.proxy.get(), 16);
  writer.client.roundtrip();
  EXPECT_EQ(writer.client.error(),
            (ReceivedError{"wl_data_source", WL_DATA_SOURCE_ERROR_INVALID_ACTION_MASK}));
}

TEST_F(DataDeviceTest, ActionsSetTwiceAreAnError) {
  const ClientSource source{writer.client, {}};
  wl_data_source_set_actions(source.proxy.get(), 1);
  wl_data_source_set_actions(source.proxy.get(), 1);
  writer.client.roundtrip();
  EXPECT_EQ(writer.client.error(),
            (ReceivedError{"wl_data_source", WL_DATA_SOURCE_ERROR_INVALID_SOURCE}));
}

TEST_F(DataDeviceTest, ActionsOfASelectionAreAnError) {
  ClientSource source{writer.client, {}};
  focus(writer);
  select(writer, source);
  wl_data_source_set_actions(source.proxy.get(), 1);
  writer.client.roundtrip();
  EXPECT_EQ(writer.client.error(),
            (ReceivedError{"wl_data_source", WL_DATA_SOURCE_ERROR_INVALID_SOURCE}));
}

TEST_F(DataDeviceTest, ASelectionWithActionsIsAnError) {
  ClientSource source{writer.client, {}};
  focus(writer);
  wl_data_source_set_actions(source.proxy.get(), 1);
  select(writer, source);
  EXPECT_EQ(writer.client.error(),
            (ReceivedError{"wl_data_source", WL_DATA_SOURCE_ERROR_INVALID_SOURCE}));
}

TEST_F(DataDeviceTest, ADragWithoutAGrabEndsBeforeItBegins) {
  ClientSource source{writer.client, {"text/plain"}};
  wl_data_source_set_actions(source.proxy.get(), 1);
  const Proxy<wl_surface> icon{wl_compositor_create_surface(writer.client.compositor)};
  wl_data_device_start_drag(writer.device.proxy.get(), source.proxy.get(),
                            writer.window.surface.get(), icon.get(), 0);
  wl_data_device_start_drag(writer.device.proxy.get(), nullptr, writer.window.surface.get(),
                            nullptr, 0);
  writer.client.roundtrip();
  EXPECT_TRUE(writer.client.alive());
  EXPECT_EQ(source.cancelled, 1);
}

TEST_F(DataDeviceTest, AWindowAsDragIconIsAnError) {
  wl_data_device_start_drag(writer.device.proxy.get(), nullptr, writer.window.surface.get(),
                            writer.window.surface.get(), 0);
  writer.client.roundtrip();
  EXPECT_EQ(writer.client.error(), (ReceivedError{"wl_data_device", WL_DATA_DEVICE_ERROR_ROLE}));
}

TEST_F(DataDeviceTest, HoardersAreDisconnectedAlone) {
  const auto expect_gone = [&](auto hoard) {
    LoopbackClient client{server};
    hoard(client);
    client.roundtrip();
    EXPECT_FALSE(client.alive());
    reader.client.roundtrip();
    EXPECT_TRUE(reader.client.alive());
  };
  expect_gone([](LoopbackClient& client) {
    const ClientSource source{client, {std::string(513, 'x')}};
    client.roundtrip();
  });
  // What LibreOffice offers is not too much.
  {
    LoopbackClient client{server};
    std::vector<std::string> types(30, std::string(60, 'x'));
    for (std::size_t i = 0; i < types.size(); ++i)
      types[i] += std::to_string(i);
    types[0].resize(250, 'y');
    const ClientSource source{client, types};
    client.roundtrip();
    EXPECT_TRUE(client.alive());
  }
  expect_gone([](LoopbackClient& client) {
    std::vector<std::string> types;
    types.reserve(129);
    for (int i = 0; i < 129; ++i)
      types.push_back("type/" + std::to_string(i));
    const ClientSource source{client, types};
    client.roundtrip();
  });
  expect_gone([](LoopbackClient& client) {
    std::vector<std::string> types;
    types.reserve(100);
    for (int i = 0; i < 100; ++i)
      types.push_back(std::to_string(i) + std::string(200, 'x'));
    const ClientSource source{client, types};
    client.roundtrip();
  });
  expect_gone([](LoopbackClient& client) {
    std::vector<std::unique_ptr<ClientDevice>> devices;
    devices.reserve(9);
    for (int i = 0; i < 9; ++i)
      devices.push_back(std::make_unique<ClientDevice>(client));
    client.roundtrip();
  });
}

// The owner is busy meanwhile.
TEST_F(DataDeviceTest, AReaderThatAsksWithoutEndHarmsNobody) {
  ClientSource source{writer.client, {"text/plain"}};
  focus(writer);
  select(writer, source);
  focus(reader);
  const auto ask = [&](const ClientOffer& offer, int times) {
    for (int i = 0; i < times && reader.client.alive(); ++i)
      reader.device.receive(offer, "text/plain");
  };
  ask(*reader.device.selection, 400);
  // Each device has an offer of its own, and can be made anew.
  for (int i = 0; i < 20; ++i) {
    ClientDevice another{reader.client};
    reader.client.roundtrip();
    ASSERT_NE(another.selection, nullptr);
    ask(*another.selection, 100);
    wl_data_device_release(another.proxy.release());
    reader.client.roundtrip();
  }
  // In the end there is an answer to everyone: an empty one.
  EXPECT_EQ(all_of(reader.device.receive(*reader.device.selection, "text/plain")), "");

  source.text.clear();  // nobody reads it
  writer.client.roundtrip();
  EXPECT_TRUE(writer.client.alive());
  EXPECT_FALSE(source.sent.empty());
  EXPECT_LT(source.sent.size(), 200U);
  EXPECT_TRUE(reader.client.alive());
  // Now that it has read, it is asked again.
  source.text = "news";
  const calloop::OwnedFd received = reader.device.receive(*reader.device.selection, "text/plain");
  writer.client.roundtrip();
  EXPECT_EQ(all_of(received), "news");
}

// One that is busy has the keyboard, another one copies without a pause.
TEST_F(DataDeviceTest, ManySelectionsDoNotHarmOneThatDoesNotRead) {
  focus(reader);
  const int known = reader.device.selections;
  std::vector<std::string> types;
  types.reserve(100);
  for (int i = 0; i < 100; ++i)
    types.push_back(std::to_string(i) + std::string(30, 'x'));
  std::vector<std::unique_ptr<ClientSource>> sources;
  for (int i = 0; i < 300; ++i) {
    sources.push_back(std::make_unique<ClientSource>(writer.client, types));
    // Each answers an event of its own.
    server.seat().pointer().motion(Surface::Hit{writer.surface, 1, 1}, 0);
    const std::uint32_t serial = server.seat().serials().latest();
    server.seat().pointer().motion({}, 0);
    select(writer, *sources.back(), serial);
    ASSERT_EQ(sources.back()->cancelled, 0) << i;
    if (i > 0)
      wl_data_source_destroy(sources[sources.size() - 2]->proxy.release());
  }
  ASSERT_NE(server.data_devices().selection(), nullptr);
  reader.client.roundtrip();
  ASSERT_TRUE(reader.client.alive());
  EXPECT_LT(reader.device.selections - known, 100);
  // The last one is made up, with nobody doing anything.
  const ClientOffer* const seen = reader.device.selection;
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds{10};
  while (reader.device.selection == seen && std::chrono::steady_clock::now() < give_up)
    reader.client.dispatch();
  ASSERT_NE(reader.device.selection, seen);
  const calloop::OwnedFd received =
      reader.device.receive(*reader.device.selection, types.front().c_str());
  writer.client.roundtrip();
  EXPECT_EQ(all_of(received), "some text");
  EXPECT_EQ(sources.back()->sent.size(), 1U);
}

}  // namespace
}  // namespace demo
