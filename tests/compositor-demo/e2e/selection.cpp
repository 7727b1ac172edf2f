// The clipboard, from one client to another.
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>

#include "compositor.hpp"
#include "tests/command.hpp"
#include "tests/compositor-demo/clients/clipboard.hpp"
#include "tests/compositor-demo/clients/connection.hpp"
#include "tests/compositor-demo/clients/window.hpp"

namespace e2e {
namespace {

using clients::Clipboard;
using clients::Connection;
using clients::Window;
using namespace std::chrono_literals;

const std::string text_type = "text/plain;charset=utf-8";

// A client with the keyboard and a clipboard.
struct User {
  explicit User(const Compositor& compositor) : connection{compositor.socket()} {}

  Connection connection;
  Clipboard clipboard{connection};
  Window window{connection, 60, 40, 0xff00ff00};
};

// Answers those who want to read what a client has copied, in a thread of its own.
class Serving {
 public:
  explicit Serving(Connection& connection)
      : thread_{[&connection](const std::stop_token& stop) {
          while (!stop.stop_requested() && connection.alive())
            connection.dispatch_until([&] { return stop.stop_requested(); }, 20ms);
        }} {}

 private:
  std::jthread thread_;
};

class Selection : public WithCompositor {
 protected:
  Selection() { ::signal(SIGPIPE, SIG_IGN); }

  void copy_and_paste(const std::string& text) {
    User writer{compositor};
    ASSERT_TRUE(writer.clipboard.wait_for_keyboard());
    writer.clipboard.set(text_type, text);
    ASSERT_TRUE(writer.connection.roundtrip());
    const Serving serving{writer.connection};

    User reader{compositor};
    ASSERT_TRUE(reader.clipboard.wait_for_offer(text_type));
    const auto read = reader.clipboard.read(text_type);
    ASSERT_TRUE(read) << "the data did not come whole";
    EXPECT_TRUE(*read == text) << read->size() << " bytes of " << text.size();
  }
};

TEST_F(Selection, IsReadByAnotherClient) {
  copy_and_paste("Grüße, from one client to another");
}

TEST_F(Selection, MayBeEmpty) {
  copy_and_paste("");
}

TEST_F(Selection, OfAMegabyteArrivesWhole) {
  std::string text;
  for (unsigned i = 0; text.size() < (1U << 20); ++i)
    text += std::to_string(i * 2654435761U) + '\n';
  copy_and_paste(text);
}

TEST_F(Selection, IsReadByItsOwner) {
  User both{compositor};
  ASSERT_TRUE(both.clipboard.wait_for_keyboard());
  both.clipboard.set(text_type, "to myself");
  ASSERT_TRUE(both.clipboard.wait_for_offer(text_type));
  ASSERT_TRUE(both.connection.roundtrip());
  const Serving serving{both.connection};
  EXPECT_EQ(both.clipboard.read(text_type), "to myself");
}

TEST_F(Selection, OfAnotherTakesThePlaceOfTheFirst) {
  User first{compositor};
  ASSERT_TRUE(first.clipboard.wait_for_keyboard());
  first.clipboard.set(text_type, "old");
  ASSERT_TRUE(first.connection.roundtrip());
  {
    User second{compositor};
    ASSERT_TRUE(second.clipboard.wait_for_keyboard());
    second.clipboard.set(text_type, "new");
    ASSERT_TRUE(second.connection.roundtrip());
    EXPECT_TRUE(first.connection.dispatch_until([&] { return first.clipboard.cancelled(); }));

    const Serving serving{second.connection};
    User reader{compositor};
    ASSERT_TRUE(reader.clipboard.wait_for_offer(text_type));
    EXPECT_EQ(reader.clipboard.read(text_type), "new");
  }
  // It went with its owner.
  User later{compositor};
  ASSERT_TRUE(later.clipboard.wait_for_keyboard());
  ASSERT_TRUE(later.connection.roundtrip());
  EXPECT_TRUE(later.clipboard.empty());
}

TEST_F(Selection, IsNotForThoseWithoutTheKeyboard) {
  User behind{compositor};
  ASSERT_TRUE(behind.clipboard.wait_for_keyboard());
  User front{compositor};
  ASSERT_TRUE(front.clipboard.wait_for_keyboard());
  front.clipboard.set(text_type, "secret");
  ASSERT_TRUE(front.connection.roundtrip());
  ASSERT_TRUE(behind.connection.roundtrip());
  EXPECT_TRUE(behind.clipboard.empty());
}

TEST_F(Selection, IsWhatWlCopyAndWlPasteThinkOfIt) {
  const Place& place = compositor.place();
  const std::string environment = "XDG_RUNTIME_DIR=" + place.directory().string() +
                                  " WAYLAND_DISPLAY=" + place.socket().filename().string() + " ";
  Process copy{{"wl-copy", "--foreground", "from wl-copy"},
               {.environment = {"XDG_RUNTIME_DIR=" + place.directory().string(),
                                "WAYLAND_DISPLAY=" + place.socket().filename().string()}}};
  // It shows a window only until it has the keyboard, then its selection stays.
  tests::CommandResult paste{};
  EXPECT_TRUE(eventually([&] {
    paste = tests::run_command(environment + "timeout 20 wl-paste --no-newline");
    return paste.status == 0 || !copy.running();
  })) << paste.output;
  EXPECT_EQ(paste.status, 0);
  EXPECT_EQ(paste.output, "from wl-copy");
}

}  // namespace
}  // namespace e2e
