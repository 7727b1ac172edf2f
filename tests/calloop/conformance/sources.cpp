// calloop's tests of what is common to all sources: boxes, references, post actions, tokens,
// batches. CL-027 to CL-034.
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/calloop.hpp>

namespace {

using namespace calloop;
using namespace std::chrono_literals;
using testing::ElementsAre;

// ------------------------------------------------------------------- sources at a fixed address

// Forwards to a source that something else holds: a std::unique_ptr, or a plain pointer.
template <class Pointer>
class Pointed {
 public:
  using Source = std::remove_reference_t<decltype(*std::declval<Pointer>())>;
  using Event = typename Source::Event;
  using Metadata = typename Source::Metadata;
  using Ret = typename Source::Ret;

  explicit Pointed(Pointer source) : source_{std::move(source)} {}
  PostAction process_events(Readiness readiness, Token token, auto&& emit) {
    return source_->process_events(readiness, token, emit);
  }
  void register_with(Poll& poll, TokenFactory& tokens) { source_->register_with(poll, tokens); }
  void reregister_with(Poll& poll, TokenFactory& tokens) { source_->reregister_with(poll, tokens); }
  void unregister_from(Poll& poll) { source_->unregister_from(poll); }

 private:
  Pointer source_;
};

// Has an event, one more after an update, and none once it is removed.
void live_through_registrations(auto source, const Ping& ping) {
  EventLoop<> loop;
  int calls = 0;
  const RegistrationToken token = loop.handle().insert_source(std::move(source), [&] { ++calls; });
  ping.ping();
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(loop.handle().update(token));
  ping.ping();
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 2);
  EXPECT_TRUE(loop.handle().remove(token));
  ping.ping();
  loop.dispatch(0ns);
  EXPECT_EQ(calls, 2);
}

TEST(Conformance, CL_027_ABoxedSourceIsASource) {
  auto [ping, source] = make_ping();
  live_through_registrations(Pointed{std::make_unique<PingSource>(std::move(source))}, ping);
}

TEST(Conformance, CL_028_ABorrowedSourceIsASource) {
  auto [ping, source] = make_ping();
  live_through_registrations(Pointed{&source}, ping);
  // It was only lent: it works in another loop.
  live_through_registrations(Pointed{&source}, ping);
}

// ------------------------------------------------------------------------------- post actions

using enum PostAction;
constexpr std::array actions{Continue, Reregister, Disable, Remove};

// Row by row, in the order of `actions`.
constexpr PostAction combined[4][4] = {
    {Continue, Reregister, Reregister, Reregister},
    {Reregister, Reregister, Reregister, Reregister},
    {Reregister, Reregister, Disable, Reregister},
    {Reregister, Reregister, Reregister, Remove},
};

TEST(Conformance, CL_029_DifferentPostActionsCombineToReregister) {
  for (std::size_t a = 0; a < actions.size(); ++a) {
    for (std::size_t b = 0; b < actions.size(); ++b)
      EXPECT_EQ(actions[a] | actions[b], combined[a][b]) << a << " | " << b;
  }
}

TEST(Conformance, CL_030_PostActionsCombineInPlaceAlike) {
  for (std::size_t a = 0; a < actions.size(); ++a) {
    for (std::size_t b = 0; b < actions.size(); ++b) {
      PostAction action = actions[a];
      PostAction& result = action |= actions[b];
      EXPECT_EQ(action, combined[a][b]) << a << " |= " << b;
      EXPECT_EQ(&result, &action);
    }
  }
}

// ------------------------------------------------------------------------------------- tokens

// Has as many children as it is told, without any descriptor.
struct Hydra {
  using Event = Pinged;
  using Metadata = void;
  using Ret = void;
  std::uint32_t heads;
  PostAction process_events(Readiness, Token, auto&&) { return PostAction::Continue; }
  void register_with(Poll&, TokenFactory& tokens) {
    for (std::uint32_t i = 0; i < heads; ++i)
      ASSERT_EQ(tokens.token().child(), i);
  }
  void reregister_with(Poll& poll, TokenFactory& tokens) { register_with(poll, tokens); }
  void unregister_from(Poll&) {}
};

TEST(Conformance, CL_031_ASourceWithTooManyChildrenIsRefused) {
  EventLoop<> loop;
  EXPECT_TRUE(loop.handle().insert_source(Hydra{65535}, [](Pinged) {}));
  EXPECT_THROW(loop.handle().insert_source(Hydra{65536}, [](Pinged) {}), std::length_error);
  EXPECT_EQ(loop.handle().source_count(), 1u);
}

// ------------------------------------------------------------------------------------ batches

// Three pings under one registration, which Composed writes.
class ThreePings : public Composed<ThreePings> {
 public:
  using Event = int;
  using Metadata = void;
  using Ret = void;

  ThreePings(PingSource a, PingSource b, PingSource c)
      : a_{std::move(a)}, b_{std::move(b)}, c_{std::move(c)} {}
  auto children() { return std::tie(a_, b_, c_); }
  PostAction process_events(Readiness readiness, Token token, auto&& emit) {
    return a_.process_events(readiness, token, [&](Pinged) { emit(0); }) |
           b_.process_events(readiness, token, [&](Pinged) { emit(1); }) |
           c_.process_events(readiness, token, [&](Pinged) { emit(2); });
  }

 private:
  PingSource a_;
  PingSource b_;
  PingSource c_;
};

struct Batch {
  std::pair<Ping, PingSource> a = make_ping();
  std::pair<Ping, PingSource> b = make_ping();
  std::pair<Ping, PingSource> c = make_ping();
  EventLoop<> loop;
  std::vector<int> fired;
  RegistrationToken token = loop.handle().insert_source(
      ThreePings{std::move(a.second), std::move(b.second), std::move(c.second)},
      [this](int which) { fired.push_back(which); });

  // Who fires when all are pinged.
  std::vector<int> pinged() {
    for (const auto* pair : {&a, &b, &c})
      pair->first.ping();
    fired.clear();
    loop.dispatch(0ns);
    return fired;
  }
};

TEST(Conformance, CL_032_SourcesRegisteredTogetherFireInOneDispatch) {
  Batch batch;
  EXPECT_THAT(batch.pinged(), ElementsAre(0, 1, 2));
}

TEST(Conformance, CL_033_SourcesUpdatedTogetherGoOnFiring) {
  Batch batch;
  EXPECT_TRUE(batch.loop.handle().update(batch.token));
  EXPECT_THAT(batch.pinged(), ElementsAre(0, 1, 2));
}

TEST(Conformance, CL_034_SourcesRemovedTogetherAreSilent) {
  Batch batch;
  EXPECT_THAT(batch.pinged(), ElementsAre(0, 1, 2));
  EXPECT_TRUE(batch.loop.handle().remove(batch.token));
  EXPECT_THAT(batch.pinged(), ElementsAre());
}

}  // namespace
