// What calloop's dispatch does without a test of its own to say so. CL-083 to CL-085, CL-087 to
// CL-093, CL-097.
#include <fcntl.h>

#include <array>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/calloop.hpp>

#include "tests/calloop/careless_source.hpp"
#include "tests/calloop/conformance/virtual_loop.hpp"
#include "tests/calloop/pipe.hpp"

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using testing::ElementsAre;
using tests::CarelessSource;
using tests::Pipe;
using tests::VirtualLoop;

// Two readable descriptors in one batch, of which the first one that is served does something about
// the other one. The sources believe every event they are given: only the loop keeps some away.
struct Batch {
  EventLoop<> loop;
  std::array<Pipe, 2> pipes{Pipe::filled(), Pipe::filled()};
  std::array<RegistrationToken, 2> tokens;
  int calls = 0;

  // Calls `act` with the token of the other source in the first callback.
  void dispatch_with(auto act) {
    for (std::size_t i = 0; i < pipes.size(); ++i) {
      tokens[i] =
          loop.handle().insert_source(CarelessSource{pipes[i].fd()}, [this, i, act](Readiness) {
            if (++calls == 1)
              act(tokens[1 - i]);
            return PostAction::Continue;
          });
    }
    loop.dispatch(0ns);
  }
};

TEST(Conformance, CL_083_TheEventOfASourceThatWasRemovedInTheBatchIsDropped) {
  Batch batch;
  batch.dispatch_with([&](RegistrationToken other) { batch.loop.handle().remove(other); });
  EXPECT_EQ(batch.calls, 1);
  EXPECT_EQ(batch.loop.handle().source_count(), 1u);
}

TEST(Conformance, CL_084_TheSuccessorInASlotGetsNoEventOfItsPredecessor) {
  Batch batch;
  const Pipe silent;
  int successor_calls = 0;
  batch.dispatch_with([&](RegistrationToken other) {
    batch.loop.handle().remove(other);
    const RegistrationToken successor =
        batch.loop.handle().insert_source(CarelessSource{silent.fd()}, [&](Readiness) {
          ++successor_calls;
          return PostAction::Continue;
        });
    EXPECT_EQ(successor.slot(), other.slot());  // else this is not about reuse
  });
  EXPECT_EQ(batch.calls, 1);
  EXPECT_EQ(successor_calls, 0);
  silent.fill();
  batch.loop.dispatch(0ns);
  EXPECT_EQ(successor_calls, 1);
}

TEST(Conformance, CL_085_ASourceThatIsDisabledInTheBatchIsNotCalled) {
  Batch batch;
  RegistrationToken disabled;
  batch.dispatch_with([&](RegistrationToken other) {
    disabled = other;
    EXPECT_TRUE(batch.loop.handle().disable(other));
  });
  EXPECT_EQ(batch.calls, 1);
  EXPECT_TRUE(batch.loop.handle().enable(disabled));
  batch.loop.dispatch(0ns);
  EXPECT_EQ(batch.calls, 3);  // what was skipped is reported again
}

// ------------------------------------------------------------------------------------- idles

TEST(Conformance, CL_087_AnIdleThatAnIdleInsertsRunsInTheNextDispatch) {
  EventLoop<> loop;
  int outer = 0;
  int inner = 0;
  loop.handle().insert_idle([&](const LoopHandle<>& handle) {
    ++outer;
    handle.insert_idle([&] { ++inner; });
  });
  loop.dispatch(0ns);
  EXPECT_EQ(outer, 1);
  EXPECT_EQ(inner, 0);
  loop.dispatch(0ns);
  EXPECT_EQ(outer, 1);
  EXPECT_EQ(inner, 1);
}

TEST(Conformance, CL_088_AnIdleThatACallbackInsertsRunsInThisDispatch) {
  EventLoop<std::vector<int>> loop;
  auto [ping, source] = make_ping();
  loop.handle().insert_source(
      std::move(source), [](std::vector<int>& log, const LoopHandle<std::vector<int>>& handle) {
        handle.insert_idle([](std::vector<int>& l) { l.push_back(2); });
        log.push_back(1);
      });
  ping.ping();
  std::vector<int> log;
  loop.dispatch(0ns, log);
  EXPECT_THAT(log, ElementsAre(1, 2));
}

// --------------------------------------------------------------------------- stopping, waking

TEST(Conformance, CL_089_AStopThatComesBeforeRunIsHonoured) {
  VirtualLoop<> virtual_loop;
  int calls = 0;
  virtual_loop.handle.insert_source(Timer::immediate(), [&] { ++calls; });
  const LoopSignal signal = virtual_loop.loop.signal();
  signal.stop();
  virtual_loop.loop.run();
  EXPECT_EQ(calls, 0);
  // It ends one run only.
  virtual_loop.handle.insert_source(Timer::after(1s), [&] { signal.stop(); });
  virtual_loop.loop.run();
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(virtual_loop.clock.now(), TimePoint{1s});
}

TEST(Conformance, CL_090_TheIterationThatStopsIsFinishedAndHasItsCallback) {
  EventLoop<int> loop;
  int calls = 0;
  const auto stop_and_count = [&, signal = loop.signal()] {
    ++calls;
    signal.stop();
  };
  loop.handle().insert_source(Timer::immediate(), stop_and_count);
  loop.handle().insert_source(Timer::immediate(), stop_and_count);
  loop.handle().insert_idle(stop_and_count);
  int iterations = 0;
  loop.run(iterations, [&](int& count) {
    ++count;
    EXPECT_EQ(calls, 3);
  });
  EXPECT_EQ(iterations, 1);
}

TEST(Conformance, CL_091_WakeupsThatComeBeforeADispatchEndThatOne) {
  VirtualLoop<> virtual_loop;  // throws where it would sleep for ever
  const LoopSignal signal = virtual_loop.loop.signal();
  signal.wakeup();
  signal.wakeup();
  EXPECT_NO_THROW(virtual_loop.loop.dispatch(std::nullopt));
  EXPECT_THROW(virtual_loop.loop.dispatch(std::nullopt), std::logic_error);
  signal.wakeup();
  EXPECT_NO_THROW(virtual_loop.loop.dispatch(std::nullopt));
}

// ------------------------------------------------------------------------ refused, contradicted

TEST(Conformance, CL_092_ASourceThatCannotBeInsertedIsNotLost) {
  EventLoop<> loop;
  Pipe pipe;
  loop.handle().insert_source(Generic{pipe.fd(), interest().read()}, [](Readiness) {});
  const int number = pipe.fd();
  auto dispatcher = loop.handle().make_dispatcher(
      Generic{std::move(pipe.reader), interest().read()}, [](Readiness) {});
  EXPECT_THROW(loop.handle().register_dispatcher(dispatcher), std::system_error);
  EXPECT_FALSE(dispatcher.is_inserted());
  const OwnedFd back = std::move(dispatcher).into_source().into_inner();
  EXPECT_EQ(back.get(), number);
  EXPECT_NE(::fcntl(number, F_GETFD), -1);
}

TEST(Conformance, CL_093_OfAnAnswerAndACallOnOneselfTheStrongerCounts) {
  // How often a source is called again that has called `act` on itself and answered `answer`.
  const auto calls_after = [](auto act, PostAction answer) {
    EventLoop<> loop;
    const Pipe pipe = Pipe::filled();
    int calls = 0;
    RegistrationToken token;
    token = loop.handle().insert_source(Generic{pipe.fd(), interest().read().one_shot()},
                                        [&](Readiness) {
                                          if (++calls > 1)
                                            return PostAction::Continue;
                                          act(loop.handle(), token);
                                          return answer;
                                        });
    loop.dispatch(0ns);
    loop.dispatch(0ns);
    return calls - 1;
  };
  const auto nothing = [](const LoopHandle<>&, RegistrationToken) {};
  const auto update = [](const LoopHandle<>& loop, RegistrationToken self) { loop.update(self); };
  const auto disable = [](const LoopHandle<>& loop, RegistrationToken self) { loop.disable(self); };
  const auto remove = [](const LoopHandle<>& loop, RegistrationToken self) { loop.remove(self); };
  EXPECT_EQ(calls_after(nothing, PostAction::Continue), 0);  // one shot
  EXPECT_EQ(calls_after(nothing, PostAction::Reregister), 1);
  EXPECT_EQ(calls_after(update, PostAction::Continue), 1);
  EXPECT_EQ(calls_after(update, PostAction::Disable), 0);
  EXPECT_EQ(calls_after(update, PostAction::Remove), 0);
  EXPECT_EQ(calls_after(disable, PostAction::Reregister), 0);  // calloop: 1
  EXPECT_EQ(calls_after(remove, PostAction::Reregister), 0);
}

// ---------------------------------------------------------------------------------- nested loops

TEST(Conformance, CL_097_ALoopIsADescriptorForAnotherLoop) {
  VirtualLoop<> host;
  EventLoop<> guest;
  const Pipe pipe;
  int guest_calls = 0;
  guest.handle().insert_source(Generic{pipe.fd(), interest().read()}, [&](Readiness) {
    ++guest_calls;
    pipe.drain();
  });
  int host_calls = 0;
  host.handle.insert_source(Generic{guest.fd(), interest().read()}, [&](Readiness) {
    ++host_calls;
    guest.dispatch(0ns);
  });
  host.loop.dispatch(0ns);
  EXPECT_EQ(host_calls, 0);
  pipe.fill();
  host.loop.dispatch(std::nullopt);
  EXPECT_EQ(host_calls, 1);
  EXPECT_EQ(guest_calls, 1);
  host.loop.dispatch(0ns);
  EXPECT_EQ(host_calls, 1);
}

}  // namespace
