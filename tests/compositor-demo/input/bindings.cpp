#include "compositor-demo/input/bindings.hpp"

#include <linux/input-event-codes.h>

#include <gtest/gtest.h>

namespace demo {
namespace {

using Kind = Action::Kind;

constexpr Modifiers none{};
constexpr Modifiers control_alt{.control = true, .alt = true};
constexpr Modifiers alt{.alt = true};
constexpr Modifiers logo{.logo = true};

TEST(Bindings, ArePlacesOfKeysWithModifiers) {
  Bindings bindings;
  EXPECT_EQ(bindings.press(KEY_BACKSPACE, control_alt), (Action{Kind::Quit}));
  EXPECT_EQ(bindings.press(KEY_TAB, alt), (Action{Kind::NextWindow}));
  EXPECT_EQ(bindings.press(KEY_F4, alt), (Action{Kind::CloseWindow}));
  EXPECT_EQ(bindings.press(KEY_ENTER, logo), (Action{Kind::RunTerminal}));
}

TEST(Bindings, KnowEveryTerminal) {
  Bindings bindings;
  EXPECT_EQ(bindings.press(KEY_F1, control_alt), (Action{Kind::SwitchTerminal, 1}));
  EXPECT_EQ(bindings.press(KEY_F10, control_alt), (Action{Kind::SwitchTerminal, 10}));
  EXPECT_EQ(bindings.press(KEY_F11, control_alt), (Action{Kind::SwitchTerminal, 11}));
  EXPECT_EQ(bindings.press(KEY_F12, control_alt), (Action{Kind::SwitchTerminal, 12}));
}

TEST(Bindings, WantTheseModifiersAndNoOthers) {
  Bindings bindings;
  EXPECT_FALSE(bindings.press(KEY_F4, none));
  EXPECT_FALSE(bindings.press(KEY_F4, {.shift = true, .alt = true}));
  EXPECT_FALSE(bindings.press(KEY_A, control_alt));
}

TEST(Bindings, KeepTheReleaseOfWhatTheyTook) {
  Bindings bindings;
  EXPECT_FALSE(bindings.release(KEY_TAB));
  bindings.press(KEY_TAB, alt);
  EXPECT_TRUE(bindings.release(KEY_TAB));  // whatever is held by now
  EXPECT_FALSE(bindings.release(KEY_TAB));
}

TEST(Bindings, ForgetWhatIsDown) {
  Bindings bindings;
  bindings.press(KEY_TAB, alt);
  bindings.reset();
  EXPECT_FALSE(bindings.release(KEY_TAB));
}

}  // namespace
}  // namespace demo
