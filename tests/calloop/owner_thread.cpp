// A loop belongs to one thread of one process.
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/calloop.hpp>
#include <calloop/owner_thread.hpp>

#include "tests/calloop/pipe.hpp"
#include "tests/calloop/status_in_child.hpp"

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using testing::HasSubstr;
using tests::Pipe;

// What `f` throws as a logic_error on another thread; empty if nothing.
std::string refusal_elsewhere(const std::function<void()>& f) {
  std::string message;
  std::jthread{[&] {
    try {
      f();
    } catch (const std::logic_error& error) {
      message = error.what();
    }
  }}.join();
  return message;
}

TEST(OwnerThread, KnowsItsThread) {
  const OwnerThread owner;
  EXPECT_TRUE(owner.is_this_thread());
  EXPECT_FALSE(owner.is_another_process());
  EXPECT_NO_THROW(owner.check("anything"));
  EXPECT_THAT(refusal_elsewhere([&] { owner.check("some call"); }),
              HasSubstr("some call from another thread"));
}

TEST(OwnerThread, EveryUseFromAnotherThreadIsRefused) {
  EventLoop<> loop;
  const LoopHandle<>& handle = loop.handle();
  const RegistrationToken token = handle.insert_source(Timer::after(1h), [] {});
  const Pipe pipe;
  const auto dispatcher = handle.make_dispatcher(Timer::after(1h), [] {});
  const std::pair<const char*, std::function<void()>> calls[] = {
      {"dispatch", [&] { loop.dispatch(0ns); }},
      {"run", [&] { loop.run(); }},
      {"prepare", [&] { static_cast<void>(loop.prepare()); }},
      {"fd", [&] { static_cast<void>(loop.fd()); }},
      {"set_timer_slack", [&] { loop.set_timer_slack(1ms); }},
      {"set_observer", [&] { loop.set_observer(nullptr); }},
      {"set_on_error", [&] { loop.set_on_error({}); }},
      {"insert_source", [&] { handle.insert_source(Timer::after(1h), [] {}); }},
      {"register_dispatcher", [&] { handle.register_dispatcher(dispatcher); }},
      {"insert_idle", [&] { handle.insert_idle([] {}); }},
      {"remove", [&] { handle.remove(token); }},
      {"disable", [&] { handle.disable(token); }},
      {"enable", [&] { handle.enable(token); }},
      {"update", [&] { handle.update(token); }},
  };
  for (const auto& [name, call] : calls)
    EXPECT_THAT(refusal_elsewhere(call), HasSubstr("from another thread")) << name;
  EXPECT_EQ(handle.source_count(), 1u);
  loop.dispatch(0ns);  // none of them has changed anything
}

TEST(OwnerThread, AScopedRegistrationThatEndsElsewhereDoesNothing) {
  EventLoop<> loop;
  auto scoped = std::make_unique<ScopedRegistration>(
      loop.handle(), loop.handle().insert_source(Timer::after(1h), [] {}));
  std::jthread{[&] { scoped->reset(); }}.join();
  EXPECT_EQ(loop.handle().source_count(), 1u);
}

TEST(OwnerThread, UseAfterForkIsRefused) {
  EventLoop<> loop;
  const RegistrationToken token = loop.handle().insert_source(Timer::after(1h), [] {});
  const auto refused = [](const std::function<void()>& f) {
    try {
      f();
    } catch (const std::logic_error& error) {
      return std::string{error.what()}.find("after fork()") != std::string::npos;
    }
    return false;
  };
  EXPECT_EQ(tests::status_in_child([&] {
              if (!refused([&] { loop.dispatch(0ns); }))
                return 1;
              if (!refused([&] { loop.handle().insert_source(Timer::after(1h), [] {}); }))
                return 2;
              if (!refused([&] { loop.handle().remove(token); }))
                return 3;
              if (!refused([&] { loop.handle().insert_idle([] {}); }))
                return 4;
              return 0;
            }),
            0);
  EXPECT_TRUE(loop.handle().remove(token));
}

TEST(OwnerThread, DestroyingTheLoopAfterForkLeavesTheParentsAlone) {
  const Pipe pipe;
  std::optional<EventLoop<>> loop{std::in_place};
  int calls = 0;
  loop->handle().insert_source(Generic{pipe.fd(), interest().read()}, [&](Readiness) {
    ++calls;
    pipe.drain();
  });
  auto [ping, source] = make_ping();
  loop->handle().insert_source(std::move(source), [&] { ++calls; });
  EXPECT_EQ(tests::status_in_child([&] {
              loop.reset();
              return 0;
            }),
            0);
  pipe.fill();
  ping.ping();
  loop->dispatch(0ns);
  EXPECT_EQ(calls, 2);
}

TEST(OwnerThread, AChildMayHaveALoopOfItsOwn) {
  EventLoop<> loop;
  EXPECT_EQ(tests::status_in_child([] {
              EventLoop<> own;
              int fired = 0;
              own.handle().insert_source(Timer::immediate(), [&] { ++fired; });
              own.dispatch(0ns);
              return fired == 1 ? 0 : 1;
            }),
            0);
}

}  // namespace
