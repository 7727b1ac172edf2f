// A module by itself, in a loop whose time is made up: ten minutes of key repeat in no time.
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <calloop/event_loop.hpp>
#include <calloop/testing.hpp>

#include "calloop/examples/modules/keyboard.hpp"

namespace {

using namespace std::chrono_literals;

struct Typist final : modules::Keyboard::Host {
  std::string typed;
  void key_pressed(char key) override { typed += key; }
};

class KeyRepeat : public testing::Test {
 protected:
  KeyRepeat() : KeyRepeat{std::make_unique<calloop::TestBackend>()} {}
  // Lets this much time pass.
  void pass(calloop::Duration time) {
    for (const calloop::TimePoint end = clock_.now() + time; clock_.now() < end;)
      loop_.dispatch(end - clock_.now(), keyboard_);
  }

  calloop::TestBackend& clock_;
  calloop::EventLoop<modules::Keyboard> loop_;
  Typist typist_;
  modules::Keyboard keyboard_;

 private:
  explicit KeyRepeat(std::unique_ptr<calloop::TestBackend> backend)
      : clock_{*backend},
        loop_{std::move(backend)},
        keyboard_{loop_.handle(), typist_, {.delay = 600ms, .interval = 40ms}} {}
};

TEST_F(KeyRepeat, BeginsAfterTheDelayAndKeepsItsInterval) {
  keyboard_.press('x');
  EXPECT_EQ(typist_.typed, "x");
  pass(599ms);
  EXPECT_EQ(typist_.typed, "x");
  pass(1ms);
  EXPECT_EQ(typist_.typed, "xx");
  pass(10min);
  EXPECT_EQ(typist_.typed.size(), 2u + 10min / 40ms);
}

TEST_F(KeyRepeat, EndsWithTheReleaseOrAnotherKey) {
  keyboard_.press('x');
  pass(640ms);
  keyboard_.press('y');
  pass(640ms);
  EXPECT_EQ(typist_.typed, "xxxyyy");
  keyboard_.release();
  pass(1h);
  EXPECT_EQ(typist_.typed, "xxxyyy");
}

}  // namespace
