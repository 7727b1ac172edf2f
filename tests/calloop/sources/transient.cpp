// Children that go, fail, come back and are exchanged, where conformance/transient.cpp has no case.
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/composed.hpp>
#include <calloop/dispatcher.hpp>
#include <calloop/event_loop.hpp>
#include <calloop/sources/generic.hpp>
#include <calloop/sources/transient.hpp>

#include "tests/calloop/boom.hpp"
#include "tests/calloop/pipe.hpp"

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using tests::Boom;
using tests::Pipe;

constexpr int nothing_open = 4242;

// Two descriptors; its event is which of them is readable.
class Two : public Composed<Two> {
 public:
  using Event = int;
  using Metadata = void;
  using Ret = PostAction;

  Two(int first, int second)
      : first_{first, interest().read()}, second_{second, interest().read()} {}
  void repair(int second) { second_ = Generic{second, interest().read()}; }
  auto children() { return std::tie(first_, second_); }
  PostAction process_events(Readiness readiness, Token token, auto&& emit) {
    const auto emit_fd = [&](Readiness, int& fd) { return emit(fd); };
    return first_.process_events(readiness, token, emit_fd) |
           second_.process_events(readiness, token, emit_fd);
  }

 private:
  Generic<int> first_;
  Generic<int> second_;
};

// Whether nobody has registered it: it can be inserted.
void expect_free(const LoopHandle<>& handle, int fd) {
  RegistrationToken token;
  EXPECT_NO_THROW(token = handle.insert_source(Generic{fd, interest().read()}, [](Readiness) {}));
  handle.remove(token);
}

class TransientFailure : public testing::Test {
 protected:
  std::vector<int> dispatched() {
    seen_.clear();
    loop_->dispatch(0ns);
    return seen_;
  }
  std::string fails_;  // which function of a Brittle does; outlives the loop
  std::optional<EventLoop<>> loop_{std::in_place};
  LoopHandle<> handle_ = loop_->handle();
  const Pipe good_ = Pipe::filled();
  const Pipe other_ = Pipe::filled();
  std::vector<int> seen_;
  const std::function<PostAction(int)> see_ = [this](int fd) {
    seen_.push_back(fd);
    return PostAction::Continue;
  };
};

TEST_F(TransientFailure, AnInsertThatFailsHalfWayLeavesNothingBehind) {
  const auto source = handle_.make_dispatcher(TransientSource{Two{good_.fd(), nothing_open}}, see_);
  EXPECT_THROW(handle_.register_dispatcher(source), std::system_error);
  expect_free(handle_, good_.fd());
  EXPECT_THAT(dispatched(), IsEmpty());
  source->map([&](Two& two) { two.repair(other_.fd()); });
  handle_.register_dispatcher(source);
  EXPECT_THAT(dispatched(), testing::UnorderedElementsAre(good_.fd(), other_.fd()));
}

TEST_F(TransientFailure, WhatCouldNotBeInsertedMayOutliveTheLoop) {
  std::optional source{
      handle_.make_dispatcher(TransientSource{Two{good_.fd(), nothing_open}}, see_)};
  EXPECT_THROW(handle_.register_dispatcher(*source), std::system_error);
  loop_.reset();
  source.reset();  // does not look for the loop that it was never in
}

TEST_F(TransientFailure, AReplacementThatFailsHalfWayLeavesNothingBehind) {
  const auto source = handle_.make_dispatcher(TransientSource{Two{good_.fd(), other_.fd()}}, see_);
  const RegistrationToken token = handle_.register_dispatcher(source);
  const Pipe third = Pipe::filled();
  source->replace(Two{third.fd(), nothing_open});
  EXPECT_THROW(handle_.update(token), std::system_error);
  for (const Pipe* pipe : {&good_, &other_, &third})
    expect_free(handle_, pipe->fd());
  EXPECT_THAT(dispatched(), IsEmpty());
  source->map([&](Two& two) { two.repair(other_.fd()); });
  EXPECT_TRUE(handle_.enable(token));
  EXPECT_THAT(dispatched(), testing::UnorderedElementsAre(third.fd(), other_.fd()));
}

// A descriptor whose registration functions can be told to throw, after they have done their work.
struct Brittle : Generic<int> {
  const std::string* fails;
  Brittle(int fd, const std::string* when) : Generic{fd, calloop::interest().read()}, fails{when} {}
  void check(const char* what) const {
    if (*fails == what)
      throw Boom{what};
  }
  void register_with(Poll& poll, TokenFactory& tokens) {
    Generic::register_with(poll, tokens);
    check("register");
  }
  void reregister_with(Poll& poll, TokenFactory& tokens) {
    Generic::reregister_with(poll, tokens);
    check("reregister");
  }
  void unregister_from(Poll& poll) {
    Generic::unregister_from(poll);
    check("unregister");
  }
};

TEST_F(TransientFailure, AnUpdateThatFailsTakesTheChildOutOfEpoll) {
  const RegistrationToken token = handle_.insert_source(
      TransientSource{Brittle{good_.fd(), &fails_}}, [&](Readiness, int& fd) { return see_(fd); });
  EXPECT_THAT(dispatched(), ElementsAre(good_.fd()));
  fails_ = "reregister";
  EXPECT_THROW(handle_.update(token), Boom);
  EXPECT_THAT(dispatched(), IsEmpty());
  expect_free(handle_, good_.fd());
  fails_.clear();
  EXPECT_TRUE(handle_.enable(token));
  EXPECT_THAT(dispatched(), ElementsAre(good_.fd()));
}

TEST_F(TransientFailure, AChildThatThrowsOnItsWayOutIsGoneAllTheSame) {
  const auto source = handle_.make_dispatcher(TransientSource{Brittle{good_.fd(), &fails_}},
                                              [&](Readiness, int&) { return PostAction::Remove; });
  handle_.register_dispatcher(source);
  fails_ = "unregister";
  EXPECT_THROW(loop_->dispatch(0ns), Boom);
  EXPECT_TRUE(source->is_none());
  expect_free(handle_, good_.fd());
}

// ------------------------------------------------------------------ disabled, enabled, exchanged

// A transient descriptor whose callback answers what `answer` says.
class TransientTest : public testing::Test {
 protected:
  int calls_in_one() {
    calls_ = 0;
    loop_.dispatch(0ns);
    return calls_;
  }
  EventLoop<> loop_;
  LoopHandle<> handle_ = loop_.handle();
  const Pipe pipe_ = Pipe::filled();
  const Pipe other_ = Pipe::filled();
  PostAction answer_ = PostAction::Continue;
  int calls_ = 0;
  Dispatcher<TransientSource<Generic<int>>> source_ = handle_.make_dispatcher(
      TransientSource{Generic{pipe_.fd(), interest().read()}}, [this](Readiness) {
        ++calls_;
        return answer_;
      });
  RegistrationToken token_ = handle_.register_dispatcher(source_);
};

TEST_F(TransientTest, AChildThatDisabledItselfStaysSoWhenItsParentIsUpdated) {
  answer_ = PostAction::Disable;
  EXPECT_EQ(calls_in_one(), 1);
  EXPECT_TRUE(handle_.update(token_));
  EXPECT_TRUE(handle_.enable(token_));  // the parent is enabled: no effect
  EXPECT_EQ(calls_in_one(), 0);
}

TEST_F(TransientTest, ItComesBackWithEnable) {
  answer_ = PostAction::Disable;
  EXPECT_EQ(calls_in_one(), 1);
  answer_ = PostAction::Continue;
  source_->enable();
  EXPECT_EQ(calls_in_one(), 0);  // the parent has not been registered anew
  EXPECT_TRUE(handle_.update(token_));
  EXPECT_EQ(calls_in_one(), 1);
  source_->enable();  // of what is enabled
  EXPECT_TRUE(handle_.update(token_));
  EXPECT_EQ(calls_in_one(), 1);
}

TEST_F(TransientTest, ItComesBackWithItsParent) {
  answer_ = PostAction::Disable;
  EXPECT_EQ(calls_in_one(), 1);
  EXPECT_TRUE(handle_.disable(token_));
  EXPECT_TRUE(handle_.enable(token_));
  EXPECT_EQ(calls_in_one(), 1);
}

TEST_F(TransientTest, AReplacementOfADisabledChildIsEnabled) {
  answer_ = PostAction::Disable;
  EXPECT_EQ(calls_in_one(), 1);
  answer_ = PostAction::Continue;
  source_->replace(Generic{other_.fd(), interest().read()});
  EXPECT_TRUE(handle_.update(token_));
  EXPECT_EQ(calls_in_one(), 1);
  expect_free(handle_, pipe_.fd());
}

TEST_F(TransientTest, WhereThereIsNoneReplaceInserts) {
  source_->remove();
  EXPECT_TRUE(source_->is_none());
  EXPECT_TRUE(handle_.update(token_));
  EXPECT_EQ(calls_in_one(), 0);
  source_->replace(Generic{other_.fd(), interest().read()});
  EXPECT_FALSE(source_->is_none());
  EXPECT_TRUE(handle_.update(token_));
  EXPECT_EQ(calls_in_one(), 1);
}

TEST_F(TransientTest, OfSeveralReplacementsTheLastOneStays) {
  const Pipe third = Pipe::filled();
  source_->replace(Generic{other_.fd(), interest().read()});
  source_->replace(Generic{third.fd(), interest().read()});
  EXPECT_TRUE(handle_.update(token_));
  EXPECT_EQ(calls_in_one(), 1);
  EXPECT_EQ(source_->map([](const Generic<int>& source) { return source.get(); }), third.fd());
  for (const Pipe* pipe : {&pipe_, &other_})
    expect_free(handle_, pipe->fd());
}

}  // namespace
