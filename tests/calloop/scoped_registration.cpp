#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <calloop/event_loop.hpp>
#include <calloop/scoped_registration.hpp>
#include <calloop/sources/timer.hpp>

#include "tests/calloop/on_drop.hpp"

namespace {

using namespace calloop;
using namespace std::chrono_literals;

static_assert(!std::is_copy_constructible_v<ScopedRegistration>);
static_assert(std::is_nothrow_move_constructible_v<ScopedRegistration>);
static_assert(std::is_nothrow_move_assignable_v<ScopedRegistration>);

class ScopedRegistrationTest : public testing::Test {
 protected:
  ScopedRegistration insert() {
    return {loop_.handle(), loop_.handle().insert_source(Timer::after(1h), [] {})};
  }
  std::size_t sources() { return loop_.handle().source_count(); }
  EventLoop<int> loop_;
};

TEST_F(ScopedRegistrationTest, RemovesItsSource) {
  {
    const ScopedRegistration one = insert();
    EXPECT_TRUE(one);
    EXPECT_EQ(sources(), 1u);
  }
  EXPECT_EQ(sources(), 0u);
}

TEST_F(ScopedRegistrationTest, MovesAndAssigns) {
  ScopedRegistration one = insert();
  ScopedRegistration two{std::move(one)};
  EXPECT_FALSE(one);
  EXPECT_EQ(sources(), 1u);
  two = insert();  // the first source goes
  EXPECT_EQ(sources(), 1u);
  ScopedRegistration& itself = two;
  two = std::move(itself);
  EXPECT_EQ(sources(), 1u);
  two = ScopedRegistration{};
  EXPECT_EQ(sources(), 0u);
}

TEST_F(ScopedRegistrationTest, ReleaseLetsTheSourceGoOn) {
  RegistrationToken token;
  {
    ScopedRegistration one = insert();
    token = one.token();
    EXPECT_EQ(one.release(), token);
    EXPECT_FALSE(one);
  }
  EXPECT_TRUE(loop_.handle().remove(token));
}

TEST_F(ScopedRegistrationTest, WhatWasRemovedAlreadyDoesNotMatter) {
  ScopedRegistration one = insert();
  EXPECT_TRUE(loop_.handle().remove(one.token()));
  const ScopedRegistration in_the_same_slot = insert();
  one.reset();
  one.reset();
  EXPECT_EQ(sources(), 1u);
}

TEST(ScopedRegistration, MayOutliveTheLoop) {
  ScopedRegistration one;
  {
    EventLoop<> loop;
    one = {loop.handle(), loop.handle().insert_source(Timer::after(1h), [] {})};
  }
  one.reset();
  EXPECT_FALSE(one);
}

TEST(ScopedRegistration, MayHoldTheOwnerOfItsOwnCallback) {
  // An object that dies by its own timer.
  EventLoop<> loop;
  struct Popup {
    std::unique_ptr<Popup>* self;
    ScopedRegistration timer;
  };
  std::unique_ptr<Popup> popup = std::make_unique<Popup>();
  popup->self = &popup;
  popup->timer = {
      loop.handle(),
      loop.handle().insert_source(Timer::immediate(), [raw = popup.get()] { raw->self->reset(); })};
  loop.dispatch(0ns);
  EXPECT_EQ(popup, nullptr);
  EXPECT_EQ(loop.handle().source_count(), 0u);
}

}  // namespace
