// Random operations from everywhere: callbacks, hooks, idles, error handlers, destructors. A model
// of what must be true runs beside the loop, and each operation's answer is compared with it.
//
// A failure names its seed; Torture.Seeds runs them one after the other.
#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <calloop/calloop.hpp>

#include "tests/calloop/careless_source.hpp"
#include "tests/calloop/descriptor_count.hpp"
#include "tests/calloop/hooked_source.hpp"
#include "tests/calloop/on_drop.hpp"
#include "tests/calloop/pipe.hpp"

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using tests::CarelessSource;
using tests::HookedSource;
using tests::OnDrop;
using tests::Pipe;

struct Thrown {};

// What must be true of one source.
struct Record {
  RegistrationToken token;
  bool removed = false;
  bool disabled = false;
  bool running = false;     // its callback or hook is on the stack
  bool arriving = false;    // it has no token yet
  int registering = 0;      // how many of its registration functions are on the stack
  bool refused = false;     // the last of them has thrown
  bool wants_rest = false;  // has disabled itself in one
  bool destroyed = false;   // its closure
  PostAction wish = PostAction::Continue;
  PostAction default_action = PostAction::Continue;  // when its callback throws
  std::optional<ErrorAction> on_error;
  long calls = 0;
  std::shared_ptr<Pipe> pipe;
  std::optional<Ping> ping;
  std::optional<Sender<int>> sender;
};

// Takes every event for its own, and complains of those that are not of this registration. Says
// when it is being registered, changed or unregistered.
class Trusting {
 public:
  using Event = Readiness;
  using Metadata = void;
  using Ret = PostAction;
  enum class Step { Register, Reregister, Unregister };
  Trusting(std::shared_ptr<Pipe> pipe, Interest what, std::function<void(Step)> says)
      : pipe_{std::move(pipe)}, interest_{what}, says_{std::move(says)} {}
  PostAction process_events(Readiness readiness, Token token, auto&& emit) {
    EXPECT_EQ(token, token_) << "a stale event was delivered";
    return emit(readiness);
  }
  void register_with(Poll& poll, TokenFactory& tokens) {
    token_ = tokens.token();
    poll.add(pipe_->fd(), interest_, token_);
    says_(Step::Register);
  }
  void reregister_with(Poll& poll, TokenFactory& tokens) {
    token_ = tokens.token();
    poll.modify(pipe_->fd(), interest_, token_);
    says_(Step::Reregister);
  }
  void unregister_from(Poll& poll) {
    poll.remove(pipe_->fd());
    says_(Step::Unregister);
  }

 private:
  std::shared_ptr<Pipe> pipe_;
  Interest interest_;
  std::function<void(Step)> says_;
  Token token_;
};

// Owns the pipe that it waits for.
struct PipeOwner {
  std::shared_ptr<Pipe> pipe;
  [[nodiscard]] int fd() const noexcept { return pipe->fd(); }
};

class Torture {
 public:
  explicit Torture(unsigned seed) : random_{seed} {}
  Torture(const Torture&) = delete;
  Torture& operator=(const Torture&) = delete;
  ~Torture() { end_loop(); }

  void run() {
    loop_.emplace();
    handle_.emplace(loop_->handle());
    for (int i = 0; i < 30; ++i)
      insert();
    for (int turn = 0; turn < 200 && !testing::Test::HasFailure(); ++turn) {
      dispatch();
      check_counts();
      if (present() < 15)
        insert();
      for (int i = 0; i < 4; ++i)
        poke();
    }
    is_calm_ = true;
    check_everyone_is_served();
    is_calm_ = false;
    end_loop();  // destructors still do as they like
    for (const auto& record : records_)
      EXPECT_TRUE(record->destroyed) << "a closure outlives the loop";
    EXPECT_EQ(idles_ended_, idles_made_);
    EXPECT_GT(calls_, 100);
  }

 private:
  unsigned roll(unsigned sides) { return static_cast<unsigned>(random_()) % sides; }

  void end_loop() {
    is_ending_ = true;
    loop_.reset();
  }

  void dispatch() {
    try {
      loop_->dispatch(0ns);
    } catch (const Thrown&) {
    }
  }

  // Keeps the others busy: something to do for a source that is enabled if it was not.
  void poke() {
    Record& record = *records_[roll(static_cast<unsigned>(records_.size()))];
    if (record.removed)
      return;
    record.disabled = false;
    expect(true, record, [&] { return handle_->enable(record.token); });
    if (!record.removed)
      stimulate(record);
  }

  std::size_t present() const {
    return static_cast<std::size_t>(
        std::count_if(records_.begin(), records_.end(), [](const auto& r) { return !r->removed; }));
  }

  void check_counts() {
    EXPECT_EQ(handle_->source_count(), present());
    for (const auto& record : records_) {
      EXPECT_FALSE(record->running);
      EXPECT_EQ(record->destroyed, record->removed);
    }
  }

  // ------------------------------------------------------------------------------- the model

  // Around all code of a source: what its events mean, what its calls and its answer lead to.
  template <class F>
  PostAction in_source(Record& record, PostAction default_action, F code) {
    EXPECT_FALSE(record.removed) << "called after it was removed";
    EXPECT_FALSE(record.disabled) << "called while it was disabled";
    EXPECT_FALSE(record.destroyed);
    EXPECT_FALSE(record.running);
    ++record.calls;
    ++calls_;
    record.running = true;
    record.wish = PostAction::Continue;
    record.default_action = default_action;
    try {
      const PostAction action = code();
      finish(record, action);
      return action;
    } catch (const Thrown&) {
      if (!record.on_error)
        finish(record, default_action);
      throw;  // otherwise its handler sees to it
    }
  }

  void finish(Record& record, PostAction action) {
    record.running = false;
    if (record.removed)
      return;
    action = std::max(action, record.wish);
    if (action == PostAction::Remove)
      record.removed = true;
    if (action != PostAction::Continue)
      record.disabled = action == PostAction::Disable;
  }

  ErrorAction handle_error(Record& record) {
    if (std::exchange(record.refused, false)) {  // it is disabled
      chaos();
      if (*record.on_error == ErrorAction::Remove)
        record.removed = true;
      if (*record.on_error == ErrorAction::Disable)
        record.disabled = true;
      return *record.on_error;
    }
    chaos();
    switch (*record.on_error) {
      case ErrorAction::Keep:
        break;
      case ErrorAction::Disable:
        record.wish = PostAction::Disable;
        break;
      case ErrorAction::Remove:
        record.removed = true;
        break;
    }
    finish(record, record.default_action);
    return *record.on_error;
  }

  // Around what a source does in its registration functions.
  void in_registration(Record& record, Trusting::Step step) {
    if (is_calm_ || is_ending_ || depth_ > 3 || record.registering > 0)
      return;
    ++record.registering;
    record.wants_rest = false;
    if (roll(3) == 0)
      chaos();
    --record.registering;
    if (record.wants_rest)
      record.disabled = true;
    if (step != Trusting::Step::Unregister && !record.arriving && roll(12) == 0) {
      record.disabled = true;
      record.refused = true;
      throw Thrown{};
    }
  }

  // An operation that may find that a source does not let itself be registered.
  template <class Call>
  void expect(bool known, Record& record, Call call) {
    try {
      EXPECT_EQ(call(), known);
    } catch (const Thrown&) {
      EXPECT_TRUE(record.refused);
      record.refused = false;
    }
  }

  // ---------------------------------------------------------------------------- the operations

  void chaos(bool may_throw = false) {
    if (is_calm_ || depth_ > 4)
      return;
    ++depth_;
    for (unsigned i = roll(4); i > 0; --i)
      operate();
    --depth_;
    if (may_throw && roll(12) == 0)
      throw Thrown{};
  }

  void operate() {
    if (records_.empty())
      return;
    Record& record = *records_[roll(static_cast<unsigned>(records_.size()))];
    if (record.arriving)
      return;
    const bool known = !record.removed;
    switch (roll(14)) {
      case 0:
        record.removed = true;  // its destructors run inside
        EXPECT_EQ(handle_->remove(record.token), known);
        break;
      case 1:
      case 2:
        if (record.running) {
          record.wish = PostAction::Disable;
        } else if (record.registering > 0) {
          record.wants_rest = true;
        } else {
          record.disabled = true;
        }
        EXPECT_EQ(handle_->disable(record.token), known);
        break;
      case 3:
      case 4:
      case 5:
        if (record.running) {
          if (record.wish == PostAction::Disable)
            record.wish = PostAction::Reregister;
        } else if (record.registering > 0) {
          record.wants_rest = false;
        } else {
          record.disabled = false;
        }
        expect(known, record, [&] { return handle_->enable(record.token); });
        break;
      case 6:
        if (record.running && record.wish != PostAction::Disable)
          record.wish = PostAction::Reregister;
        expect(known, record, [&] { return handle_->update(record.token); });
        break;
      case 7:
        if (present() < 60)
          insert();
        break;
      case 8:
      case 9:
        stimulate(record);
        break;
      case 10:
        insert_idle();
        break;
      case 11:
        if (!idles_.empty())
          static_cast<void>(idles_[roll(static_cast<unsigned>(idles_.size()))].cancel());
        break;
      case 12: {
        const LoopHandle<> copy = *handle_;
        EXPECT_TRUE(copy.same_loop(*handle_));
        break;
      }
      case 13:
        if (roll(20) == 0)
          make_ghost();
        break;
    }
  }

  void stimulate(Record& record) {
    if (record.pipe)
      record.pipe->fill();
    if (record.ping)
      record.ping->ping();
    if (record.sender && !record.removed) {
      EXPECT_TRUE(record.sender->send(1));
    }
  }

  void insert_idle() {
    ++idles_made_;
    auto ran = std::make_shared<bool>(false);
    const auto end = [this] {
      ++idles_ended_;
      chaos();
    };
    idles_.push_back(handle_->insert_idle([this, ran, guard = OnDrop{end}] {
      EXPECT_FALSE(std::exchange(*ran, true)) << "an idle ran twice";
      chaos(true);
    }));
  }

  void make_ghost() {
    if (ghosts_.size() == 3)
      return;
    ghosts_.push_back(Pipe::filled());
    const int fd = ::fcntl(ghosts_.back().fd(), F_DUPFD_CLOEXEC, 0);
    const RegistrationToken token = handle_->insert_source(
        CarelessSource{fd}, [] { ADD_FAILURE() << "a ghost was delivered"; });
    ::close(fd);
    EXPECT_EQ(handle_->remove(token), !is_ending_);
  }

  // ------------------------------------------------------------------------------- the sources

  Interest any_interest() {
    Interest what = interest().read();
    if (roll(2) == 0)
      what = what.edge_triggered();
    if (roll(4) == 0)
      what = what.one_shot();
    return what;
  }

  PostAction any_action() {
    constexpr std::array actions{PostAction::Continue, PostAction::Continue,   PostAction::Continue,
                                 PostAction::Continue, PostAction::Reregister, PostAction::Disable,
                                 PostAction::Remove};
    return is_calm_ ? PostAction::Continue : actions[roll(actions.size())];
  }

  template <class S, class F>
  void insert(Record& record, S source, F callback) {
    SourceOptions options;
    if (record.on_error)
      options.on_error = [this, &record](std::exception_ptr) { return handle_error(record); };
    const auto end = [this, &record] {
      EXPECT_FALSE(record.destroyed);
      EXPECT_FALSE(record.running) << "a closure was destroyed while it ran";
      record.destroyed = true;
      record.removed = true;
      chaos();
    };
    auto closure = [callback, guard = OnDrop{end}](auto&&... event) mutable {
      return callback(std::forward<decltype(event)>(event)...);
    };
    record.arriving = true;
    record.token = options.on_error
                       ? handle_->insert_source(std::move(source), std::move(closure), options)
                       : handle_->insert_source(std::move(source), std::move(closure));
    record.arriving = false;
    if (!record.token)
      record.removed = true;
  }

  void insert() {
    Record& record = *records_.emplace_back(std::make_unique<Record>());
    if (roll(3) == 0) {
      constexpr std::array actions{ErrorAction::Keep, ErrorAction::Disable, ErrorAction::Remove};
      record.on_error = actions[roll(actions.size())];
    }
    const auto on_pipe = [this, &record] {
      return in_source(record, PostAction::Continue, [&] {
        if (roll(3) != 0)
          record.pipe->drain();
        chaos(true);
        return any_action();
      });
    };
    switch (roll(7)) {
      case 0:
      case 1:
        record.pipe = std::make_shared<Pipe>(Pipe::filled());
        insert(record, Generic{PipeOwner{record.pipe}, any_interest()},
               [on_pipe](Readiness, PipeOwner&) { return on_pipe(); });
        break;
      case 2:
        record.pipe = std::make_shared<Pipe>(Pipe::filled());
        insert(record,
               Trusting{record.pipe, any_interest(),
                        [this, &record](Trusting::Step step) { in_registration(record, step); }},
               [on_pipe](Readiness) { return on_pipe(); });
        break;
      case 3:
        insert(record, Timer::after(std::chrono::microseconds{roll(300)}),
               [this, &record](TimePoint deadline) {
                 EXPECT_LE(deadline, handle_->now()) << "a timer was early";
                 const PostAction action = in_source(record, PostAction::Remove, [&] {
                   chaos(true);
                   return is_calm_ || roll(4) != 0 ? PostAction::Continue : PostAction::Remove;
                 });
                 if (action == PostAction::Remove)
                   return TimeoutAction::drop();
                 return roll(2) == 0 ? TimeoutAction::after(std::chrono::microseconds{roll(200)})
                                     : TimeoutAction::at(deadline - 1us);
               });
        break;
      case 4: {
        auto [ping, source] = make_ping();
        ping.ping();
        record.ping = std::move(ping);
        insert(record, std::move(source), [this, &record](Pinged) {
          in_source(record, PostAction::Continue, [&] {
            chaos(true);
            return PostAction::Continue;
          });
        });
        break;
      }
      case 5: {
        auto [sender, channel] = make_channel<int>();
        for (unsigned i = roll(5); i > 0; --i)
          sender.send(1);
        record.sender = std::move(sender);
        insert(record, std::move(channel), [this, &record](std::optional<int> message) {
          const PostAction end = message ? PostAction::Continue : PostAction::Remove;
          in_source(record, end, [&] {
            if (!is_calm_ && roll(30) == 0)
              record.sender.reset();
            chaos(true);
            return end;
          });
        });
        break;
      }
      case 6:
        insert(record,
               HookedSource{[this, &record] {
                              in_source(record, PostAction::Continue, [&] {
                                if (roll(4) == 0)
                                  chaos(true);
                                return PostAction::Continue;
                              });
                              return roll(2) == 0;
                            },
                            [this, &record](Events) {
                              in_source(record, PostAction::Continue, [&] {
                                if (roll(4) == 0)
                                  chaos(true);
                                return PostAction::Continue;
                              });
                            }},
               [this, &record](Token) {
                 return in_source(record, PostAction::Continue, [&] {
                   chaos(true);
                   return any_action();
                 });
               });
        break;
    }
  }

  // After all that, a source that is left does what it is for.
  void check_everyone_is_served() {
    for (int i = 0; i < 100; ++i)
      dispatch();
    std::vector<std::pair<Record*, long>> before;
    for (const auto& record : records_) {
      if (record->removed)
        continue;
      record->disabled = false;
      EXPECT_TRUE(handle_->enable(record->token));
      EXPECT_TRUE(handle_->update(record->token));
      before.emplace_back(record.get(), record->calls);
      stimulate(*record);
    }
    const TimePoint deadline = Clock::now() + 20s;
    const auto is_served = [](const auto& entry) {
      return entry.first->removed || entry.first->calls > entry.second;
    };
    while (!std::all_of(before.begin(), before.end(), is_served) && Clock::now() < deadline)
      dispatch();
    for (const auto& [record, calls] : before)
      EXPECT_TRUE(record->removed || record->calls > calls) << "a source is never called again";
    check_counts();
  }

  std::mt19937 random_;
  std::vector<std::unique_ptr<Record>> records_;
  std::vector<Idle> idles_;
  std::vector<Pipe> ghosts_;
  std::optional<EventLoop<>> loop_;
  std::optional<LoopHandle<>> handle_;
  int depth_ = 0;
  bool is_calm_ = false;
  bool is_ending_ = false;
  long calls_ = 0;
  long idles_made_ = 0;
  long idles_ended_ = 0;
};

TEST(Torture, Seeds) {
  const auto descriptors = tests::descriptor_count();
  for (unsigned seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Torture{seed}.run();
    ASSERT_EQ(tests::descriptor_count(), descriptors) << "descriptors leak";
    ASSERT_FALSE(testing::Test::HasFailure());
  }
}

}  // namespace
