#include "compositor-demo/protocol/keyboard.hpp"

#include <linux/input-event-codes.h>
#include <sys/mman.h>

#include <algorithm>
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

// A wl_keyboard that writes down what it hears.
struct ClientKeyboard {
  explicit ClientKeyboard(LoopbackClient& client) : proxy{wl_seat_get_keyboard(client.seat)} {
    static const wl_keyboard_listener listener{
        .keymap =
            [](void* self, wl_keyboard*, std::uint32_t format, std::int32_t fd,
               std::uint32_t size) {
              const calloop::OwnedFd file{fd};
              EXPECT_EQ(format, std::uint32_t{WL_KEYBOARD_KEYMAP_FORMAT_XKB_V1});
              void* memory = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
              ASSERT_NE(memory, MAP_FAILED);
              static_cast<ClientKeyboard*>(self)->keymap = static_cast<const char*>(memory);
              munmap(memory, size);
            },
        .enter =
            [](void* self, wl_keyboard*, std::uint32_t, wl_surface* surface, wl_array* keys) {
              const auto* const first = static_cast<const std::uint32_t*>(keys->data);
              auto& keyboard = *static_cast<ClientKeyboard*>(self);
              keyboard.keys_at_enter.assign(first, first + keys->size / sizeof *first);
              keyboard.focus = surface;
              keyboard.log.emplace_back("enter");
            },
        .leave =
            [](void* self, wl_keyboard*, std::uint32_t, wl_surface*) {
              static_cast<ClientKeyboard*>(self)->focus = nullptr;
              static_cast<ClientKeyboard*>(self)->log.emplace_back("leave");
            },
        .key =
            [](void* self, wl_keyboard*, std::uint32_t, std::uint32_t time, std::uint32_t key,
               std::uint32_t state) {
              static_cast<ClientKeyboard*>(self)->log.push_back(
                  (state == WL_KEYBOARD_KEY_STATE_PRESSED ? "press " : "release ") +
                  std::to_string(key) + " at " + std::to_string(time));
            },
        .modifiers =
            [](void* self, wl_keyboard*, std::uint32_t, std::uint32_t depressed, std::uint32_t,
               std::uint32_t locked, std::uint32_t) {
              static_cast<ClientKeyboard*>(self)->log.push_back(
                  "modifiers " + std::to_string(depressed) + ' ' + std::to_string(locked));
            },
        .repeat_info =
            [](void* self, wl_keyboard*, std::int32_t rate, std::int32_t delay) {
              static_cast<ClientKeyboard*>(self)->repeat = {rate, delay};
            }};
    wl_keyboard_add_listener(proxy.get(), &listener, this);
  }
  ClientKeyboard(const ClientKeyboard&) = delete;
  ClientKeyboard& operator=(const ClientKeyboard&) = delete;

  std::vector<std::string> taken_log() { return std::exchange(log, {}); }

  Proxy<wl_keyboard> proxy;
  std::string keymap;
  std::pair<int, int> repeat;
  wl_surface* focus = nullptr;
  std::vector<std::uint32_t> keys_at_enter;
  std::vector<std::string> log;
};

using Log = std::vector<std::string>;

class KeyboardTest : public testing::Test {
 protected:
  void focus_last_window() {
    server.seat().set_keyboard_focus(&server.last_window().surface());
    client.roundtrip();
  }

  LoopbackServer server;
  LoopbackClient client{server};
};

TEST_F(KeyboardTest, SendsKeymapAndRepeatInfo) {
  const ClientKeyboard keyboard{client};
  client.roundtrip();
  EXPECT_TRUE(keyboard.keymap.starts_with("xkb_keymap"));
  EXPECT_EQ(keyboard.repeat, std::pair(25, 600));
}

TEST_F(KeyboardTest, SendsNoRepeatInfoToOldClients) {
  LoopbackClient old{server, {.seat = 3}};
  const ClientKeyboard keyboard{old};
  old.roundtrip();
  EXPECT_FALSE(keyboard.keymap.empty());
  EXPECT_EQ(keyboard.repeat, std::pair(0, 0));
}

TEST_F(KeyboardTest, EntersWithPressedKeysAndModifiers) {
  ClientKeyboard keyboard{client};
  ClientToplevel window{client};
  window.map(10, 10);
  server.seat().keyboard().key(KEY_LEFTSHIFT, true, 0);
  server.seat().keyboard().key(KEY_A, true, 0);
  focus_last_window();
  EXPECT_EQ(keyboard.focus, window.surface.get());
  EXPECT_EQ(keyboard.keys_at_enter, (std::vector<std::uint32_t>{KEY_LEFTSHIFT, KEY_A}));
  EXPECT_EQ(keyboard.taken_log(), (Log{"enter", "modifiers 1 0"}));
}

TEST_F(KeyboardTest, SendsKeysAndChangedModifiers) {
  ClientKeyboard keyboard{client};
  ClientToplevel window{client};
  window.map(10, 10);
  focus_last_window();
  keyboard.taken_log();
  server.seat().keyboard().key(KEY_A, true, 1);
  server.seat().keyboard().key(KEY_A, false, 2);
  server.seat().keyboard().key(KEY_CAPSLOCK, true, 3);
  server.seat().keyboard().key(KEY_CAPSLOCK, false, 4);
  client.roundtrip();
  EXPECT_EQ(keyboard.taken_log(), (Log{"press 30 at 1", "release 30 at 2", "press 58 at 3",
                                       "modifiers 2 2", "release 58 at 4", "modifiers 0 2"}));
}

TEST_F(KeyboardTest, IgnoresWhatCannotBe) {
  ClientKeyboard keyboard{client};
  ClientToplevel window{client};
  window.map(10, 10);
  focus_last_window();
  keyboard.taken_log();
  server.seat().keyboard().key(KEY_A, false, 1);
  server.seat().keyboard().key(0xffffffffU, true, 2);
  server.seat().keyboard().key(KEY_A, true, 3);
  server.seat().keyboard().key(KEY_A, true, 4);
  client.roundtrip();
  EXPECT_EQ(keyboard.taken_log(), (Log{"press 30 at 3"}));
}

TEST_F(KeyboardTest, ReleasesEverythingWhenTheDevicesGo) {
  ClientKeyboard keyboard{client};
  ClientToplevel window{client};
  window.map(10, 10);
  focus_last_window();
  server.seat().keyboard().key(KEY_LEFTCTRL, true, 1);
  server.seat().keyboard().key(KEY_A, true, 1);
  client.roundtrip();
  keyboard.taken_log();
  server.seat().keyboard().release_all(2);
  client.roundtrip();
  EXPECT_EQ(keyboard.taken_log(), (Log{"release 30 at 2", "release 29 at 2", "modifiers 0 0"}));
}

TEST_F(KeyboardTest, LeavesBeforeItEntersElsewhere) {
  ClientKeyboard keyboard{client};
  ClientToplevel first{client};
  first.map(10, 10);
  focus_last_window();
  ClientToplevel second{client};
  second.map(10, 10);
  keyboard.taken_log();
  focus_last_window();
  EXPECT_EQ(keyboard.focus, second.surface.get());
  EXPECT_EQ(keyboard.taken_log(), (Log{"leave", "enter", "modifiers 0 0"}));
  server.seat().set_keyboard_focus(nullptr);
  server.seat().keyboard().key(KEY_A, true, 1);
  client.roundtrip();
  EXPECT_EQ(keyboard.taken_log(), (Log{"leave"}));
}

TEST_F(KeyboardTest, OnlyTheClientWithTheFocusHearsKeys) {
  LoopbackClient other{server};
  ClientKeyboard spy{other};
  ClientKeyboard keyboard{client};
  ClientToplevel window{client};
  window.map(10, 10);
  focus_last_window();
  server.seat().keyboard().key(KEY_A, true, 1);
  client.roundtrip();
  other.roundtrip();
  EXPECT_TRUE(spy.log.empty());
  EXPECT_EQ(keyboard.log.size(), 3U);
}

TEST_F(KeyboardTest, AKeyboardMadeWithTheFocusIsEnteredAtOnce) {
  ClientToplevel window{client};
  window.map(10, 10);
  focus_last_window();
  const ClientKeyboard keyboard{client};
  client.roundtrip();
  EXPECT_EQ(keyboard.focus, window.surface.get());
}

TEST_F(KeyboardTest, AReleasedKeyboardHearsNothing) {
  ClientKeyboard keyboard{client};
  ClientKeyboard second{client};
  ClientToplevel window{client};
  window.map(10, 10);
  focus_last_window();
  wl_keyboard_release(keyboard.proxy.release());
  client.roundtrip();
  second.taken_log();
  server.seat().keyboard().key(KEY_A, true, 1);
  client.roundtrip();
  EXPECT_EQ(second.log.size(), 1U);
}

TEST_F(KeyboardTest, ADestroyedSurfaceLosesTheFocus) {
  ClientKeyboard keyboard{client};
  ClientToplevel window{client};
  window.map(10, 10);
  focus_last_window();
  keyboard.taken_log();
  wl_surface_destroy(window.surface.release());
  client.roundtrip();
  EXPECT_EQ(server.seat().keyboard().focus(), nullptr);
  server.seat().keyboard().key(KEY_A, true, 1);
  client.roundtrip();
  EXPECT_TRUE(keyboard.taken_log().empty());
}

}  // namespace
}  // namespace demo
