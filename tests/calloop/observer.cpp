#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/event_loop.hpp>
#include <calloop/observer.hpp>
#include <calloop/sources/generic.hpp>
#include <calloop/sources/timer.hpp>

#include "tests/calloop/pipe.hpp"

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using tests::Pipe;

struct Recorder final : Observer {
  std::vector<std::string> log;
  void callback_begins(std::string_view source) noexcept override {
    log.push_back("begin " + std::string{source});
  }
  void callback_ended(std::string_view source) noexcept override {
    log.push_back("end " + std::string{source});
  }
};

TEST(Observer, SeesBeginAndEndWithTheName) {
  EventLoop<> loop;
  Recorder recorder;
  loop.set_observer(&recorder);
  loop.handle().insert_source(Timer::immediate(), [&] { recorder.log.emplace_back("callback"); },
                              {.name = "blink"});
  loop.dispatch(0ns);
  EXPECT_THAT(recorder.log, ElementsAre("begin blink", "callback", "end blink"));
}

TEST(Observer, NamesTheTypeOfASourceWithoutAName) {
  EventLoop<> loop;
  Recorder recorder;
  loop.set_observer(&recorder);
  loop.handle().insert_source(Timer::immediate(), [] {});
  loop.dispatch(0ns);
  ASSERT_EQ(recorder.log.size(), 2u);
  EXPECT_THAT(recorder.log[0], HasSubstr("Timer"));
}

TEST(Observer, SeesTheEndOfOneThatThrowsOrRemovesItself) {
  EventLoop<> loop;
  Recorder recorder;
  loop.set_observer(&recorder);
  const Pipe pipe = Pipe::filled();
  RegistrationToken token;
  token = loop.handle().insert_source(Generic{pipe.fd(), interest().read()},
                                      [&](Readiness) {
                                        loop.handle().remove(token);
                                        throw std::runtime_error{"last"};
                                      },
                                      {.name = "doomed"});
  EXPECT_THROW(loop.dispatch(0ns), std::runtime_error);
  EXPECT_THAT(recorder.log, ElementsAre("begin doomed", "end doomed"));
}

TEST(Observer, MayBeTakenAwayAnyTime) {
  EventLoop<> loop;
  Recorder recorder;
  loop.set_observer(&recorder);
  loop.handle().insert_source(Timer::immediate(), [&] { loop.set_observer(nullptr); },
                              {.name = "blind"});
  loop.handle().insert_source(Timer::immediate(), [] {});
  loop.dispatch(0ns);
  EXPECT_THAT(recorder.log, ElementsAre("begin blind"));
  loop.handle().insert_source(Timer::immediate(), [] {});
  loop.dispatch(0ns);
  EXPECT_EQ(recorder.log.size(), 1u);
}

TEST(Observer, HearsNothingOfWakeUps) {
  EventLoop<> loop;
  Recorder recorder;
  loop.set_observer(&recorder);
  loop.signal().wakeup();
  loop.dispatch(std::nullopt);
  EXPECT_THAT(recorder.log, IsEmpty());
}

}  // namespace
