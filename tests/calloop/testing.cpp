// The test backend: made-up time, real and scripted descriptors.
#include <stdexcept>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/calloop.hpp>
#include <calloop/testing.hpp>

#include "tests/calloop/pipe.hpp"

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using tests::Pipe;

class TestBackendTest : public testing::Test {
 protected:
  std::unique_ptr<TestBackend> owned_ = std::make_unique<TestBackend>(TimePoint{1h});
  TestBackend& test_ = *owned_;
  EventLoop<> loop_{std::move(owned_)};
};

TEST_F(TestBackendTest, TimeMovesOnlyWhenTheLoopWouldSleep) {
  std::vector<TimePoint> fired;
  loop_.handle().insert_source(Timer::after(600ms), [&](TimePoint at) {
    fired.push_back(at);
    return TimeoutAction::after(40ms);
  });
  EXPECT_EQ(loop_.handle().now(), TimePoint{1h});
  for (int i = 0; i < 3; ++i)
    loop_.dispatch(std::nullopt);
  EXPECT_THAT(fired,
              ElementsAre(TimePoint{1h + 600ms}, TimePoint{1h + 640ms}, TimePoint{1h + 680ms}));
  EXPECT_EQ(test_.now(), TimePoint{1h + 680ms});  // exactly
}

TEST_F(TestBackendTest, AdvanceMakesTimersDue) {
  int fired = 0;
  loop_.handle().insert_source(Timer::after(5min), [&] { ++fired; });
  test_.advance(5min - 1ns);
  loop_.dispatch(0ns);
  EXPECT_EQ(fired, 0);
  test_.advance(1ns);
  loop_.dispatch(0ns);
  EXPECT_EQ(fired, 1);
}

TEST_F(TestBackendTest, SleepingForEverIsAnError) {
  EXPECT_THROW(loop_.dispatch(std::nullopt), std::logic_error);
  loop_.handle().insert_idle([] {});
  EXPECT_NO_THROW(loop_.dispatch(std::nullopt));
}

TEST_F(TestBackendTest, RealDescriptorsAreReal) {
  const Pipe pipe;
  auto [sender, channel] = make_channel<int>();
  std::vector<int> seen;
  loop_.handle().insert_source(Generic{pipe.fd(), interest().read()}, [&](Readiness) {
    seen.push_back(0);
    pipe.drain();
  });
  loop_.handle().insert_source(std::move(channel),
                               [&](std::optional<int> message) { seen.push_back(*message); });
  sender.send(1);
  loop_.dispatch(std::nullopt);
  pipe.fill();
  loop_.dispatch(std::nullopt);
  EXPECT_THAT(seen, ElementsAre(1, 0));
  EXPECT_EQ(test_.now(), TimePoint{1h});
  loop_.signal().wakeup();
  loop_.dispatch(std::nullopt);
}

TEST_F(TestBackendTest, ScriptedDescriptorsAreReadyOnceAndAsFarAsAskedFor) {
  test_.script(12345);
  std::vector<std::uint32_t> seen;
  const RegistrationToken token = loop_.handle().insert_source(
      Generic{12345, interest().read()}, [&](Readiness ready) { seen.push_back(ready.bits()); });
  loop_.dispatch(0ns);
  EXPECT_THAT(seen, IsEmpty());
  test_.make_ready(12345, Readiness{EPOLLIN | EPOLLOUT});
  loop_.dispatch(std::nullopt);
  loop_.dispatch(0ns);
  EXPECT_THAT(seen, ElementsAre(std::uint32_t{EPOLLIN}));
  test_.make_ready(12345, Readiness{EPOLLHUP});
  loop_.dispatch(0ns);
  EXPECT_THAT(seen, ElementsAre(std::uint32_t{EPOLLIN}, std::uint32_t{EPOLLHUP}));
  loop_.handle().disable(token);
  test_.make_ready(12345, Readiness{EPOLLIN});
  loop_.dispatch(0ns);
  EXPECT_EQ(seen.size(), 2u);
  loop_.handle().enable(token);
  loop_.dispatch(0ns);
  EXPECT_EQ(seen.size(), 3u);
  loop_.handle().remove(token);
}

TEST_F(TestBackendTest, ScriptedOneShotsWaitForTheirUpdate) {
  test_.script(77);
  int calls = 0;
  const RegistrationToken token = loop_.handle().insert_source(
      Generic{77, interest().read().one_shot()}, [&](Readiness) { ++calls; });
  for (int i = 0; i < 3; ++i) {
    test_.make_ready(77, Readiness{EPOLLIN});
    loop_.dispatch(0ns);
  }
  EXPECT_EQ(calls, 1);
  loop_.handle().update(token);
  loop_.dispatch(0ns);
  EXPECT_EQ(calls, 2);
}

TEST_F(TestBackendTest, ScriptedDescriptorsFailAsRealOnes) {
  EXPECT_THROW(test_.make_ready(5, Readiness{}), std::logic_error);
  test_.script(5000);
  loop_.handle().insert_source(Generic{5000, interest().read()}, [](Readiness) {});
  EXPECT_THROW(loop_.handle().insert_source(Generic{5000, interest().read()}, [](Readiness) {}),
               std::system_error);
}

}  // namespace
