// calloop's tests of channels. CL-042 to CL-045, and what is worth pinning: CL-094.
#include <cstddef>
#include <optional>
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
}

}  // namespace
