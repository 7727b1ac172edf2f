// The expression that ends in a source in the loop.
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/builder.hpp>
#include <calloop/event_loop.hpp>

#include "tests/calloop/boom.hpp"
#include "tests/calloop/pipe.hpp"

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using tests::Boom;
using tests::Pipe;

TEST(Builder, TakesWhatGenericAndItsCallbackTake) {
  EventLoop<std::vector<int>> loop;
  std::vector<int> seen;
  const Pipe pipe = Pipe::filled();
  const RegistrationToken token =
      interest()
          .read()
          .one_shot()
          .with_fd(pipe.fd())
          .with_handler([](std::vector<int>& data, int& fd, Readiness ready) {
            EXPECT_TRUE(ready.readable());
            data.push_back(fd);
          })
          .insert_into(loop.handle());
  for (int i = 0; i < 3; ++i)
    loop.dispatch(0ns, seen);
  EXPECT_THAT(seen, ElementsAre(pipe.fd()));
  EXPECT_TRUE(loop.handle().update(token));
  loop.dispatch(0ns, seen);
  EXPECT_EQ(seen.size(), 2u);
}

TEST(Builder, WhatTheHandlerAnswersIsDone) {
  EventLoop<> loop;
  Pipe pipe = Pipe::filled();
  interest()
      .read()
      .with_fd(std::move(pipe.reader))
      .with_handler([](Readiness) { return PostAction::Remove; })
      .insert_into(loop.handle());
  loop.dispatch(0ns);
  EXPECT_EQ(loop.handle().source_count(), 0u);
}

TEST(Builder, HandlersMayBeMoveOnly) {
  EventLoop<> loop;
  const Pipe pipe = Pipe::filled();
  int seen = 0;
  interest()
      .read()
      .with_fd(pipe.fd())
      .with_handler([&, box = std::make_unique<int>(7)] { seen = *box; })
      .insert_into(loop.handle());
  loop.dispatch(0ns);
  EXPECT_EQ(seen, 7);
}

TEST(Builder, OptionsComeLast) {
  EventLoop<> loop;
  try {
    interest().read().with_fd(4242).with_handler([] {}).insert_into(loop.handle(),
                                                                    {.name = "tablet"});
    FAIL() << "a closed descriptor was registered";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::bad_file_descriptor);
    EXPECT_THAT(error.what(), HasSubstr("tablet"));
  }
  const Pipe pipe = Pipe::filled();
  interest()
      .read()
      .with_fd(pipe.fd())
      .with_handler([] { throw Boom{"handler"}; })
      .insert_into(loop.handle(),
                   {.on_error = [](std::exception_ptr) { return ErrorAction::Remove; }});
  loop.dispatch(0ns);
  EXPECT_EQ(loop.handle().source_count(), 0u);
}

}  // namespace
