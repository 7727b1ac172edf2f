// What sources are given to register with.
#include <stdexcept>
#include <string>
#include <system_error>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/event_loop.hpp>
#include <calloop/poll.hpp>
#include <calloop/testing.hpp>

#include "tests/calloop/pipe.hpp"

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using tests::Pipe;

TEST(Poll, ErrorsNameTheCallAndTheDescriptor) {
  SlotTable slots;
  Poll poll{make_epoll_backend(), slots};
  const std::uint32_t index = slots.allocate();
  const Token token = slots[index].begin_registration(index).token();
  const Pipe pipe;
  const auto error_of = [](auto call) {
    try {
      call();
    } catch (const std::system_error& error) {
      return std::pair<std::error_code, std::string>{error.code(), error.what()};
    }
    return std::pair<std::error_code, std::string>{};
  };
  poll.add(pipe.fd(), interest().read(), token);
  const std::string fd = "fd " + std::to_string(pipe.fd());
  auto [again, text] = error_of([&] { poll.add(pipe.fd(), interest().read(), token); });
  EXPECT_EQ(again, std::errc::file_exists);
  EXPECT_EQ(text, "calloop: epoll_ctl(EPOLL_CTL_ADD, " + fd + "): File exists");
  poll.remove(pipe.fd());
  EXPECT_EQ(error_of([&] { poll.remove(pipe.fd()); }).first, std::errc::no_such_file_or_directory);
  EXPECT_EQ(error_of([&] { poll.modify(pipe.fd(), interest(), token); }).first,
            std::errc::no_such_file_or_directory);
  EXPECT_EQ(error_of([&] { poll.add(-1, interest(), token); }).first,
            std::errc::bad_file_descriptor);
}

TEST(Poll, TokensMustBeOfThePresentRegistration) {
  SlotTable slots;
  Poll poll{make_epoll_backend(), slots};
  const std::uint32_t index = slots.allocate();
  const Token old = slots[index].begin_registration(index).token();
  const Token present = slots[index].begin_registration(index).token();
  const Pipe pipe;
  for (const Token wrong : {old, Token{}, Token{77, 1, 0}}) {
    EXPECT_THROW(poll.add(pipe.fd(), interest().read(), wrong), std::logic_error);
    EXPECT_THROW(poll.modify(pipe.fd(), interest().read(), wrong), std::logic_error);
    EXPECT_THROW(static_cast<void>(poll.add_timer(TimePoint{}, wrong)), std::logic_error);
  }
  EXPECT_NO_THROW(poll.add(pipe.fd(), interest().read(), present));
  const TimerId timer = poll.add_timer(TimePoint{1ms}, present);
  EXPECT_THROW(poll.rearm_timer(timer, TimePoint{}, old), std::logic_error);
  poll.rearm_timer(timer, TimePoint{2ms}, present);
  poll.rearm_timer(timer, TimePoint{3ms});
  poll.cancel_timer(timer);
}

TEST(Poll, TellsTheTimeOfItsBackend) {
  const auto backend = std::make_shared<TestBackend>(TimePoint{5h});
  const SlotTable slots;
  const Poll poll{backend, slots};
  EXPECT_EQ(poll.now(), TimePoint{5h});
  backend->advance(1h);
  EXPECT_EQ(poll.now(), TimePoint{6h});
  EXPECT_FALSE(poll.should_yield());
}

}  // namespace
