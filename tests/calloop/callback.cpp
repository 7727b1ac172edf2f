// Callbacks take what they ask for, in any order.
#include <functional>
#include <memory>
#include <string>
#include <tuple>

#include <gtest/gtest.h>

#include <calloop/callback.hpp>
#include <calloop/event_loop.hpp>
#include <calloop/sources/channel.hpp>
#include <calloop/sources/generic.hpp>
#include <calloop/sources/timer.hpp>

#include "tests/calloop/pipe.hpp"

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using tests::Pipe;

struct Base {
  int base_calls = 0;
};
struct Seat {
  int calls = 0;
};
struct App : Base {
  int calls = 0;
  Seat seat;
};

class CallbackTest : public testing::Test {
 protected:
  // Inserts a source through `handle`, has it called, and removes it.
  template <class Data, class F>
  void called(const LoopHandle<Data>& handle, F callback) {
    const RegistrationToken token =
        handle.insert_source(Generic{pipe_.fd(), interest().read()}, std::move(callback));
    loop_.dispatch(0ns, app_);
    EXPECT_TRUE(handle.remove(token));
    ++wanted_;
  }
  template <class F>
  void called(F callback) {
    called(loop_.handle(), std::move(callback));
  }
  void TearDown() override { EXPECT_EQ(calls_, wanted_); }
  void count(Readiness ready) {
    EXPECT_TRUE(ready.readable());
    ++calls_;
  }
  void count(int fd) {
    EXPECT_EQ(fd, pipe_.fd());
    ++calls_;
  }
  void count(const App& app) {
    EXPECT_EQ(&app, &app_);
    ++calls_;
  }

  EventLoop<App> loop_;
  App app_;
  Pipe pipe_ = Pipe::filled();
  int calls_ = 0;
  int wanted_ = 0;
};

TEST_F(CallbackTest, OneOrNothing) {
  called([this] { ++calls_; });
  called([this](Readiness r) { count(r); });
  called([this](const Readiness& r) { count(r); });
  called([this](Readiness&& r) { count(r); });
  called([this](Readiness& r) { count(r); });
  called([this](int& fd) { count(fd); });
  called([this](const int& fd) { count(fd); });
  called([this](App& app) { count(app); });
  called([this](const App& app) { count(app); });
  called([this](const LoopHandle<App>& loop) {
    EXPECT_TRUE(loop.same_loop(loop_.handle()));
    ++calls_;
  });
  called([this](LoopHandle<App> loop) {
    EXPECT_EQ(loop.source_count(), 1u);
    ++calls_;
  });
}

TEST_F(CallbackTest, TwoInBothOrders) {
  called([this](Readiness r, int& fd) {
    count(r);
    EXPECT_EQ(fd, pipe_.fd());
  });
  called([this](int& fd, Readiness r) {
    count(r);
    EXPECT_EQ(fd, pipe_.fd());
  });
  called([this](Readiness r, App& app) {
    count(r);
    EXPECT_EQ(&app, &app_);
  });
  called([this](App& app, Readiness r) {
    count(r);
    EXPECT_EQ(&app, &app_);
  });
  called([this](int& fd, App& app) {
    count(fd);
    EXPECT_EQ(&app, &app_);
  });
  called([this](App& app, int& fd) {
    count(fd);
    EXPECT_EQ(&app, &app_);
  });
}

TEST_F(CallbackTest, ThreeInAllOrders) {
  const auto check = [this](Readiness r, int fd, App& app) {
    count(r);
    EXPECT_EQ(fd, pipe_.fd());
    EXPECT_EQ(&app, &app_);
  };
  called([=](Readiness r, int& fd, App& app) { check(r, fd, app); });
  called([=](Readiness r, App& app, int& fd) { check(r, fd, app); });
  called([=](int& fd, Readiness r, App& app) { check(r, fd, app); });
  called([=](int& fd, App& app, Readiness r) { check(r, fd, app); });
  called([=](App& app, Readiness r, int& fd) { check(r, fd, app); });
  called([=](App& app, int& fd, Readiness r) { check(r, fd, app); });
}

TEST_F(CallbackTest, CanonicalOrderWithReferencesToAll) {
  called([this](Readiness& r, int& fd, App& app) {
    count(r);
    EXPECT_EQ(fd, pipe_.fd());
    EXPECT_EQ(&app, &app_);
  });
  called([this](const Readiness& r, const int& fd, const App& app) {
    count(r);
    EXPECT_EQ(fd, pipe_.fd());
    EXPECT_EQ(&app, &app_);
  });
}

TEST_F(CallbackTest, HandlesAmongTheOthers) {
  called([this](const LoopHandle<App>& loop, int& fd, Readiness r, App& app) {
    count(r);
    EXPECT_EQ(fd, pipe_.fd());
    EXPECT_EQ(&app, &app_);
    EXPECT_EQ(loop.source_count(), 1u);
  });
  called([this](App& app, const LoopHandle<Base>& base, const LoopHandle<>& none) {
    count(app);
    EXPECT_TRUE(base.same_loop(none));
  });
}

TEST_F(CallbackTest, AHandleThatWasAskedForWorks) {
  int late = 0;
  called([&, this](const LoopHandle<Base>& base) {
    ++calls_;
    base.insert_source(Timer::immediate(), [&](Base& b) {
      EXPECT_EQ(&b, &app_);
      ++late;
    });
  });
  loop_.dispatch(0ns, app_);
  EXPECT_EQ(late, 1);
}

TEST_F(CallbackTest, PartsOfTheData) {
  called([this](Base& base) {
    EXPECT_EQ(&base, &app_);
    ++calls_;
  });
  called(loop_.handle().part<&App::seat>(), [this](Seat& seat) {
    EXPECT_EQ(&seat, &app_.seat);
    ++calls_;
  });
  called(LoopHandle<Base>{loop_.handle()}, [this](Base& base, Readiness) {
    EXPECT_EQ(&base, &app_);
    ++calls_;
  });
  called(LoopHandle<>{loop_.handle()}, [this](Readiness r) { count(r); });
}

TEST_F(CallbackTest, GenericOnesGetCalloopsOrder) {
  called([this](auto event, auto& metadata, auto& data) {
    static_assert(std::is_same_v<decltype(event), Readiness>);
    static_assert(std::is_same_v<decltype(metadata), int&>);
    static_assert(std::is_same_v<decltype(data), App&>);
    count(event);
  });
  called([this](auto event, auto& metadata) {
    static_assert(std::is_same_v<decltype(metadata), int&>);
    count(event);
  });
  called([this](auto&& event) { count(event); });
  called(LoopHandle<>{loop_.handle()}, [this](auto&&... all) {
    static_assert(sizeof...(all) == 2);
    (count(all), ...);
    --calls_;
  });
}

TEST_F(CallbackTest, AnyCallable) {
  called(std::function<void(Readiness)>{[this](Readiness r) { count(r); }});
  called([this, n = 0](Readiness r) mutable {
    EXPECT_EQ(++n, 1);
    count(r);
  });
  called([this](Readiness r) noexcept { count(r); });
  called([this, owned = std::make_unique<int>(3)](Readiness r) {
    EXPECT_EQ(*owned, 3);
    count(r);
  });
}

struct Overloaded {
  int* with_all;
  PostAction operator()(Readiness, int&, App&) {
    ++*with_all;
    return PostAction::Continue;
  }
  PostAction operator()(Readiness) {
    ADD_FAILURE();
    return PostAction::Continue;
  }
};

TEST_F(CallbackTest, OfSeveralSignaturesThatWithMostIsTaken) {
  int with_all = 0;
  called(Overloaded{&with_all});
  EXPECT_EQ(with_all, 1);
  ++calls_;
}

TEST(Callback, DataMayBeATuple) {
  using Data = std::tuple<int, std::string>;
  EventLoop<Data> loop;
  Data data;
  const Pipe pipe = Pipe::filled();
  struct Owner {
    int number;
    [[nodiscard]] int fd() const noexcept { return number; }
  };
  loop.handle().insert_source(Generic{Owner{pipe.fd()}, interest().read()},
                              [](std::string& text, Readiness ready, Owner&, int& number) {
                                text = ready.readable() ? "ready" : "";
                                ++number;
                              });
  loop.dispatch(0ns, data);
  EXPECT_EQ(data, Data(1, "ready"));
}

int plain_function_calls = 0;
PostAction plain_function(Readiness, App& app) {
  ++app.calls;
  ++plain_function_calls;
  return PostAction::Continue;
}

TEST_F(CallbackTest, PlainFunctions) {
  called(&plain_function);
  called(plain_function);
  EXPECT_EQ(plain_function_calls, 2);
  EXPECT_EQ(app_.calls, 2);
  calls_ += 2;
}

TEST(Callback, TheEventMayBeTaken) {
  EventLoop<std::string> loop;
  std::string data;
  auto [sender, channel] = make_channel<std::unique_ptr<std::string>>();
  loop.handle().insert_source(
      std::move(channel),
      [](std::string& d, std::optional<std::unique_ptr<std::string>> message) { d = **message; });
  sender.send(std::make_unique<std::string>("moved"));
  loop.dispatch(0ns, data);
  EXPECT_EQ(data, "moved");
}

TEST(Callback, CalloopsOrderIsNeverAmbiguous) {
  // Metadata and data are both int.
  EventLoop<int> loop;
  const Pipe pipe = Pipe::filled();
  int data = 0;
  loop.handle().insert_source(Generic{pipe.fd(), interest().read()},
                              [&](Readiness, int& fd, int& d) {
                                EXPECT_EQ(fd, pipe.fd());
                                EXPECT_EQ(&d, &data);
                                ++d;
                              });
  loop.dispatch(0ns, data);
  EXPECT_EQ(data, 1);
}

TEST(Callback, ReturnsWhatItLikesWhereThereIsADefault) {
  EventLoop<> loop;
  const Pipe pipe = Pipe::filled();
  int calls = 0;
  loop.handle().insert_source(Generic{pipe.fd(), interest().read()}, [&] {
    return ++calls == 2 ? PostAction::Remove : PostAction::Continue;
  });
  for (int i = 0; i < 4; ++i)
    loop.dispatch(0ns);
  EXPECT_EQ(calls, 2);
}

TEST(Callback, IdlesMayAskForDataAndHandles) {
  EventLoop<App> loop;
  App app;
  const LoopHandle<App> handle = loop.handle();
  handle.insert_idle([](App& a) { ++a.calls; });
  handle.insert_idle([](const LoopHandle<App>& h, Base& b) {
    EXPECT_EQ(h.source_count(), 0u);
    ++b.base_calls;
  });
  handle.part<&App::seat>().insert_idle([](Seat& s) { ++s.calls; });
  loop.dispatch(0ns, app);
  EXPECT_EQ(app.calls, 1);
  EXPECT_EQ(app.base_calls, 1);
  EXPECT_EQ(app.seat.calls, 1);
}

}  // namespace
