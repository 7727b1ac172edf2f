#include "compositor-demo/output/headless.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <calloop/event_loop.hpp>
#include <calloop/testing.hpp>

namespace demo {
namespace {

using namespace std::chrono_literals;
using calloop::TimePoint;

constexpr TimePoint first_moment{1000s};

// Paints each frame in one colour.
class Painter : public Output::Host {
 public:
  void frame(Output& output, TimePoint time) override {
    frame_at = time;
    const Output::Canvas canvas = output.begin();
    ages.push_back(canvas.age);
    const pixman_color_t colour{0xffff, 0, 0, 0xffff};
    const pixman_rectangle16_t all{0, 0, 640, 480};
    pixman_image_fill_rectangles(PIXMAN_OP_SRC, canvas.image, &colour, 1, &all);
    output.commit(Rect{0, 0, 640, 480});
  }
  void presented(Output& output, TimePoint time, std::uint64_t sequence,
                 std::uint32_t flags) override {
    EXPECT_EQ(time, frame_at);
    EXPECT_EQ(flags, 0U) << "nothing is known about when memory becomes visible";
    EXPECT_EQ(pixman_image_get_data(output.shown())[0] & 0xffffffU, 0xff0000U);
    sequences.push_back(sequence);
    if (sequences.size() < 3)
      output.request_frame();
  }
  void resized(Output&) override { ADD_FAILURE(); }
  void gone(Output&) override { ADD_FAILURE(); }

  std::optional<TimePoint> frame_at;
  std::vector<int> ages;
  std::vector<std::uint64_t> sequences;
};

TEST(HeadlessOutput, TakesFramesAtItsRate) {
  auto backend = std::make_unique<calloop::TestBackend>(first_moment);
  calloop::TestBackend& time = *backend;
  calloop::EventLoop<> loop{std::move(backend)};
  Painter painter;
  HeadlessOutput output{loop.handle(), painter, {640, 480}, 60'000};
  EXPECT_EQ(output.size(), (Size{640, 480}));
  EXPECT_EQ(output.refresh_mhz(), 60'000);
  EXPECT_GT(output.scale(), 0);

  loop.dispatch(0ns);
  EXPECT_FALSE(painter.frame_at) << "nobody asked";
  output.request_frame();
  while (painter.sequences.size() < 3)
    loop.dispatch(std::nullopt);
  EXPECT_EQ(painter.frame_at, first_moment + 33'333'333ns);
  EXPECT_GE(time.now(), first_moment + 33'333'333ns);
  EXPECT_EQ(painter.ages, (std::vector{0, 1, 1}));
  EXPECT_EQ(painter.sequences, (std::vector<std::uint64_t>{1, 2, 3}));
}

}  // namespace
}  // namespace demo
