// What errors leave behind: registrations that fail, callbacks that throw.
#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/calloop.hpp>

#include "tests/calloop/boom.hpp"
#include "tests/calloop/careless_source.hpp"
#include "tests/calloop/hooked_source.hpp"
#include "tests/calloop/on_drop.hpp"
#include "tests/calloop/pipe.hpp"

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using tests::Boom;
using tests::CarelessSource;
using tests::HookedSource;
using tests::OnDrop;
using tests::Pipe;

// -------------------------------------------------------------------- failed registrations

// Registers its descriptors in order; one that fails is up to it or to the loop to undo.
struct ManyFds {
  using Event = Readiness;
  using Metadata = void;
  using Ret = void;
  std::vector<int> fds;
  std::vector<Token> tokens = {};
  PostAction process_events(Readiness readiness, Token token, auto&& emit) {
    for (const Token known : tokens)
      if (known == token)
        emit(readiness);
    return PostAction::Continue;
  }
  void register_with(Poll& poll, TokenFactory& factory) {
    tokens.clear();
    for (const int fd : fds) {
      tokens.push_back(factory.token());
      poll.add(fd, interest().read(), tokens.back());
    }
  }
  void reregister_with(Poll& poll, TokenFactory& factory) {
    tokens.clear();
    for (const int fd : fds) {
      tokens.push_back(factory.token());
      poll.modify(fd, interest().read(), tokens.back());
    }
  }
  void unregister_from(Poll& poll) {
    for (const int fd : fds)
      poll.remove(fd);
  }
};

TEST(FailedInsert, SaysWhichCallOnWhichSource) {
  EventLoop<> loop;
  try {
    loop.handle().insert_source(Generic{4242, interest().read()}, [](Readiness) {},
                                {.name = "tablet"});
    FAIL() << "a closed descriptor was registered";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::bad_file_descriptor);
    EXPECT_STREQ(
        error.what(),
        "calloop: source \"tablet\": epoll_ctl(EPOLL_CTL_ADD, fd 4242): Bad file descriptor");
  }
  EXPECT_EQ(loop.handle().source_count(), 0u);
}

// A source that makes something of ours when it is registered, and cannot.
struct OutOfDescriptors {
  using Event = Readiness;
  using Metadata = void;
  using Ret = void;
  PostAction process_events(Readiness, Token, auto&&) { return PostAction::Continue; }
  void register_with(Poll&, TokenFactory&) {
    throw std::system_error{EMFILE, std::generic_category(), "calloop: eventfd"};
  }
  void reregister_with(Poll&, TokenFactory&) {}
  void unregister_from(Poll&) {}
};

TEST(FailedInsert, NamesTheLibraryAndTheCauseOnce) {
  EventLoop<> loop;
  try {
    loop.handle().insert_source(OutOfDescriptors{}, [](Readiness) {}, {.name = "tablet"});
    FAIL() << "it was registered";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::too_many_files_open);
    EXPECT_STREQ(error.what(), "calloop: source \"tablet\": eventfd: Too many open files");
  }
}

TEST(FailedInsert, RollsBackTheChildrenThatWereRegistered) {
  EventLoop<> loop;
  const LoopHandle<> handle = loop.handle();
  const Pipe good[2] = {Pipe::filled(), Pipe::filled()};
  int calls = 0;
  EXPECT_THROW(handle.insert_source(ManyFds{{good[0].fd(), good[1].fd(), 4242}},
                                    [&](Readiness) { ++calls; }),
               std::system_error);
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 0);
  EXPECT_EQ(handle.source_count(), 0u);
  // Both can be inserted: nothing of them was left in the kernel.
  for (const Pipe& pipe : good)
    EXPECT_NO_THROW(handle.insert_source(Generic{pipe.fd(), interest().read()}, [](Readiness) {}));
}

TEST(FailedInsert, OfADescriptorTwiceLeavesTheFirstOwnerAlone) {
  EventLoop<> loop;
  const LoopHandle<> handle = loop.handle();
  const Pipe pipe = Pipe::filled();
  const Pipe other;
  int calls = 0;
  const RegistrationToken first =
      handle.insert_source(Generic{pipe.fd(), interest().read()}, [&](Readiness) { ++calls; });
  const auto expect_eexist = [&](auto source) {
    try {
      handle.insert_source(std::move(source), [](Readiness) {});
      FAIL() << "registered twice";
    } catch (const std::system_error& error) {
      EXPECT_EQ(error.code(), std::errc::file_exists);
    }
  };
  expect_eexist(Generic{pipe.fd(), interest().read()});
  expect_eexist(CarelessSource{pipe.fd()});
  expect_eexist(ManyFds{{other.fd(), pipe.fd()}});
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(handle.update(first));
  EXPECT_TRUE(handle.disable(first));
  EXPECT_TRUE(handle.enable(first));
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 2);
}

TEST(FailedInsert, WithinOneSourceUndoesTheFirstOfTwoEqualDescriptors) {
  EventLoop<> loop;
  const Pipe pipe = Pipe::filled();
  EXPECT_THROW(loop.handle().insert_source(ManyFds{{pipe.fd(), pipe.fd()}}, [](Readiness) {}),
               std::system_error);
  EXPECT_NO_THROW(
      loop.handle().insert_source(Generic{pipe.fd(), interest().read()}, [](Readiness) {}));
}

TEST(FailedInsert, OfASourceWithHooksLeavesNoHook) {
  struct Failing : HookedSource {
    using HookedSource::HookedSource;
    void register_with(Poll&, TokenFactory&) { throw Boom{"register"}; }
  };
  EventLoop<> loop;
  EXPECT_THROW(loop.handle().insert_source(Failing{[]() -> bool {
                                             ADD_FAILURE();
                                             return false;
                                           }},
                                           [] {}),
               Boom);
  loop.dispatch(0ns);
  EXPECT_EQ(loop.handle().source_count(), 0u);
}

TEST(FailedInsert, LeavesTheSourceWithTheDispatcher) {
  bool destroyed = false;
  EventLoop<> loop;
  const Pipe pipe;
  auto dispatcher = loop.handle().make_dispatcher(
      Generic{OwnedFd{::dup(pipe.fd())}, interest().read().exclusive().one_shot()},
      [guard = OnDrop{[&] { destroyed = true; }}](Readiness) {});
  EXPECT_THROW(loop.handle().register_dispatcher(dispatcher, {.name = "wrong flags"}),
               std::system_error);
  EXPECT_FALSE(dispatcher.is_inserted());
  EXPECT_FALSE(destroyed);
  dispatcher->set_interest(interest().read());
  EXPECT_TRUE(loop.handle().register_dispatcher(dispatcher));
  EXPECT_TRUE(dispatcher.is_inserted());
}

TEST(FailedReregister, LeavesTheSourceDisabledWithAllItsChildrenOutOfEpoll) {
  EventLoop<> loop;
  const LoopHandle<> handle = loop.handle();
  const Pipe first = Pipe::filled();
  const Pipe last = Pipe::filled();
  int calls = 0;
  const auto source =
      handle.make_dispatcher(ManyFds{{first.fd(), last.fd()}}, [&](Readiness) { ++calls; });
  const RegistrationToken token = handle.register_dispatcher(source);
  source->fds = {first.fd(), 4242, last.fd()};
  EXPECT_THROW(handle.update(token), std::system_error);
  source->fds = {first.fd(), last.fd()};
  for (int i = 0; i < 5; ++i)
    loop.dispatch(0ns);
  EXPECT_EQ(calls, 0);
  EXPECT_EQ(handle.source_count(), 1u);
  // Neither is in the kernel's set any more: both can be added.
  EXPECT_TRUE(handle.enable(token));
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 2);
}

TEST(FailedReregister, AskedForByACallbackIsReportedByDispatch) {
  EventLoop<> loop;
  const LoopHandle<> handle = loop.handle();
  const Pipe pipe = Pipe::filled();
  int calls = 0;
  Dispatcher<ManyFds>* self = nullptr;
  RegistrationToken token;
  auto source = handle.make_dispatcher(ManyFds{{pipe.fd()}}, [&](Readiness) {
    ++calls;
    (*self)->fds = {pipe.fd(), 4242};
    handle.update(token);
  });
  self = &source;
  token = handle.register_dispatcher(source, {.name = "shifty"});
  try {
    loop.dispatch(0ns);
    FAIL() << "the failed re-register was not reported";
  } catch (const std::system_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("shifty"));
    EXPECT_THAT(error.what(), HasSubstr("4242"));
  }
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 1);
  source->fds = {pipe.fd()};
  EXPECT_TRUE(handle.enable(token));
}

TEST(FailedEnable, LeavesTheSourceDisabled) {
  EventLoop<> loop;
  const LoopHandle<> handle = loop.handle();
  const Pipe pipe = Pipe::filled();
  int calls = 0;
  const auto source = handle.make_dispatcher(ManyFds{{pipe.fd()}}, [&](Readiness) { ++calls; });
  const RegistrationToken token = handle.register_dispatcher(source);
  handle.disable(token);
  source->fds = {pipe.fd(), 4242};
  EXPECT_THROW(handle.enable(token), std::system_error);
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 0);
  source->fds = {pipe.fd()};
  EXPECT_TRUE(handle.enable(token));
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 1);
}

// --------------------------------------------------------------- a callback that throws, on_error

TEST(CallbackThrows, ATimerIsDropped) {
  EventLoop<> loop;
  bool destroyed = false;
  loop.handle().insert_source(
      Timer::immediate(), [guard = OnDrop{[&] { destroyed = true; }}](TimePoint) -> TimeoutAction {
        throw Boom{"timer"};
      });
  EXPECT_THROW(loop.dispatch(0ns), Boom);
  EXPECT_TRUE(destroyed);
  EXPECT_EQ(loop.handle().source_count(), 0u);
}

TEST(CallbackThrows, ADescriptorGoesOn) {
  EventLoop<> loop;
  const Pipe pipe = Pipe::filled();
  int calls = 0;
  loop.handle().insert_source(Generic{pipe.fd(), interest().read()}, [&](Readiness) {
    if (++calls == 1)
      throw Boom{"fd"};
  });
  EXPECT_THROW(loop.dispatch(0ns), Boom);
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 2);
}

TEST(CallbackThrows, AChannelKeepsWhatItHasNotDelivered) {
  EventLoop<> loop;
  auto [sender, channel] = make_channel<int>();
  std::vector<int> seen;
  loop.handle().insert_source(std::move(channel), [&](std::optional<int> message) {
    seen.push_back(message.value_or(-1));
    if (message == 2 || message == 3)
      throw Boom{"channel"};
  });
  for (int i = 1; i <= 5; ++i)
    sender.send(i);
  EXPECT_THROW(loop.dispatch(0ns), Boom);
  EXPECT_THAT(seen, ElementsAre(1, 2));
  EXPECT_THROW(loop.dispatch(0ns), Boom);
  loop.dispatch(0ns);
  EXPECT_THAT(seen, ElementsAre(1, 2, 3, 4, 5));
}

TEST(CallbackThrows, PendingWishesAreStillDone) {
  EventLoop<> loop;
  const LoopHandle<> handle = loop.handle();
  const Pipe pipe = Pipe::filled();
  int calls = 0;
  RegistrationToken token;
  token = handle.insert_source(Generic{pipe.fd(), interest().read()}, [&](Readiness) {
    ++calls;
    handle.disable(token);
    throw Boom{"after disable"};
  });
  EXPECT_THROW(loop.dispatch(0ns), Boom);
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(handle.source_count(), 1u);
}

// ---------------------------------------------------------------------------------- on_error

std::string message_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& exception) {
    return exception.what();
  }
}

// How often a callback that always throws is called in four dispatches.
int calls_with(ErrorAction action, std::size_t& sources_left) {
  EventLoop<> loop;
  const Pipe pipe = Pipe::filled();
  int calls = 0;
  int errors = 0;
  loop.handle().insert_source(Generic{pipe.fd(), interest().read()},
                              [&](Readiness) {
                                ++calls;
                                throw Boom{"every time"};
                              },
                              {.on_error = [&, action](std::exception_ptr error) {
                                ++errors;
                                EXPECT_EQ(message_of(error), "every time");
                                return action;
                              }});
  for (int i = 0; i < 4; ++i) {
    loop.dispatch(0ns);
  }
  EXPECT_EQ(errors, calls);
  sources_left = loop.handle().source_count();
  return calls;
}

TEST(OnError, KeepDisableAndRemoveDoWhatTheySay) {
  std::size_t left = 0;
  EXPECT_EQ(calls_with(ErrorAction::Keep, left), 4);
  EXPECT_EQ(left, 1u);
  EXPECT_EQ(calls_with(ErrorAction::Disable, left), 1);
  EXPECT_EQ(left, 1u);
  EXPECT_EQ(calls_with(ErrorAction::Remove, left), 1);
  EXPECT_EQ(left, 0u);
}

TEST(OnError, OfTheSourceGoesBeforeThatOfTheLoop) {
  EventLoop<> loop;
  std::vector<std::string> asked;
  loop.set_on_error([&](std::exception_ptr error) {
    asked.push_back("loop: " + message_of(error));
    return ErrorAction::Keep;
  });
  loop.handle().insert_source(Timer::immediate(), [] { throw Boom{"one"}; },
                              {.on_error = [&](std::exception_ptr error) {
                                asked.push_back("source: " + message_of(error));
                                return ErrorAction::Keep;
                              }});
  loop.handle().insert_source(Timer::immediate(), [] { throw Boom{"two"}; });
  loop.handle().insert_source(Timer::immediate(), [] { throw Boom{"three"}; }, {.name = "named"});
  loop.handle().insert_idle([] { throw Boom{"idle"}; });
  EXPECT_NO_THROW(loop.dispatch(0ns));
  EXPECT_THAT(asked, ElementsAre("source: one", "loop: two", "loop: three", "loop: idle"));
}

TEST(OnError, ATimerIsDroppedAlsoWhenItIsKept) {
  EventLoop<> loop;
  loop.set_on_error([](std::exception_ptr) { return ErrorAction::Keep; });
  loop.handle().insert_source(Timer::immediate(), []() -> TimeoutAction { throw Boom{"timer"}; });
  loop.dispatch(0ns);
  EXPECT_EQ(loop.handle().source_count(), 0u);
}

TEST(OnError, TheRestOfTheBatchIsServedInTheSameIteration) {
  EventLoop<> loop;
  loop.set_on_error([](std::exception_ptr) { return ErrorAction::Keep; });
  std::vector<Pipe> pipes(4);
  int calls = 0;
  int idles = 0;
  for (const Pipe& pipe : pipes) {
    pipe.fill();
    loop.handle().insert_source(Generic{pipe.fd(), interest().read()}, [&](Readiness) {
      ++calls;
      throw Boom{"fd"};
    });
  }
  for (int i = 0; i < 3; ++i) {
    loop.handle().insert_idle([&] {
      ++idles;
      throw Boom{"idle"};
    });
  }
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 4);
  EXPECT_EQ(idles, 3);
}

TEST(OnError, AHandlerThatThrowsLetsItsExceptionOut) {
  EventLoop<> loop;
  const Pipe pipe = Pipe::filled();
  int calls = 0;
  loop.handle().insert_source(
      Generic{pipe.fd(), interest().read()},
      [&](Readiness) {
        if (++calls == 1) {
          throw Boom{"callback"};
        }
      },
      {.on_error = [](std::exception_ptr) -> ErrorAction { throw Boom{"handler"}; }});
  try {
    loop.dispatch(0ns);
    FAIL() << "the handler's exception was swallowed";
  } catch (const Boom& boom) {
    EXPECT_STREQ(boom.what(), "handler");
  }
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 2);
}

TEST(OnError, AHandlerMayRemoveItsOwnSource) {
  EventLoop<> loop;
  const LoopHandle<> handle = loop.handle();
  const Pipe pipe = Pipe::filled();
  for (const ErrorAction action : {ErrorAction::Keep, ErrorAction::Disable, ErrorAction::Remove}) {
    RegistrationToken token;
    int calls = 0;
    std::string captured(64, 'c');
    token = handle.insert_source(Generic{pipe.fd(), interest().read()},
                                 [&](Readiness) {
                                   ++calls;
                                   throw Boom{"fd"};
                                 },
                                 {.on_error = [&, captured, action](std::exception_ptr) {
                                   EXPECT_TRUE(handle.remove(token));
                                   EXPECT_EQ(captured.size(), 64u);
                                   return action;
                                 }});
    loop.dispatch(0ns);
    loop.dispatch(0ns);
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(handle.source_count(), 0u);
  }
}

TEST(OnError, IsAskedAlsoWhenTheSourceHasJustRemovedItself) {
  EventLoop<> loop;
  const LoopHandle<> handle = loop.handle();
  RegistrationToken token;
  int errors = 0;
  token = handle.insert_source(Timer::immediate(),
                               [&] {
                                 handle.remove(token);
                                 // Into its slot, with a handler of its own.
                                 handle.insert_source(Timer::after(1h), [] {},
                                                      {.on_error = [](std::exception_ptr) {
                                                        ADD_FAILURE();
                                                        return ErrorAction::Keep;
                                                      }});
                                 throw Boom{"last words"};
                               },
                               {.on_error = [&](std::exception_ptr error) {
                                 ++errors;
                                 EXPECT_EQ(message_of(error), "last words");
                                 return ErrorAction::Remove;
                               }});
  loop.dispatch(0ns);
  EXPECT_EQ(errors, 1);
  EXPECT_EQ(handle.source_count(), 1u);
}

TEST(OnError, IsAskedAboutHooks) {
  EventLoop<> loop;
  int hooks = 0;
  std::vector<std::string> asked;
  loop.handle().insert_source(HookedSource{[&]() -> bool {
                                ++hooks;
                                throw Boom{"hook"};
                              }},
                              [] {}, {.on_error = [&](std::exception_ptr error) {
                                asked.push_back(message_of(error));
                                return ErrorAction::Disable;
                              }});
  loop.dispatch(0ns);
  loop.dispatch(0ns);
  EXPECT_EQ(hooks, 1);
  EXPECT_THAT(asked, ElementsAre("hook"));
}

TEST(OnError, AFailedReregistrationIsReportedToTheHandlerAndTheSourceStaysDisabled) {
  EventLoop<> loop;
  const LoopHandle<> handle = loop.handle();
  const Pipe pipe = Pipe::filled();
  int calls = 0;
  int errors = 0;
  struct Failing : CarelessSource {
    void reregister_with(Poll&, TokenFactory&) { throw Boom{"reregister"}; }
  };
  const RegistrationToken token = handle.insert_source(Failing{{pipe.fd()}},
                                                       [&](Readiness) {
                                                         ++calls;
                                                         return PostAction::Reregister;
                                                       },
                                                       {.on_error = [&](std::exception_ptr error) {
                                                         ++errors;
                                                         EXPECT_EQ(message_of(error), "reregister");
                                                         return ErrorAction::Keep;
                                                       }});
  loop.dispatch(0ns);
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(errors, 1);
  EXPECT_TRUE(handle.enable(token));
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 2);
}

TEST(OnError, AChannelGoesOnWithItsNextMessage) {
  EventLoop<> loop;
  auto [sender, channel] = make_channel<int>();
  std::vector<int> seen;
  loop.handle().insert_source(std::move(channel),
                              [&](std::optional<int> message) {
                                seen.push_back(message.value_or(-1));
                                throw Boom{"channel"};
                              },
                              {.on_error = [](std::exception_ptr) { return ErrorAction::Keep; }});
  for (int i = 1; i <= 3; ++i) {
    sender.send(i);
  }
  for (int i = 0; i < 5; ++i) {
    loop.dispatch(0ns);
  }
  EXPECT_THAT(seen, ElementsAre(1, 2, 3));
}

TEST(OnError, MayBeReplacedFromWithinItself) {
  EventLoop<> loop;
  std::vector<int> asked;
  loop.set_on_error([&, captured = std::string(64, 'x')](std::exception_ptr) {
    loop.set_on_error([&](std::exception_ptr) {
      asked.push_back(2);
      return ErrorAction::Keep;
    });
    EXPECT_EQ(captured.size(), 64u);
    asked.push_back(1);
    return ErrorAction::Keep;
  });
  loop.handle().insert_source(Timer::immediate(), [] { throw Boom{"a"}; });
  loop.handle().insert_source(Timer::immediate(), [] { throw Boom{"b"}; });
  loop.dispatch(0ns);
  EXPECT_THAT(asked, ElementsAre(1, 2));
}

}  // namespace
