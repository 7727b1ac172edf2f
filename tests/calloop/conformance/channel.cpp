// calloop's tests of channels. CL-042 to CL-045, and what is worth pinning: CL-094.
#include <cstddef>
#include <optional>
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
using testing::IsEmpty;

using Message = std::optional<int>;

// A channel in a loop, and what came out of it.
template <class Sending>
struct Receiving {
  explicit Receiving(std::pair<Sending, Channel<int>> ends) : sender{std::move(ends.first)} {
    loop.handle().insert_source(std::move(ends.second),
                                [this](Message message) { received.push_back(message); });
  }
  // What one dispatch delivers.
  std::vector<Message> dispatched() {
    received.clear();
    loop.dispatch(0ns);
    return received;
  }

  EventLoop<> loop;
  std::optional<Sending> sender;
  std::vector<Message> received;
};

TEST(Conformance, CL_042_AMessageAndTheEndOfTheSenderAreEvents) {
  Receiving receiving{make_channel<int>()};
  EXPECT_THAT(receiving.dispatched(), IsEmpty());
  EXPECT_TRUE(receiving.sender->send(7));
  EXPECT_THAT(receiving.dispatched(), ElementsAre(Message{7}));
  receiving.sender.reset();
  EXPECT_THAT(receiving.dispatched(), ElementsAre(std::nullopt));
}

TEST(Conformance, CL_043_ABoundedChannelRefusesWhatIsTooMuch) {
  Receiving receiving{make_sync_channel<int>(2)};
  EXPECT_THAT(receiving.dispatched(), IsEmpty());
  EXPECT_EQ(receiving.sender->try_send(1), TrySend::Sent);
  EXPECT_EQ(receiving.sender->try_send(2), TrySend::Sent);
  EXPECT_EQ(receiving.sender->try_send(3), TrySend::Full);
  EXPECT_THAT(receiving.dispatched(), ElementsAre(Message{1}, Message{2}));
  EXPECT_EQ(receiving.sender->try_send(4), TrySend::Sent);
  EXPECT_THAT(receiving.dispatched(), ElementsAre(Message{4}));
}

TEST(Conformance, CL_044_TheLastMessageAndTheEndOfABoundedChannelComeTogether) {
  Receiving receiving{make_sync_channel<int>(2)};
  EXPECT_EQ(receiving.sender->try_send(1), TrySend::Sent);
  receiving.sender.reset();
  EXPECT_THAT(receiving.dispatched(), ElementsAre(Message{1}, std::nullopt));
}

TEST(Conformance, CL_045_After1024MessagesTheRestWaitsForTheNextDispatch) {
  Receiving receiving{make_channel<int>()};
  for (int i = 0; i < 1025; ++i)
    receiving.sender->send(i);
  std::vector<Message> first(1024);
  for (std::size_t i = 0; i < first.size(); ++i)
    first[i] = static_cast<int>(i);
  EXPECT_EQ(receiving.dispatched(), first);
  EXPECT_THAT(receiving.dispatched(), ElementsAre(Message{1024}));
  EXPECT_EQ(receiving.loop.handle().source_count(), 1u);
}

// Emits which of its channels has ended.
class TwoChannels : public Composed<TwoChannels> {
 public:
  using Event = int;
  using Metadata = void;
  using Ret = void;

  TwoChannels(Channel<int> first, Channel<int> second)
      : first_{std::move(first)}, second_{std::move(second)} {}
  auto children() { return std::tie(first_, second_); }
  PostAction process_events(Readiness readiness, Token token, auto&& emit) {
    return first_.process_events(readiness, token, [&](Message) { emit(1); }) |
           second_.process_events(readiness, token, [&](Message) { emit(2); });
  }

 private:
  Channel<int> first_;
  Channel<int> second_;
};

TEST(Conformance, CL_094_TheEndIsToldOnceAndTheSourceIsRemoved) {
  Receiving receiving{make_channel<int>()};
  receiving.sender->send(1);
  receiving.sender->send(2);
  {
    const Sender<int> copy = *receiving.sender;
    receiving.sender.reset();
    EXPECT_THAT(receiving.dispatched(), ElementsAre(Message{1}, Message{2}));
    EXPECT_EQ(receiving.loop.handle().source_count(), 1u);
  }
  EXPECT_THAT(receiving.dispatched(), ElementsAre(std::nullopt));
  EXPECT_EQ(receiving.loop.handle().source_count(), 0u);
  EXPECT_THAT(receiving.dispatched(), IsEmpty());

  // A parent that goes on without its channels, and is registered anew, is not told again.
  EventLoop<> loop;
  std::vector<int> ends;
  std::optional first{make_channel<int>()};
  std::optional second{make_channel<int>()};
  const RegistrationToken token =
      loop.handle().insert_source(TwoChannels{std::move(first->second), std::move(second->second)},
                                  [&](int which) { ends.push_back(which); });
  first.reset();
  for (int i = 0; i < 3; ++i)
    loop.dispatch(0ns);
  EXPECT_THAT(ends, ElementsAre(1));
  EXPECT_TRUE(loop.handle().update(token));
  loop.dispatch(0ns);
  EXPECT_TRUE(loop.handle().disable(token));
  EXPECT_TRUE(loop.handle().enable(token));
  second.reset();
  for (int i = 0; i < 3; ++i)
    loop.dispatch(0ns);
  EXPECT_THAT(ends, ElementsAre(1, 2));
}

}  // namespace
