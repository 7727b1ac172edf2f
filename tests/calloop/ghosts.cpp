// Descriptors that are closed while registered and of which a duplicate lives: the kernel goes on
// reporting them and nobody can name them. The loop must not spin, and must not take an event that
// it skipped for good reasons for one of those.
//
// The clock is the manual one: it moves only in a turn that had nothing to do.
#include <memory>
#include <string>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <calloop/calloop.hpp>
#include <calloop/testing.hpp>

#include "tests/calloop/careless_source.hpp"
#include "tests/calloop/pipe.hpp"
#include "tests/sanitized.hpp"

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using tests::CarelessSource;
using tests::Pipe;

class Ghosts : public testing::Test, private Observer {
 protected:
  Ghosts() { loop_.set_observer(this); }

  // Leaves a registration in the kernel that reports `pipe` and that no source owns.
  void make_ghost(const Pipe& pipe, Interest what = interest().read()) {
    // Each under a number of its own: the kernel knows them by file and number.
    const int fd = last_fd_ = ::fcntl(pipe.fd(), F_DUPFD_CLOEXEC, last_fd_ + 1);
    ASSERT_GE(fd, 0);
    const RegistrationToken token =
        handle_.insert_source(CarelessSource{fd, what}, [this](Readiness) {
          ++ghost_calls_;
          return PostAction::Continue;
        });
    ::close(fd);
    EXPECT_TRUE(handle_.remove(token));
  }

  // How many turns have something to do before one sleeps.
  int turns_until_sleep(int at_most = 50) {
    for (int turns = 0; turns < at_most; ++turns) {
      const TimePoint before = test_.now();
      loop_.dispatch(1ms);
      if (test_.now() != before)
        return turns;
    }
    return at_most;
  }

  void registrations_rebuilt() noexcept override { ++rebuilt_; }

  std::unique_ptr<TestBackend> owned_ = std::make_unique<TestBackend>();
  TestBackend& test_ = *owned_;
  EventLoop<> loop_{std::move(owned_)};
  LoopHandle<> handle_ = loop_.handle();
  int last_fd_ = 200;
  int ghost_calls_ = 0;
  int rebuilt_ = 0;
};

TEST_F(Ghosts, TheKernelDoesReportThem) {
  // What the rest of this file is about: without a cure this one would spin.
  const Pipe pipe = Pipe::filled();
  make_ghost(pipe);
  pollfd epoll{loop_.fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&epoll, 1, 0), 1);
}

TEST_F(Ghosts, ALevelTriggeredOneIsLaidAfterTwoTurns) {
  const Pipe pipe = Pipe::filled();
  make_ghost(pipe);
  EXPECT_EQ(turns_until_sleep(), 2);
  EXPECT_EQ(rebuilt_, 1);
  EXPECT_EQ(turns_until_sleep(), 0);
  EXPECT_EQ(rebuilt_, 1);
  EXPECT_EQ(ghost_calls_, 0);
}

TEST_F(Ghosts, ManyAreLaidAtOnce) {
  for (const int count : {64, 65, 130, 700}) {
    const Pipe pipe = Pipe::filled();
    rebuilt_ = 0;
    last_fd_ = 200;
    for (int i = 0; i < count; ++i)
      make_ghost(pipe);
    EXPECT_LE(turns_until_sleep(), 3) << count;
    EXPECT_EQ(rebuilt_, 1) << count;
  }
  EXPECT_EQ(ghost_calls_, 0);
}

TEST_F(Ghosts, AreFoundAlsoWhereManyEventsAreSkippedForGoodReasons) {
  const Pipe haunted = Pipe::filled();
  make_ghost(haunted);
  // Each turn leaves a hundred stale events behind.
  const Pipe killer = Pipe::filled();
  std::vector<Pipe> pipes(100);
  std::vector<RegistrationToken> tokens;
  const auto kill_all = [&] {
    for (const RegistrationToken token : tokens)
      handle_.remove(token);
    tokens.clear();
  };
  int turns = 0;
  for (; turns < 30 && rebuilt_ == 0; ++turns) {
    for (const Pipe& pipe : pipes) {
      pipe.fill();
      tokens.push_back(
          handle_.insert_source(Generic{pipe.fd(), interest().read()}, [&] { kill_all(); }));
    }
    loop_.dispatch(0ns);
  }
  EXPECT_EQ(rebuilt_, 1);
  EXPECT_LT(turns, 30);
}

TEST_F(Ghosts, AnEdgeTriggeredOneDisturbsNobody) {
  const Pipe pipe = Pipe::filled();
  make_ghost(pipe, interest().read().edge_triggered());
  EXPECT_LE(turns_until_sleep(), 2);
  for (int i = 0; i < 3; ++i) {
    pipe.fill();
    EXPECT_LE(turns_until_sleep(), 2);
  }
  EXPECT_LE(rebuilt_, 1);
  EXPECT_EQ(ghost_calls_, 0);
}

TEST_F(Ghosts, AOneShotOneDisturbsNobody) {
  const Pipe pipe = Pipe::filled();
  make_ghost(pipe, interest().read().one_shot());
  EXPECT_LE(turns_until_sleep(), 1);
  EXPECT_EQ(rebuilt_, 0);
  EXPECT_EQ(ghost_calls_, 0);
}

TEST_F(Ghosts, AllOtherSourcesWorkAfterwards) {
  const Pipe level;
  const Pipe edge;
  const Pipe one_shot;
  const Pipe disabled = Pipe::filled();
  int levels = 0, edges = 0, shots = 0, pings = 0, fired = 0, forbidden = 0;
  std::vector<int> messages;
  handle_.insert_source(Generic{level.fd(), interest().read()}, [&](Readiness) {
    ++levels;
    level.drain();
  });
  handle_.insert_source(Generic{edge.fd(), interest().read().edge_triggered()}, [&](Readiness) {
    ++edges;
    edge.drain();
  });
  RegistrationToken shot_token;
  shot_token =
      handle_.insert_source(Generic{one_shot.fd(), interest().read().one_shot()}, [&](Readiness) {
        ++shots;
        one_shot.drain();
      });
  handle_.disable(handle_.insert_source(Generic{disabled.fd(), interest().read()},
                                        [&](Readiness) { ++forbidden; }));
  auto [ping, ping_source] = make_ping();
  handle_.insert_source(std::move(ping_source), [&] { ++pings; });
  auto [sender, channel] = make_channel<int>();
  handle_.insert_source(std::move(channel),
                        [&](std::optional<int> message) { messages.push_back(message.value()); });
  handle_.insert_source(Timer::after(1h), [&] {
    ++fired;
    return TimeoutAction::after(1h);
  });
  test_.script(5000);
  int scripted = 0;
  handle_.insert_source(Generic{5000, interest().read()}, [&](Readiness) { ++scripted; });

  const Pipe haunted = Pipe::filled();
  make_ghost(haunted);
  EXPECT_LE(turns_until_sleep(), 6);
  ASSERT_EQ(rebuilt_, 1);
  levels = edges = shots = pings = scripted = 0;

  for (int round = 1; round <= 3; ++round) {
    level.fill();
    edge.fill();
    one_shot.fill();
    ping.ping();
    sender.send(round);
    test_.make_ready(5000, Readiness{EPOLLIN});
    EXPECT_LE(turns_until_sleep(), 3);
    EXPECT_EQ(levels, round);
    EXPECT_EQ(edges, round);
    EXPECT_EQ(shots, round);
    EXPECT_EQ(pings, round);
    EXPECT_EQ(messages.size(), static_cast<std::size_t>(round));
    EXPECT_EQ(scripted, round);
    handle_.update(shot_token);
  }
  EXPECT_EQ(fired, 0);
  loop_.dispatch(std::nullopt);
  EXPECT_EQ(fired, 1);
  EXPECT_EQ(forbidden, 0);
  EXPECT_EQ(rebuilt_, 1);
}

TEST_F(Ghosts, TheLoopCanStillBeWokenAndIsStillAGuest) {
  pollfd guest{loop_.fd(), POLLIN, 0};
  const Pipe haunted = Pipe::filled();
  make_ghost(haunted);
  EXPECT_LE(turns_until_sleep(), 2);
  ASSERT_EQ(rebuilt_, 1);
  static_cast<void>(turns_until_sleep());
  EXPECT_EQ(::poll(&guest, 1, 0), 0);

  loop_.signal().wakeup();
  EXPECT_EQ(::poll(&guest, 1, 0), 1);
  loop_.dispatch(std::nullopt);
  EXPECT_EQ(::poll(&guest, 1, 0), 0);

  const Pipe pipe = Pipe::filled();
  int calls = 0;
  handle_.insert_source(Generic{pipe.fd(), interest().read()}, [&](Readiness) {
    ++calls;
    pipe.drain();
  });
  EXPECT_EQ(::poll(&guest, 1, 0), 1);
  loop_.dispatch(0ns);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(::poll(&guest, 1, 0), 0);
}

TEST_F(Ghosts, ASourceThatCannotBeRegisteredAgainIsReportedAndDisabled) {
  auto gone = std::make_unique<Pipe>();
  std::vector<std::string> errors;
  handle_.insert_source(Generic{gone->fd(), interest().read()}, [](Readiness) {},
                        {.name = "gone", .on_error = [&](std::exception_ptr error) {
                           try {
                             std::rethrow_exception(error);
                           } catch (const std::exception& exception) {
                             errors.emplace_back(exception.what());
                           }
                           return ErrorAction::Keep;
                         }});
  const Pipe good;
  int calls = 0;
  handle_.insert_source(Generic{good.fd(), interest().read()}, [&](Readiness) {
    ++calls;
    good.drain();
  });
  const Pipe haunted = Pipe::filled();
  make_ghost(haunted);
  gone.reset();
  EXPECT_LE(turns_until_sleep(), 2);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_NE(errors[0].find("gone"), std::string::npos) << errors[0];
  good.fill();
  EXPECT_EQ(turns_until_sleep(), 1);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(handle_.source_count(), 2u);
}

TEST_F(Ghosts, WhatAHandlerDoesWhileTheSourcesAreRegisteredAgainCounts) {
  const Pipe good = Pipe::filled();
  const Pipe pipes[3];
  std::vector<RegistrationToken> later;
  int replacement_calls = 0;
  int errors = 0;
  auto gone = std::make_unique<Pipe>();
  handle_.insert_source(Generic{gone->fd(), interest().read()}, [](Readiness) {},
                        {.on_error = [&](std::exception_ptr) {
                          ++errors;
                          handle_.insert_source(Generic{good.fd(), interest().read()},
                                                [&](Readiness) {
                                                  ++replacement_calls;
                                                  good.drain();
                                                },
                                                {.on_error = [&](std::exception_ptr) {
                                                  ++errors;
                                                  return ErrorAction::Keep;
                                                }});
                          // These have not been registered again yet.
                          EXPECT_TRUE(handle_.disable(later[0]));
                          EXPECT_TRUE(handle_.update(later[1]));
                          EXPECT_TRUE(handle_.remove(later[2]));
                          return ErrorAction::Remove;
                        }});
  std::vector<int> calls(3);
  for (std::size_t i = 0; i < 3; ++i)
    later.push_back(
        handle_.insert_source(Generic{pipes[i].fd(), interest().read()}, [&, i](Readiness) {
          ++calls[i];
          pipes[i].drain();
        }));
  const Pipe haunted = Pipe::filled();
  make_ghost(haunted);
  gone.reset();
  EXPECT_LE(turns_until_sleep(), 3);
  EXPECT_EQ(rebuilt_, 1);
  EXPECT_EQ(errors, 1);
  EXPECT_EQ(replacement_calls, 1);
  for (const Pipe& pipe : pipes)
    pipe.fill();
  EXPECT_LE(turns_until_sleep(), 1);
  EXPECT_EQ(calls, (std::vector{0, 1, 0}));
  EXPECT_EQ(handle_.source_count(), 3u);
}

TEST_F(Ghosts, AreLaidAlsoWhenThereAreNoDescriptorsLeft) {
  if (tests::sanitized)
    GTEST_SKIP() << "the sanitizer itself needs descriptors, and there are none";
  const Pipe good;
  int calls = 0;
  handle_.insert_source(Generic{good.fd(), interest().read()}, [&](Readiness) {
    ++calls;
    good.drain();
  });
  const Pipe haunted = Pipe::filled();
  make_ghost(haunted);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const int first_free = ::dup(good.fd());
  ::close(first_free);
  const rlimit none{static_cast<rlim_t>(first_free), before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  EXPECT_LT(::dup(good.fd()), 0);
  int turns = 0;
  EXPECT_NO_THROW(turns = turns_until_sleep());
  EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_LE(turns, 3);
  good.fill();
  EXPECT_EQ(turns_until_sleep(), 1);
  EXPECT_EQ(calls, 1);
}

TEST_F(Ghosts, WhatAnExceptionHasLeftOverIsReportedAgain) {
  const Pipe haunted = Pipe::filled();
  make_ghost(haunted);
  loop_.dispatch(0ns);
  const Pipe pipes[2] = {Pipe::filled(), Pipe::filled()};
  int calls = 0;
  for (const Pipe& pipe : pipes)
    handle_.insert_source(Generic{pipe.fd(), interest().read().edge_triggered()}, [&](Readiness) {
      if (++calls == 1)
        throw 1;
    });
  // In one iteration the ghost is seen again and a callback throws.
  EXPECT_THROW(loop_.dispatch(0ns), int);
  for (int i = 0; i < 3; ++i)
    loop_.dispatch(0ns);
  EXPECT_EQ(rebuilt_, 1);
  EXPECT_EQ(calls, 3);  // the other's edge once, and that of the first again
}

// ------------------------------------------------------- events that are skipped for good reasons

enum class Ending { Remove, Disable, DisableAndEnable, Update };

class LegitimateSkips : public Ghosts, public testing::WithParamInterface<Ending> {};

TEST_P(LegitimateSkips, RebuildNothing) {
  std::vector<Pipe> pipes(20);
  std::vector<RegistrationToken> tokens(pipes.size());
  int calls = 0;
  const auto insert = [&](std::size_t i) {
    tokens[i] = handle_.insert_source(
        Generic{pipes[i].fd(), i % 2 == 0 ? interest().read() : interest().read().edge_triggered()},
        [&, i](Readiness) {
          ++calls;
          for (std::size_t other = 0; other < tokens.size(); ++other) {
            if (other == i)
              continue;
            switch (GetParam()) {
              case Ending::Remove:
                handle_.remove(tokens[other]);
                break;
              case Ending::Disable:
                handle_.disable(tokens[other]);
                break;
              case Ending::DisableAndEnable:
                handle_.disable(tokens[other]);
                handle_.enable(tokens[other]);
                break;
              case Ending::Update:
                handle_.update(tokens[other]);
                break;
            }
          }
        });
  };
  for (std::size_t i = 0; i < pipes.size(); ++i)
    insert(i);
  for (int round = 1; round <= 50; ++round) {
    for (std::size_t i = 0; i < pipes.size(); ++i) {
      pipes[i].fill();
      handle_.enable(tokens[i]);
      if (!handle_.update(tokens[i]))
        insert(i);
    }
    loop_.dispatch(0ns);
    EXPECT_EQ(calls, round);  // the first of the batch ended all others
  }
  EXPECT_EQ(rebuilt_, 0);
}

INSTANTIATE_TEST_SUITE_P(Ghosts, LegitimateSkips,
                         testing::Values(Ending::Remove, Ending::Disable, Ending::DisableAndEnable,
                                         Ending::Update));

TEST_F(Ghosts, LeftoversOfAnExceptionAreNotMistakenForOne) {
  const Pipe pipes[3] = {Pipe::filled(), Pipe::filled(), Pipe::filled()};
  std::vector<RegistrationToken> tokens;
  for (const Pipe& pipe : pipes) {
    tokens.push_back(
        handle_.insert_source(Generic{pipe.fd(), interest().read()}, [](Readiness) { throw 1; }));
  }
  for (int i = 0; i < 20; ++i) {
    EXPECT_THROW(loop_.dispatch(0ns), int);
    for (const RegistrationToken token : tokens) {
      handle_.disable(token);
      handle_.enable(token);
    }
    loop_.set_on_error({});
    // What was left over is stale by now.
    for (const RegistrationToken token : tokens)
      handle_.disable(token);
    loop_.dispatch(0ns);
    for (const RegistrationToken token : tokens)
      handle_.enable(token);
  }
  EXPECT_EQ(rebuilt_, 0);
}

}  // namespace
