// What one client can do to another that is not even looking: that one must stay, however long it
// reads nothing.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "hostile_test.hpp"
#include "tests/compositor-demo/clients/clipboard.hpp"

namespace e2e {
namespace {

using clients::Clipboard;
using clients::Connection;
using clients::Owned;
using clients::Window;
using namespace std::chrono_literals;

class Neighbours : public HostileTest {
 protected:
  // Long enough for a socket to be full if somebody writes to it in every frame.
  static constexpr auto busy = 2s;
};

// Takes the keyboard from everybody each time it comes, without waiting for an answer.
class Flicker {
 public:
  explicit Flicker(Connection& connection) : window_{connection, 30, 30, 0xffff0000} {}

  void come_and_go() {
    wl_surface_attach(window_.get(), nullptr, 0, 0);
    window_.commit();
    window_.commit();  // asks to be configured again
    wl_surface_attach(window_.get(), window_.buffer().get(), 0, 0);
    window_.commit();
  }

 private:
  Window window_;
};

TEST_F(Neighbours, TakeAndGiveBackTheKeyboardAtMostOnceAFrame) {
  Connection victim{compositor.socket()};
  int entered = 0;
  const Owned<wl_keyboard> keyboard{wl_seat_get_keyboard(victim.seat.get())};
  static constexpr wl_keyboard_listener listener{
      .keymap = [](void*, wl_keyboard*, std::uint32_t, std::int32_t fd,
                   std::uint32_t) noexcept { ::close(fd); },
      .enter = [](void* count, wl_keyboard*, std::uint32_t, wl_surface*,
                  wl_array*) noexcept { ++*static_cast<int*>(count); },
      .leave = [](void*, wl_keyboard*, std::uint32_t, wl_surface*) noexcept {},
      .key = [](void*, wl_keyboard*, std::uint32_t, std::uint32_t, std::uint32_t,
                std::uint32_t) noexcept {},
      .modifiers = [](void*, wl_keyboard*, std::uint32_t, std::uint32_t, std::uint32_t,
                      std::uint32_t, std::uint32_t) noexcept {},
      .repeat_info = [](void*, wl_keyboard*, std::int32_t, std::int32_t) noexcept {},
  };
  wl_keyboard_add_listener(keyboard.get(), &listener, &entered);
  const Window window{victim, 50, 50, 0xff00ff00};

  Connection attacker{compositor.socket()};
  Flicker flicker{attacker};
  const unsigned frames = witness.frames();
  int times = 0;
  for (const auto end = Clock::now() + busy; Clock::now() < end; times += 20) {
    for (int i = 0; i < 20; ++i)
      flicker.come_and_go();
    ASSERT_TRUE(attacker.roundtrip());
    ASSERT_TRUE(victim.roundtrip());
  }
  // The first change in a frame is told at once, the last one with the frame.
  const auto most = 2 * (witness.frames() - frames + 10);
  EXPECT_GT(times, static_cast<int>(2 * most)) << "too slow to say anything";
  EXPECT_LE(static_cast<unsigned>(entered), most);
}

TEST_F(Neighbours, TakeAndGiveBackTheKeyboardOfOneThatDoesNotRead) {
  Connection victim{compositor.socket()};
  Clipboard clipboard{victim};
  Window window{victim, 50, 50, 0xff00ff00};
  ASSERT_TRUE(clipboard.wait_for_keyboard());
  {
    Connection attacker{compositor.socket()};
    Flicker flicker{attacker};
    // The patience with those who have a full socket is five seconds.
    for (const auto end = Clock::now() + 8s; Clock::now() < end;) {
      flicker.come_and_go();
      ASSERT_TRUE(attacker.roundtrip());
      std::this_thread::sleep_for(5ms);
    }
  }
  EXPECT_TRUE(victim.roundtrip()) << "disconnected";
  // Nobody else has it now.
  EXPECT_TRUE(clipboard.wait_for_keyboard());
}

// Everything there is to know about a selection is told with each change of the keyboard's focus.
TEST_F(Neighbours, HaveALargeSelection) {
  Connection victim{compositor.socket()};
  Clipboard clipboard{victim};
  Window window{victim, 50, 50, 0xff00ff00};
  ASSERT_TRUE(clipboard.wait_for_keyboard());

  Connection attacker{compositor.socket()};
  Clipboard other{attacker};
  Flicker flicker{attacker};
  ASSERT_TRUE(other.wait_for_keyboard());
  std::vector<std::string> types;
  for (int i = 0; i < 100; ++i)
    types.push_back("text/" + std::to_string(i) + std::string(30, 'x'));
  other.set(types, "");
  ASSERT_TRUE(attacker.roundtrip());
  for (const auto end = Clock::now() + busy; Clock::now() < end;) {
    flicker.come_and_go();
    ASSERT_TRUE(attacker.roundtrip());
    std::this_thread::sleep_for(5ms);
  }
  wl_surface_attach(window.get(), nullptr, 0, 0);
  window.commit();
  ASSERT_TRUE(victim.roundtrip()) << "disconnected";
  // It is told when it has the keyboard the next time.
  window.wait_for_configure();
  window.attach(50, 50, 0xff00ff00);
  window.commit();
  EXPECT_TRUE(clipboard.wait_for_offer(types.back()));
}

// Each wish to read is an event for the owner of the selection, with a descriptor.
TEST_F(Neighbours, WantToReadASelectionWithoutEnd) {
  Connection owner{compositor.socket()};
  Clipboard clipboard{owner};
  Window window{owner, 50, 50, 0xff00ff00};
  ASSERT_TRUE(clipboard.wait_for_keyboard());
  clipboard.set("text/plain", "wanted");
  ASSERT_TRUE(owner.roundtrip());

  Connection attacker{compositor.socket()};
  const Window above{attacker, 30, 30, 0xffff0000};
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const calloop::OwnedFd reader{ends[0]};
  const calloop::OwnedFd writer{ends[1]};
  int rounds = 0;
  for (const auto end = Clock::now() + busy; Clock::now() < end; ++rounds) {
    Clipboard wish{attacker};  // a new device each time, and with it a new offer
    ASSERT_TRUE(wish.wait_for_offer("text/plain"));
    for (int i = 0; i < 250; ++i) {
      wish.receive("text/plain", writer.get());
      if (i % 16 == 0)
        wl_display_flush(attacker.display());
    }
    ASSERT_TRUE(attacker.roundtrip());
  }
  EXPECT_GT(rounds, 5);
  EXPECT_TRUE(owner.roundtrip()) << "disconnected";
  expect_grown_by_less_than(32 * 1024);
}

}  // namespace
}  // namespace e2e
