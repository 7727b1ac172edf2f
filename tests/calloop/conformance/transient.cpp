// calloop's tests of TransientSource. CL-067 to CL-073.
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/calloop.hpp>

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using testing::ElementsAre;

using Log = std::vector<std::string>;

// A ping with a number, which keeps a log of its life and asks for what `answer` says.
class Child {
 public:
  using Event = int;
  using Metadata = void;
  using Ret = void;
  using Answer = std::function<PostAction(int calls)>;

  Child(PingSource ping, std::string name, Log* log, Answer answer)
      : life_{std::make_unique<Life>(std::move(name), log)},
        ping_{std::move(ping)},
        answer_{std::move(answer)} {}

  [[nodiscard]] int calls() const { return life_->calls; }
  PostAction process_events(Readiness readiness, Token token, auto&& emit) {
    PostAction action = PostAction::Continue;
    ping_.process_events(readiness, token, [&](Pinged) {
      emit(++life_->calls);
      action = answer_(life_->calls);
    });
    return action;
  }
  void register_with(Poll& poll, TokenFactory& tokens) {
    life_->note("registered");
    ping_.register_with(poll, tokens);
  }
  void reregister_with(Poll& poll, TokenFactory& tokens) {
    life_->note("updated");
    ping_.reregister_with(poll, tokens);
  }
  void unregister_from(Poll& poll) {
    life_->note("unregistered");
    ping_.unregister_from(poll);
  }

 private:
  // Ends where the child ends, not where it is moved from.
  struct Life {
    std::string name;
    Log* log;
    int calls = 0;
    Life(std::string n, Log* l) : name{std::move(n)}, log{l} {}
    Life(const Life&) = delete;
    Life& operator=(const Life&) = delete;
    ~Life() { note("destroyed"); }
    void note(const char* what) const { log->push_back(name + " " + what); }
  };
  std::unique_ptr<Life> life_;
  PingSource ping_;
  Answer answer_;
};

Child::Answer always(PostAction action) {
  return [action](int) { return action; };
}

TEST(Conformance, CL_067_AChildThatAsksToGoIsDestroyedAfterTheDispatch) {
  Log log;  // outlives what the loop destroys
  EventLoop<> loop;
  auto [ping, source] = make_ping();
  int calls = 0;
  loop.handle().insert_source(
      TransientSource{Child{std::move(source), "child", &log, always(PostAction::Remove)}},
      [&](int) {
        ++calls;
        EXPECT_THAT(log, ElementsAre("child registered"));
      });
  ping.ping();
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 1);
  EXPECT_THAT(log, ElementsAre("child registered", "child unregistered", "child destroyed"));
  ping.ping();
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(loop.handle().source_count(), 1u);
}

TEST(Conformance, CL_068_EverythingAChannelHasToSayIsPassedOnInOrder) {
  using Message = std::optional<int>;
  EventLoop<> loop;
  auto [sender, channel] = make_channel<int>();
  std::vector<Message> received;
  loop.handle().insert_source(TransientSource{std::move(channel)},
                              [&](Message message) { received.push_back(message); });
  for (const int message : {1, 2, 3, 4})
    sender.send(message);
  {
    const Sender<int> last = std::move(sender);
  }
  loop.dispatch(0ns);
  loop.dispatch(0ns);
  EXPECT_THAT(received, ElementsAre(Message{1}, Message{2}, Message{3}, Message{4}, std::nullopt));
}

// A parent whose child comes and goes; its events are what its map() sees of the child.
class Parent : public Composed<Parent> {
 public:
  using Event = std::optional<int>;
  using Metadata = TransientSource<Child>;
  using Ret = void;

  explicit Parent(Child child, std::vector<PostAction>* answers = nullptr, Log* log = nullptr)
      : child_{std::move(child)}, answers_{answers}, log_{log} {}
  TransientSource<Child>& child() { return child_; }
  auto children() { return std::tie(child_); }
  PostAction process_events(Readiness readiness, Token token, auto&& emit) {
    const PostAction action = child_.process_events(readiness, token, [&](int) {
      emit(child_.map([](const Child& child) { return child.calls(); }), child_);
    });
    if (answers_ != nullptr)
      answers_->push_back(action);
    return action;
  }
  void register_with(Poll& poll, TokenFactory& tokens) {
    note("register");
    Composed::register_with(poll, tokens);
  }
  void reregister_with(Poll& poll, TokenFactory& tokens) {
    note("reregister");
    Composed::reregister_with(poll, tokens);
  }
  void unregister_from(Poll& poll) {
    note("unregister");
    Composed::unregister_from(poll);
  }

 private:
  // What map() sees, before anything is done.
  void note(const std::string& function) {
    if (log_ == nullptr)
      return;
    const auto calls = child_.map([](const Child& child) { return child.calls(); });
    log_->push_back(function + (calls ? " of one with " + std::to_string(*calls) : " of none"));
  }

  TransientSource<Child> child_;
  std::vector<PostAction>* answers_;
  Log* log_;
};

TEST(Conformance, CL_069_MapSeesTheChildUntilItIsRemoved) {
  Log log;
  Log registrations;
  EventLoop<> loop;
  auto [ping, source] = make_ping();
  std::vector<int> seen;
  const auto parent = loop.handle().make_dispatcher(
      Parent{Child{std::move(source), "child", &log,
                   [](int calls) { return calls < 3 ? PostAction::Continue : PostAction::Remove; }},
             nullptr, &registrations},
      [&](std::optional<int> calls) { seen.push_back(calls.value_or(-1)); });
  const RegistrationToken token = loop.handle().register_dispatcher(parent);
  for (int i = 0; i < 6; ++i) {
    ping.ping();
    loop.dispatch(0ns);
    if (i == 0) {
      EXPECT_TRUE(loop.handle().update(token));
    }
  }
  EXPECT_THAT(seen, ElementsAre(1, 2, 3));
  EXPECT_TRUE(loop.handle().remove(token));
  EXPECT_THAT(registrations, ElementsAre("register of one with 0", "reregister of one with 1",
                                         "reregister of none",  // it has asked to go
                                         "unregister of none"));
  int mapped = 0;
  EXPECT_FALSE(parent->child().map([&](Child&) { ++mapped; }));
  EXPECT_EQ(parent->child().map([&](Child&) { return ++mapped; }), std::nullopt);
  EXPECT_EQ(mapped, 0);
}

TEST(Conformance, CL_070_AChildThatDisablesItselfIsEnabledWithItsParent) {
  Log log;
  EventLoop<> loop;
  auto [ping, source] = make_ping();
  int calls = 0;
  const RegistrationToken token = loop.handle().insert_source(
      TransientSource{Child{std::move(source), "child", &log, always(PostAction::Disable)}},
      [&](int) { ++calls; });
  ping.ping();
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 1);
  EXPECT_THAT(log, ElementsAre("child registered", "child unregistered"));
  ping.ping();
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(loop.handle().enable(token));  // the parent is enabled: no effect
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(loop.handle().disable(token));
  EXPECT_TRUE(loop.handle().enable(token));
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 2);
}

// Two children of one kind, of which the first is replaced as soon as it asks to go.
struct Replacing {
  Log log;
  EventLoop<> loop;
  std::vector<PostAction> answers;
  std::pair<Ping, PingSource> first = make_ping();
  std::pair<Ping, PingSource> second = make_ping();
  int calls = 0;
  RegistrationToken token = loop.handle().insert_source(
      Parent{child(first, "first", PostAction::Remove), &answers},
      [this](std::optional<int>, TransientSource<Child>& transient) {
        if (++calls == 1)
          transient.replace(child(second, "second", PostAction::Continue));
      });

  Child child(std::pair<Ping, PingSource>& ends, std::string name, PostAction answer) {
    return {std::move(ends.second), std::move(name), &log, always(answer)};
  }
};

TEST(Conformance, CL_071_AReplacedChildIsUnregisteredBeforeItIsDestroyed) {
  Replacing replacing;
  replacing.first.first.ping();
  replacing.loop.dispatch(0ns);
  EXPECT_EQ(replacing.calls, 1);
  EXPECT_THAT(replacing.log, ElementsAre("first registered", "first unregistered",
                                         "first destroyed", "second registered"));
  EXPECT_EQ(replacing.loop.handle().source_count(), 1u);
  replacing.first.first.ping();
  replacing.loop.dispatch(0ns);
  EXPECT_EQ(replacing.calls, 1);
  replacing.second.first.ping();
  replacing.loop.dispatch(0ns);
  EXPECT_EQ(replacing.calls, 2);
}

TEST(Conformance, CL_072_TheParentOfAReplacedChildIsToldToReregister) {
  Replacing replacing;
  replacing.first.first.ping();
  replacing.loop.dispatch(0ns);
  EXPECT_THAT(replacing.answers, ElementsAre(PostAction::Reregister));
  replacing.second.first.ping();
  replacing.loop.dispatch(0ns);
  EXPECT_THAT(replacing.answers, ElementsAre(PostAction::Reregister, PostAction::Continue));
}

// Lets its channel go when it is told to, before the channel asks for it.
class Hangup : public Composed<Hangup> {
 public:
  using Event = int;
  using Metadata = void;
  using Ret = void;

  Hangup(Channel<int> channel, PingSource end)
      : channel_{std::move(channel)}, end_{std::move(end)} {}
  auto children() { return std::tie(channel_, end_); }
  PostAction process_events(Readiness readiness, Token token, auto&& emit) {
    PostAction action = channel_.process_events(readiness, token, [&](std::optional<int> message) {
      if (message)
        emit(*message);
    });
    end_.process_events(readiness, token, [&](Pinged) {
      channel_.remove();
      action = PostAction::Reregister;
    });
    return action;
  }

 private:
  TransientSource<Channel<int>> channel_;
  PingSource end_;
};

TEST(Conformance, CL_073_AChildThatItsParentRemovesIsDestroyed) {
  EventLoop<> loop;
  auto [sender, channel] = make_channel<int>();
  auto [end, source] = make_ping();
  std::vector<int> received;
  loop.handle().insert_source(Hangup{std::move(channel), std::move(source)},
                              [&](int message) { received.push_back(message); });
  EXPECT_TRUE(sender.send(1));
  loop.dispatch(0ns);
  EXPECT_THAT(received, ElementsAre(1));
  end.ping();
  loop.dispatch(0ns);
  EXPECT_FALSE(sender.send(2));  // the receiver is gone
  loop.dispatch(0ns);
  EXPECT_THAT(received, ElementsAre(1));
}

}  // namespace
