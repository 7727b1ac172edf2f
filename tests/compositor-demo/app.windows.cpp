// What the user does to windows by hand, and what clients ask to be done with theirs: with the
// whole compositor, and clients in the same thread.
#include <linux/input-event-codes.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <calloop/event_loop.hpp>

#include "compositor-demo/app.hpp"
#include "protocol/loopback.hpp"
#include "protocol/xdg_client.hpp"
#include "tests/temporary_directory.hpp"

namespace demo {
namespace {

using testing::Contains;
using testing::Not;

constexpr Size square_screen{1024, 1024};  // places are parts of it, without rounding

Options headless() {
  Options options;
  options.backend = Backend::Headless;
  options.output.size = square_screen;
  return options;
}

class WholeCompositor final : public ServesClients {
 public:
  WholeCompositor() : app_{(set_environment(), loop_.handle()), loop_.signal(), headless()} {}

  void admit(int socket) override { client_ = app_.add_client(calloop::OwnedFd{socket}); }
  void serve() override {
    // What waits for the end of an iteration is served in the next one.
    loop_.dispatch(calloop::Duration{}, app_);
    loop_.dispatch(calloop::Duration{}, app_);
  }
  App& app() noexcept { return app_; }
  Input::Host& input() { return app_.virtual_devices(); }
  ClientId client() const noexcept { return client_; }  // that came last

 private:
  void set_environment() const { ::setenv("XDG_RUNTIME_DIR", directory_.path().c_str(), 1); }

  tests::TemporaryDirectory directory_;
  calloop::EventLoop<App> loop_;
  App app_;
  ClientId client_{};
};

// What a seat told a client last.
struct Heard {
  explicit Heard(LoopbackClient& client)
      : pointer{wl_seat_get_pointer(client.seat)}, touch{wl_seat_get_touch(client.seat)} {
    static const wl_pointer_listener pointer_listener{
        .enter = [](void* self, wl_pointer*, std::uint32_t, wl_surface*, wl_fixed_t x,
                    wl_fixed_t y) { at(self) = Point{wl_fixed_to_int(x), wl_fixed_to_int(y)}; },
        .leave = [](void* self, wl_pointer*, std::uint32_t, wl_surface*) { at(self).reset(); },
        .motion = [](void* self, wl_pointer*, std::uint32_t, wl_fixed_t x,
                     wl_fixed_t y) { at(self) = Point{wl_fixed_to_int(x), wl_fixed_to_int(y)}; },
        .button = [](void* self, wl_pointer*, std::uint32_t press, std::uint32_t, std::uint32_t,
                     std::uint32_t) { static_cast<Heard*>(self)->serial = press; },
        .axis = [](void*, wl_pointer*, std::uint32_t, std::uint32_t, wl_fixed_t) {},
        .frame = [](void*, wl_pointer*) {},
        .axis_source = [](void*, wl_pointer*, std::uint32_t) {},
        .axis_stop = [](void*, wl_pointer*, std::uint32_t, std::uint32_t) {},
        .axis_discrete = [](void*, wl_pointer*, std::uint32_t, std::int32_t) {},
        .axis_value120 = [](void*, wl_pointer*, std::uint32_t, std::int32_t) {}};
    wl_pointer_add_listener(pointer.get(), &pointer_listener, this);
    static const wl_touch_listener touch_listener{
        .down = [](void* self, wl_touch*, std::uint32_t down, std::uint32_t, wl_surface*,
                   std::int32_t, wl_fixed_t,
                   wl_fixed_t) { static_cast<Heard*>(self)->serial = down; },
        .up = [](void*, wl_touch*, std::uint32_t, std::uint32_t, std::int32_t) {},
        .motion = [](void*, wl_touch*, std::uint32_t, std::int32_t, wl_fixed_t, wl_fixed_t) {},
        .frame = [](void*, wl_touch*) {},
        .cancel = [](void* self, wl_touch*) { ++static_cast<Heard*>(self)->cancelled; },
        .shape = [](void*, wl_touch*, std::int32_t, wl_fixed_t, wl_fixed_t) {},
        .orientation = [](void*, wl_touch*, std::int32_t, wl_fixed_t) {}};
    wl_touch_add_listener(touch.get(), &touch_listener, this);
  }
  static std::optional<Point>& at(void* self) { return static_cast<Heard*>(self)->pointer_at; }

  Proxy<wl_pointer> pointer;
  Proxy<wl_touch> touch;
  std::optional<Point> pointer_at;  // in the window; nothing: elsewhere
  std::uint32_t serial = 0;
  int cancelled = 0;  // touches
};

class AppWindows : public testing::Test {
 protected:
  AppWindows() { compositor.input(); }

  void place(ClientToplevel& window, Point position) {
    client.roundtrip();
    compositor.app().place_window(
        compositor.client(), wl_proxy_get_id(reinterpret_cast<wl_proxy*>(window.surface.get())),
        position);
  }
  void point_at(Point place) {
    compositor.input().pointer_placed(double{1} * place.x / square_screen.width,
                                      double{1} * place.y / square_screen.height, now());
    client.roundtrip();
  }
  void button(bool pressed) {
    compositor.input().button(BTN_LEFT, pressed, now());
    client.roundtrip();
  }
  static calloop::TimePoint now() { return calloop::Clock::now(); }
  // The client does as it was told last.
  static void follow(ClientToplevel& window) {
    window.ack();
    const Size size = window.configures.back().size;
    if (!size.empty())
      window.attach(size.width, size.height);
    window.commit();
    window.client.roundtrip();
  }
  // Where the window is, by where the pointer is in it.
  Point corner_from(Point inside) {
    point_at({1000, 1000});
    point_at(inside);
    EXPECT_TRUE(heard.pointer_at) << "the window is not there";
    return inside - heard.pointer_at.value_or(Point{});
  }

  WholeCompositor compositor;
  LoopbackClient client{compositor};
  Heard heard{client};
};

// ------------------------------------------------------------------------------------ dragging

struct Held {
  bool by_finger;
  std::uint32_t edges;
};
std::string name_of(const Held& held) {
  return (held.by_finger ? "finger" : "pointer") + std::to_string(held.edges);
}
// Or GoogleTest prints its bytes, also those that nobody has written.
void PrintTo(const Held& held, std::ostream* out) {
  *out << name_of(held);
}

class Dragging : public AppWindows, public testing::WithParamInterface<Held> {
 protected:
  static constexpr Rect begin{300, 300, 200, 150};
  static constexpr Point middle{400, 375};
  static constexpr Point by{30, -20};

  void press() {
    if (GetParam().by_finger) {
      touch(&Input::Host::touch_down, middle);
    } else {
      point_at(middle);
      button(true);
    }
    client.roundtrip();
  }
  void pull() {
    if (GetParam().by_finger)
      touch(&Input::Host::touch_moved, middle + by);
    else
      point_at(middle + by);
    client.roundtrip();
  }
  void let_go() {
    if (GetParam().by_finger) {
      compositor.input().touch_up(1, now());
      compositor.input().touch_frame();
    } else {
      button(false);
    }
    client.roundtrip();
  }
  void touch(void (Input::Host::*what)(std::int32_t, double, double, calloop::TimePoint),
             Point place) {
    (compositor.input().*what)(1, double{1} * place.x / square_screen.width,
                               double{1} * place.y / square_screen.height, now());
    compositor.input().touch_frame();
  }
};

TEST_P(Dragging, FollowsTheEdgesThatAreHeldAndNoOthers) {
  const std::uint32_t edges = GetParam().edges;
  ClientToplevel window{client};
  window.map(begin.width, begin.height);
  place(window, begin.origin());
  press();
  if (edges == 0)
    xdg_toplevel_move(window.toplevel.get(), client.seat, heard.serial);
  else
    xdg_toplevel_resize(window.toplevel.get(), client.seat, heard.serial, edges);
  client.roundtrip();
  EXPECT_FALSE(heard.pointer_at) << "the client has lost the pointer";
  EXPECT_EQ(heard.cancelled, GetParam().by_finger ? 1 : 0);
  const std::size_t configures = window.configures.size();
  pull();

  Rect end = begin;
  if (edges == 0) {
    end = begin.translated(by);
    EXPECT_EQ(window.configures.size(), configures);
  } else {
    using enum xdg_toplevel_resize_edge;
    const auto held = [edges](xdg_toplevel_resize_edge edge) { return (edges & edge) != 0; };
    if (held(XDG_TOPLEVEL_RESIZE_EDGE_LEFT))
      end = Rect::between(begin.x + by.x, end.y, end.right(), end.bottom());
    if (held(XDG_TOPLEVEL_RESIZE_EDGE_RIGHT))
      end.width += by.x;
    if (held(XDG_TOPLEVEL_RESIZE_EDGE_TOP))
      end = Rect::between(end.x, begin.y + by.y, end.right(), end.bottom());
    if (held(XDG_TOPLEVEL_RESIZE_EDGE_BOTTOM))
      end.height += by.y;
    ASSERT_GT(window.configures.size(), configures);
    EXPECT_EQ(window.configures.back().size, end.size());
    EXPECT_THAT(window.configures.back().states, Contains(XDG_TOPLEVEL_STATE_RESIZING));
    follow(window);
  }
  let_go();
  if (edges != 0) {
    EXPECT_EQ(window.configures.back().size, end.size());
    EXPECT_THAT(window.configures.back().states, Not(Contains(XDG_TOPLEVEL_STATE_RESIZING)));
    follow(window);
  }
  EXPECT_EQ(corner_from(middle), end.origin());
  // What the client does by itself later leaves the corner where it is.
  window.attach(180, 180);
  window.commit();
  EXPECT_EQ(corner_from(middle), end.origin());
}

std::vector<Held> all_holds() {
  std::vector<Held> holds;
  for (const bool by_finger : {false, true})
    for (const std::uint32_t edges : {0U, 1U, 2U, 4U, 5U, 6U, 8U, 9U, 10U})
      holds.push_back({by_finger, edges});
  return holds;
}

INSTANTIATE_TEST_SUITE_P(Edges, Dragging, testing::ValuesIn(all_holds()),
                         [](const auto& held) { return name_of(held.param); });

TEST_F(AppWindows, AreNotMadeSmallerOrLargerThanTheyWant) {
  ClientToplevel window{client};
  xdg_toplevel_set_min_size(window.toplevel.get(), 180, 0);
  xdg_toplevel_set_max_size(window.toplevel.get(), 0, 160);
  window.map(200, 150);
  place(window, {300, 300});
  point_at({400, 375});
  button(true);
  xdg_toplevel_resize(window.toplevel.get(), client.seat, heard.serial,
                      XDG_TOPLEVEL_RESIZE_EDGE_BOTTOM_RIGHT);
  client.roundtrip();
  point_at({300, 500});
  EXPECT_EQ(window.configures.back().size, (Size{180, 160}));
  point_at({10, 10});
  EXPECT_EQ(window.configures.back().size, (Size{180, 1}));
}

TEST_F(AppWindows, ThatGoWhileTheyAreDraggedAreForgotten) {
  std::optional<ClientToplevel> window{client};
  window->map(200, 150);
  place(*window, {300, 300});
  point_at({400, 375});
  button(true);
  xdg_toplevel_move(window->toplevel.get(), client.seat, heard.serial);
  window->attach_nothing();
  window->commit();
  client.roundtrip();
  point_at({500, 500});
  button(false);
  EXPECT_TRUE(client.alive());
  ClientToplevel other{client};
  other.map(100, 100);
  place(other, {300, 300});
  EXPECT_EQ(corner_from({320, 320}), (Point{300, 300}));
}

// ---------------------------------------------------------------------------------------- states

TEST_F(AppWindows, FillTheScreenAndComeBack) {
  for (const bool fullscreen : {false, true}) {
    ClientToplevel window{client};
    window.map(200, 150);
    place(window, {300, 300});
    if (fullscreen)
      xdg_toplevel_set_fullscreen(window.toplevel.get(), nullptr);
    else
      xdg_toplevel_set_maximized(window.toplevel.get());
    client.roundtrip();
    EXPECT_EQ(window.configures.back().size, square_screen);
    EXPECT_THAT(
        window.configures.back().states,
        Contains(fullscreen ? XDG_TOPLEVEL_STATE_FULLSCREEN : XDG_TOPLEVEL_STATE_MAXIMIZED));
    EXPECT_EQ(corner_from({400, 375}), (Point{300, 300})) << "it has not drawn itself so yet";
    follow(window);
    EXPECT_EQ(corner_from({400, 375}), (Point{0, 0}));

    // It cannot be dragged.
    button(true);
    xdg_toplevel_move(window.toplevel.get(), client.seat, heard.serial);
    client.roundtrip();
    point_at({450, 400});
    button(false);
    EXPECT_EQ(corner_from({400, 375}), (Point{0, 0}));

    if (fullscreen)
      xdg_toplevel_unset_fullscreen(window.toplevel.get());
    else
      xdg_toplevel_unset_maximized(window.toplevel.get());
    client.roundtrip();
    EXPECT_EQ(window.configures.back().size, (Size{200, 150})) << "as large as it was";
    follow(window);
    EXPECT_EQ(corner_from({400, 375}), (Point{300, 300}));
    window.attach_nothing();
    window.commit();
    client.roundtrip();
  }
}

// "If the surface doesn't cover the whole output, the compositor will position the surface in the
// center of the output".
TEST_F(AppWindows, ThatAreFullscreenAndSmallerAreInTheMiddle) {
  ClientToplevel below{client};
  below.map(1024, 1024);
  ClientToplevel window{client};
  window.map(200, 150);
  xdg_toplevel_set_fullscreen(window.toplevel.get(), nullptr);
  client.roundtrip();
  window.ack();
  window.commit();
  client.roundtrip();
  EXPECT_EQ(corner_from({512, 512}), (Point{412, 437}));
  point_at({100, 100});
  EXPECT_FALSE(heard.pointer_at) << "what is below is not there";
  window.attach(1000, 1100);
  window.commit();
  client.roundtrip();
  EXPECT_EQ(corner_from({512, 512}), (Point{12, 0}));
  xdg_toplevel_unset_fullscreen(window.toplevel.get());
  client.roundtrip();
  follow(window);
  point_at({20, 1000});
  EXPECT_EQ(heard.pointer_at, (Point{20, 1000})) << "what is below is there again";
}

TEST_F(AppWindows, ThatAreFullscreenFromTheBeginningAreThere) {
  ClientToplevel window{client};
  xdg_toplevel_set_fullscreen(window.toplevel.get(), nullptr);
  window.commit();
  client.roundtrip();
  ASSERT_EQ(window.configures.size(), 1U);
  EXPECT_EQ(window.configures[0].size, square_screen);
  follow(window);
  EXPECT_EQ(corner_from({400, 375}), (Point{0, 0}));
}

TEST_F(AppWindows, AreWhereTheyWereWhenTheyAreShownAgain) {
  ClientToplevel window{client};
  window.map(200, 150);
  place(window, {300, 300});
  window.attach_nothing();
  window.commit();
  window.map(100, 100);
  EXPECT_EQ(corner_from({350, 350}), (Point{300, 300}));
}

}  // namespace
}  // namespace demo
