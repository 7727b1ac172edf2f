#include "compositor-demo/protocol/presentation.hpp"

#include <chrono>
#include <cstdint>
#include <ctime>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compositor-demo/protocol/output_global.hpp"
#include "presentation-time-client-protocol.h"
#include "surface_test.hpp"

namespace demo {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

// What became of a commit.
struct Feedback {
  bool discarded = false;
  std::vector<void*> outputs;            // of sync_output
  std::vector<std::uint64_t> presented;  // seconds, nanoseconds, refresh, sequence, flags

  void listen(struct wp_presentation_feedback* feedback) {
    static const wp_presentation_feedback_listener listener{
        .sync_output =
            [](void* self, struct wp_presentation_feedback*, wl_output* output) {
              static_cast<Feedback*>(self)->outputs.push_back(output);
            },
        .presented =
            [](void* self, struct wp_presentation_feedback* from, std::uint32_t seconds_high,
               std::uint32_t seconds_low, std::uint32_t nanoseconds, std::uint32_t refresh,
               std::uint32_t sequence_high, std::uint32_t sequence_low, std::uint32_t flags) {
              const auto both = [](std::uint32_t high, std::uint32_t low) {
                return (std::uint64_t{high} << 32U) | low;
              };
              static_cast<Feedback*>(self)->presented = {both(seconds_high, seconds_low),
                                                         nanoseconds, refresh,
                                                         both(sequence_high, sequence_low), flags};
              wp_presentation_feedback_destroy(from);
            },
        .discarded =
            [](void* self, struct wp_presentation_feedback* from) {
              static_cast<Feedback*>(self)->discarded = true;
              wp_presentation_feedback_destroy(from);
            }};
    wp_presentation_feedback_add_listener(feedback, &listener, this);
  }
  bool waits() const { return !discarded && presented.empty(); }
};

class PresentationTest : public SurfaceTest {
 protected:
  ~PresentationTest() override { wp_presentation_destroy(presentation); }

  // About what is committed next.
  void ask(wl_surface* surface, Feedback& feedback) {
    feedback.listen(wp_presentation_feedback(presentation, surface));
  }
  // A content update that wants to know.
  void show(wl_surface* surface, Feedback& feedback) {
    ask(surface, feedback);
    SurfaceTest::show(surface, client.make_buffer(4, 4));
  }

  wp_presentation* presentation =
      static_cast<wp_presentation*>(client.bind(wp_presentation_interface));
};

TEST_F(PresentationTest, ToldTimesAreOfTheMonotonicClock) {
  std::uint32_t clock = ~0U;
  static const wp_presentation_listener listener{
      .clock_id = [](void* data, wp_presentation*, std::uint32_t id) {
        *static_cast<std::uint32_t*>(data) = id;
      }};
  wp_presentation_add_listener(presentation, &listener, &clock);
  client.roundtrip();
  EXPECT_EQ(clock, static_cast<std::uint32_t>(CLOCK_MONOTONIC));
}

TEST_F(PresentationTest, AFrameTellsItsTimeAndWhatIsKnownOfIt) {
  wl_surface* const surface = make_surface();
  Feedback feedback;
  show(surface, feedback);
  EXPECT_TRUE(feedback.waits());
  EXPECT_TRUE(of(surface).frame_wanted());
  pictures(surface);
  EXPECT_TRUE(of(surface).frame_wanted());
  of(surface).frame_shown({.time = calloop::TimePoint{5'000'000'007s + 42ns},
                           .refresh_ns = 16'666'667,
                           .sequence = 0x1'0000'0002,
                           .flags = 7});
  client.roundtrip();
  EXPECT_THAT(feedback.presented,
              ElementsAre(5'000'000'007U, 42U, 16'666'667U, 0x1'0000'0002U, 7U));
  EXPECT_FALSE(feedback.discarded);
  EXPECT_FALSE(of(surface).frame_wanted());
}

TEST_F(PresentationTest, AllOfOneCommitHearTheSame) {
  wl_surface* const surface = make_surface();
  Feedback one;
  Feedback other;
  ask(surface, one);
  show(surface, other);
  frame(surface, 3000);
  EXPECT_EQ(one.presented.at(0), 3U);
  EXPECT_EQ(one.presented, other.presented);
}

TEST_F(PresentationTest, WhatALaterCommitReplacesIsDiscarded) {
  wl_surface* const surface = make_surface();
  Feedback first;
  Feedback second;
  show(surface, first);
  show(surface, second);
  EXPECT_TRUE(first.discarded);
  EXPECT_TRUE(second.waits());
  frame(surface, 1000);
  EXPECT_FALSE(second.presented.empty());
}

TEST_F(PresentationTest, WhatIsCommittedWhileAFrameIsUnderWayBelongsToTheNext) {
  wl_surface* const surface = make_surface();
  Feedback first;
  Feedback second;
  show(surface, first);
  pictures(surface);
  show(surface, second);
  of(surface).frame_shown(frame_at(1000));
  client.roundtrip();
  EXPECT_EQ(first.presented.at(0), 1U);
  EXPECT_TRUE(second.waits());
  frame(surface, 2000);
  EXPECT_EQ(second.presented.at(0), 2U);
}

TEST_F(PresentationTest, ASynchronizedSubsurfaceHearsOfTheFrameThatShowsItsParentsCommit) {
  wl_surface* const parent = shown_surface(8, 8);
  wl_surface* const child = make_surface();
  wl_subsurface* const role = wl_subcompositor_get_subsurface(client.subcompositor, child, parent);
  Feedback superseded;
  Feedback feedback;
  show(child, superseded);
  show(child, feedback);
  EXPECT_TRUE(superseded.discarded);
  frame(parent, 1000);
  EXPECT_TRUE(feedback.waits());
  commit(parent);
  frame(parent, 2000);
  ASSERT_FALSE(feedback.waits());
  EXPECT_EQ(feedback.presented.at(0), 2U);
  wl_subsurface_destroy(role);
}

TEST_F(PresentationTest, WhatNobodyCanSeeIsDiscarded) {
  wl_surface* const covered = make_surface();
  Feedback feedback;
  show(covered, feedback);
  pictures(covered);
  of(covered).frame_unseen(frame_at(1000));
  client.roundtrip();
  EXPECT_TRUE(feedback.discarded);

  wl_surface* const empty = make_surface();
  Feedback of_nothing;
  ask(empty, of_nothing);
  commit(empty);
  frame(empty, 2000);
  EXPECT_TRUE(of_nothing.discarded);
}

TEST_F(PresentationTest, WhatIsDestroyedBeforeItIsShownIsDiscarded) {
  wl_surface* const surface = make_surface();
  Feedback pending;
  Feedback committed;
  Feedback sampled;
  show(surface, sampled);
  pictures(surface);
  show(surface, committed);
  ask(surface, pending);
  wl_surface_destroy(surface);
  client.roundtrip();
  EXPECT_TRUE(sampled.discarded);
  EXPECT_TRUE(committed.discarded);
  EXPECT_TRUE(pending.discarded);
}

TEST_F(PresentationTest, TheOutputIsNamedToThoseWhoHaveBoundIt) {
  OutputInfo one;
  one.name = "ONE";
  one.mode = {100, 100};
  server.outputs().add(one);
  client.roundtrip();
  auto* const output = static_cast<wl_output*>(client.bind(wl_output_interface));
  wl_surface* const surface = make_surface();
  Feedback feedback;
  show(surface, feedback);
  pictures(surface);
  of(surface).frame_shown({.output = "ONE"});
  client.roundtrip();
  EXPECT_THAT(feedback.outputs, ElementsAre(output));

  Feedback elsewhere;
  show(surface, elsewhere);
  pictures(surface);
  of(surface).frame_shown({.output = "ANOTHER"});
  client.roundtrip();
  EXPECT_TRUE(elsewhere.outputs.empty());
  EXPECT_FALSE(elsewhere.presented.empty());
  wl_output_destroy(output);
}

}  // namespace
}  // namespace demo
