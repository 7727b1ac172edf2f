// What a source's own registration functions may do: all that its callback may. And what becomes of
// registrations in the middle of another one.
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include <gtest/gtest.h>
#include <unistd.h>

#include <calloop/calloop.hpp>

#include "tests/calloop/boom.hpp"
#include "tests/calloop/careless_source.hpp"
#include "tests/calloop/pipe.hpp"

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using tests::Boom;
using tests::CarelessSource;
using tests::Pipe;

// Calls a function when it is registered, changed or unregistered, after it has done so.
struct TalkativeSource : CarelessSource {
  std::function<void(const std::string&)> say;
  std::string own_memory = std::string(100, 'x');

  void register_with(Poll& poll, TokenFactory& tokens) {
    CarelessSource::register_with(poll, tokens);
    tell("register");
  }
  void reregister_with(Poll& poll, TokenFactory& tokens) {
    CarelessSource::reregister_with(poll, tokens);
    tell("reregister");
  }
  void unregister_from(Poll& poll) {
    CarelessSource::unregister_from(poll);
    tell("unregister");
  }
  void tell(const std::string& what) {
    say(what);
    EXPECT_EQ(own_memory.size(), 100u);  // it is still there
  }
};

class RegistrationCode : public testing::Test {
 protected:
  // Inserts one that does `act` in its function `where`, and afterwards nothing.
  void insert(const std::string& where, std::function<void()> act,
              PostAction returned = PostAction::Continue, SourceOptions options = {}) {
    const auto say = [=, done = false](const std::string& what) mutable {
      if (what == where && !std::exchange(done, true))
        act();
    };
    token_ = handle_.insert_source(
        TalkativeSource{{pipe_.fd()}, say},
        [this, returned](Readiness) {
          ++calls_;
          return returned;
        },
        std::move(options));
  }
  // Whether somebody else may have the descriptor now.
  bool descriptor_is_free() {
    try {
      handle_.remove(handle_.insert_source(CarelessSource{pipe_.fd()}, [] {}));
      return true;
    } catch (const std::system_error&) {
      return false;
    }
  }

  EventLoop<> loop_;
  LoopHandle<> handle_ = loop_.handle();
  Pipe pipe_ = Pipe::filled();
  RegistrationToken token_;
  int calls_ = 0;
};

TEST_F(RegistrationCode, MayRemoveItsSourceWhileItIsChanged) {
  insert("reregister", [this] {
    EXPECT_TRUE(handle_.remove(token_));
    EXPECT_FALSE(handle_.remove(token_));
  });
  EXPECT_TRUE(handle_.update(token_));
  EXPECT_EQ(handle_.source_count(), 0u);
  EXPECT_TRUE(descriptor_is_free());
}

TEST_F(RegistrationCode, MayRemoveItsSourceWhileItIsUnregistered) {
  insert("unregister", [this] { EXPECT_TRUE(handle_.remove(token_)); }, PostAction::Disable);
  loop_.dispatch(0ns);
  EXPECT_EQ(handle_.source_count(), 0u);
  EXPECT_TRUE(descriptor_is_free());
}

TEST_F(RegistrationCode, MayRemoveItsSourceWhileItIsEnabled) {
  insert("unregister", [] {});
  bool enabled = false;
  handle_.remove(token_);
  const auto say = [&](const std::string& what) {
    if (what == "register" && enabled)
      handle_.remove(token_);
  };
  token_ = handle_.insert_source(TalkativeSource{{pipe_.fd()}, say},
                                 [](Readiness) { return PostAction::Continue; });
  handle_.disable(token_);
  enabled = true;
  EXPECT_TRUE(handle_.enable(token_));
  EXPECT_EQ(handle_.source_count(), 0u);
  EXPECT_TRUE(descriptor_is_free());
}

TEST_F(RegistrationCode, MayDisableItsSource) {
  insert("reregister", [this] { EXPECT_TRUE(handle_.disable(token_)); }, PostAction::Reregister);
  loop_.dispatch(0ns);
  loop_.dispatch(0ns);
  EXPECT_EQ(calls_, 1);
  EXPECT_TRUE(descriptor_is_free());
  EXPECT_TRUE(handle_.enable(token_));
  loop_.dispatch(0ns);
  EXPECT_EQ(calls_, 2);
}

TEST_F(RegistrationCode, DoesNotAskForWhatItIsAbout) {
  int updates = 0;
  token_ = handle_.insert_source(TalkativeSource{{pipe_.fd()},
                                                 [&](const std::string& what) {
                                                   updates += what == "reregister";
                                                   handle_.update(token_);
                                                   handle_.enable(token_);
                                                 }},
                                 [this](Readiness) {
                                   ++calls_;
                                   return PostAction::Continue;
                                 });
  EXPECT_TRUE(handle_.update(token_));
  EXPECT_EQ(updates, 1);
  loop_.dispatch(0ns);
  EXPECT_EQ(calls_, 1);
  EXPECT_TRUE(handle_.remove(token_));  // before what it looks at
}

// The caller's code is on the stack, below the other source's function.
TEST_F(RegistrationCode, MayRemoveTheSourceWhoseCallbackCalledIt) {
  insert("reregister", [] {});
  RegistrationToken caller;
  const Pipe other = Pipe::filled();
  bool told = false;
  const auto say = [&](const std::string& what) {
    if (what == "reregister") {
      EXPECT_TRUE(handle_.remove(caller));
    }
  };
  const RegistrationToken called = handle_.insert_source(
      TalkativeSource{{other.fd()}, say}, [](Readiness) { return PostAction::Disable; });
  handle_.disable(token_);
  caller = handle_.insert_source(Timer::immediate(), [&, text = std::string(100, 'y')] {
    EXPECT_TRUE(handle_.update(called));
    EXPECT_EQ(text.size(), 100u);
    told = true;
  });
  loop_.dispatch(0ns);
  EXPECT_TRUE(told);
  EXPECT_EQ(handle_.source_count(), 2u);
  EXPECT_TRUE(handle_.remove(called));
}

TEST_F(RegistrationCode, MayInsertOthersAndFailAllTheSame) {
  const Pipe inner = Pipe::filled();
  int inner_calls = 0;
  EXPECT_THROW(insert("register",
                      [&] {
                        handle_.insert_source(CarelessSource{inner.fd()}, [&] {
                          ++inner_calls;
                          return PostAction::Continue;
                        });
                        throw Boom{"after the other was inserted"};
                      }),
               Boom);
  EXPECT_EQ(handle_.source_count(), 1u);
  EXPECT_TRUE(descriptor_is_free());
  loop_.dispatch(0ns);
  EXPECT_EQ(inner_calls, 1);
}

// Takes the descriptor from who has it.
struct Usurper : CarelessSource {
  LoopHandle<> loop;
  RegistrationToken owner;
  void register_with(Poll& poll, TokenFactory& tokens) {
    const Token token = tokens.token();
    try {
      poll.add(fd, interest, token);
    } catch (const std::system_error&) {
      EXPECT_TRUE(loop.remove(owner));
      poll.add(fd, interest, token);
    }
  }
};

TEST_F(RegistrationCode, MayRemoveWhoIsInItsWay) {
  insert("", [] {});
  int calls = 0;
  handle_.insert_source(Usurper{{pipe_.fd()}, handle_, token_}, [&] {
    ++calls;
    return PostAction::Continue;
  });
  loop_.dispatch(0ns);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(calls_, 0);
  EXPECT_EQ(handle_.source_count(), 1u);
}

// The handler is asked when the source's code has returned: nothing else keeps it alive.
TEST_F(RegistrationCode, AFailedChangeMayEndInAHandlerThatRemovesTheSource) {
  for (const ErrorAction answer : {ErrorAction::Keep, ErrorAction::Disable, ErrorAction::Remove}) {
    insert("reregister", [] { throw Boom{"no"}; }, PostAction::Reregister,
           {.on_error = [this, answer](std::exception_ptr) {
             EXPECT_TRUE(handle_.remove(token_));
             return answer;
           }});
    loop_.dispatch(0ns);
    EXPECT_EQ(handle_.source_count(), 0u);
    EXPECT_TRUE(descriptor_is_free());
  }
}

TEST_F(RegistrationCode, ADisabledSourceThatIsRemovedTouchesNoDescriptor) {
  const RegistrationToken disabled =
      handle_.insert_source(CarelessSource{pipe_.fd()}, [] { return PostAction::Continue; });
  handle_.disable(disabled);
  insert("", [] {});  // has the descriptor now
  EXPECT_TRUE(handle_.remove(disabled));
  loop_.dispatch(0ns);
  EXPECT_EQ(calls_, 1);
}

// Written without care: a timer is cancelled whether there is one or not.
struct WithTimer : CarelessSource {
  TimerId timer = TimerId::None;
  void register_with(Poll& poll, TokenFactory& tokens) {
    CarelessSource::register_with(poll, tokens);
    timer = poll.add_timer(poll.now() + 1h, tokens.token());
  }
  void unregister_from(Poll& poll) {
    poll.cancel_timer(timer);
    CarelessSource::unregister_from(poll);
  }
};

TEST_F(RegistrationCode, ATimerMayBeCancelledTwiceOrBeforeThereIsOne) {
  EXPECT_THROW(handle_.insert_source(WithTimer{{-1}}, [] { return PostAction::Continue; }),
               std::system_error);
  Pipe closed = Pipe::filled();
  token_ = handle_.insert_source(WithTimer{{closed.fd()}}, [] { return PostAction::Continue; });
  closed.reader.reset();
  EXPECT_THROW(handle_.disable(token_), std::system_error);
  int fired = 0;
  for (int i = 0; i < 3; ++i)
    handle_.insert_source(Timer::immediate(), [&] { ++fired; });
  loop_.dispatch(0ns);
  EXPECT_EQ(fired, 3);
}

TEST_F(RegistrationCode, ADispatcherIsNotInsertedAgainWhileItsCodeRuns) {
  Dispatcher<Timer>* self = nullptr;
  int refused = 0;
  Dispatcher<Timer> timer = handle_.make_dispatcher(Timer::immediate(), [&] {
    handle_.remove(token_);
    EXPECT_THROW(token_ = handle_.register_dispatcher(*self), std::logic_error);
    ++refused;
  });
  self = &timer;
  token_ = handle_.register_dispatcher(timer);
  loop_.dispatch(0ns);
  EXPECT_EQ(refused, 1);
  EXPECT_FALSE(timer.is_inserted());
  // Afterwards it is.
  timer->set_delay(0ns);
  token_ = handle_.register_dispatcher(timer);
  loop_.dispatch(0ns);
  EXPECT_EQ(refused, 2);
}

TEST_F(RegistrationCode, EnablingAnEnabledSourceInItsOwnCallbackArmsNothingAgain) {
  token_ =
      handle_.insert_source(Generic{pipe_.fd(), interest().read().one_shot()}, [this](Readiness) {
        ++calls_;
        EXPECT_TRUE(handle_.enable(token_));
      });
  for (int i = 0; i < 3; ++i)
    loop_.dispatch(0ns);
  EXPECT_EQ(calls_, 1);
}

}  // namespace
