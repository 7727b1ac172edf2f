// What clients say of damage, from their requests to the pixels on the screen: windows, popups and
// subsurfaces of a client are changed at random, and after each change what the damage repaints
// must be what a full redraw paints.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <calloop/fd.hpp>

#include "compositor-demo/protocol/windows.hpp"
#include "compositor-demo/render/renderer.hpp"
#include "tests/compositor-demo/protocol/loopback.hpp"
#include "tests/compositor-demo/protocol/proxy.hpp"
#include "tests/compositor-demo/protocol/xdg_client.hpp"
#include "tests/compositor-demo/render/sprites.hpp"
#include "viewporter-client-protocol.h"

namespace demo {
namespace {

constexpr Size small_screen{96, 80};
constexpr pixman_color_t background{0x2a2a, 0x3535, 0x4242, 0xffff};
constexpr int side = 48;  // of the largest buffer

class Chance {
 public:
  explicit Chance(std::uint32_t seed) : engine_{seed} {}
  int below(int limit) { return std::uniform_int_distribution{0, limit - 1}(engine_); }
  bool one_in(int n) { return below(n) == 0; }
  Rect rect_in(Size size) {
    const int x = below(size.width);
    const int y = below(size.height);
    return {x, y, 1 + below(size.width - x), 1 + below(size.height - y)};
  }
  // Premultiplied; every other one shines through.
  std::uint32_t colour() {
    const auto part = [this] { return static_cast<unsigned>(below(256)); };
    return test::argb(one_in(2) ? 255 : part(), part(), part(), part());
  }

 private:
  std::mt19937 engine_;
};

// A surface that a client paints on, each time in another buffer: what was committed stays as it
// is. Buffers are turned, scaled, and cut out of.
class Painted {
 public:
  Painted(LoopbackClient& client, Chance& chance, wl_surface* surface, wp_viewporter* viewporter)
      : client_{client}, chance_{chance}, surface_{surface}, viewporter_{viewporter} {}
  Painted(const Painted&) = delete;
  Painted& operator=(const Painted&) = delete;
  ~Painted() {
    if (viewport_)
      wp_viewport_destroy(viewport_.release());
    if (buffer_)
      wl_buffer_destroy(buffer_.release());
  }

  // Another size, with everything that belongs to it.
  void attach() {
    const auto length = [this] { return scale_ * (4 + chance_.below(side / 2 - 4)); };
    scale_ = 1 + chance_.below(2);
    size_ = {length(), length()};
    format_ = chance_.one_in(3) ? WL_SHM_FORMAT_XRGB8888 : WL_SHM_FORMAT_ARGB8888;
    pixels_.assign(static_cast<std::size_t>(size_.width) * static_cast<std::size_t>(size_.height),
                   0);
    fill({0, 0, size_.width, size_.height});
    wl_surface_set_buffer_scale(surface_, scale_);
    wl_surface_set_buffer_transform(surface_, chance_.below(8));
    if (viewport_ || chance_.one_in(2))
      view();
    show({0, 0, size_.width, size_.height});
  }
  // Some of the pixels are different, and the client says which.
  void draw() {
    const Rect part = chance_.rect_in(size_);
    fill(part);
    show(part);
  }
  // Says that all of it covers what is behind, and makes that true; or does not say so any more.
  void cover() {
    wl_region* const region = wl_compositor_create_region(client_.compositor);
    covers_ = !covers_;
    if (covers_)
      wl_region_add(region, 0, 0, INT32_MAX, INT32_MAX);
    for (std::uint32_t& pixel : pixels_)
      pixel |= covers_ ? 0xff000000U : 0;
    wl_surface_set_opaque_region(surface_, region);
    wl_region_destroy(region);
    show({0, 0, size_.width, size_.height});
  }

 private:
  // Cuts and stretches, or not any more.
  void view() {
    if (viewport_ && chance_.one_in(2)) {
      wp_viewport_destroy(viewport_.release());
      return;
    }
    if (!viewport_)
      viewport_.reset(wp_viewporter_get_viewport(viewporter_, surface_));
    // A square is within, however the buffer is turned.
    const int shown = std::min(size_.width, size_.height) / scale_;
    const int begin = chance_.below(shown / 2);
    wp_viewport_set_source(viewport_.get(), wl_fixed_from_int(begin), wl_fixed_from_int(begin),
                           wl_fixed_from_int(shown - begin), wl_fixed_from_int(shown - begin));
    wp_viewport_set_destination(viewport_.get(), 4 + chance_.below(40), 4 + chance_.below(40));
  }
  void fill(const Rect& part) {
    const std::uint32_t colour = chance_.colour() | (covers_ ? 0xff000000U : 0);
    const auto row = [&](int y) { return pixels_.begin() + y * size_.width + part.x; };
    for (int y = part.y; y < part.bottom(); ++y)
      std::fill_n(row(y), part.width, colour);
    *row(part.y) = 0xffffffff;  // shows what is turned and stretched
  }
  void show(const Rect& damage) {
    const int bytes = 4 * size_.width * size_.height;
    const calloop::OwnedFd file{memfd_create("painted", MFD_CLOEXEC)};
    EXPECT_EQ(write(file.get(), pixels_.data(), static_cast<std::size_t>(bytes)), bytes);
    wl_shm_pool* const pool = wl_shm_create_pool(client_.shm, file.get(), bytes);
    wl_buffer* const buffer =
        wl_shm_pool_create_buffer(pool, 0, size_.width, size_.height, 4 * size_.width, format_);
    wl_shm_pool_destroy(pool);
    wl_surface_attach(surface_, buffer, 0, 0);
    if (buffer_)
      wl_buffer_destroy(buffer_.release());
    buffer_.reset(buffer);
    if (chance_.one_in(4))
      wl_surface_damage(surface_, 0, 0, INT32_MAX, INT32_MAX);
    else
      wl_surface_damage_buffer(surface_, damage.x, damage.y, damage.width, damage.height);
  }

  LoopbackClient& client_;
  Chance& chance_;
  wl_surface* surface_;
  wp_viewporter* viewporter_;
  Proxy<wl_buffer> buffer_;
  Proxy<wp_viewport> viewport_;
  std::vector<std::uint32_t> pixels_;
  std::uint32_t format_ = 0;
  Size size_;
  int scale_ = 1;
  bool covers_ = false;
};

struct PaintedSubsurface {
  Proxy<wl_surface> surface;
  Proxy<wl_subsurface> role;
  std::unique_ptr<Painted> painted;
};

// A window, or a popup on one.
struct Shown {
  std::unique_ptr<ClientToplevel> window;
  std::unique_ptr<ClientPopup> popup;
  std::unique_ptr<Painted> painted;
  std::vector<PaintedSubsurface> children;
  std::unique_ptr<Shown> menu;

  ClientXdgSurface& xdg() const {
    return window ? static_cast<ClientXdgSurface&>(*window) : *popup;
  }
};

class DamageTest : public testing::TestWithParam<int> {
 protected:
  struct Placed {
    WindowId id{};
    Point position;
    std::unique_ptr<Shown> shown;
  };

  ~DamageTest() override {
    while (!windows.empty())
      close(windows.size() - 1);
    wp_viewporter_destroy(viewporter);
  }

  void settle() {
    client.roundtrip();
    ASSERT_TRUE(client.alive()) << client.error().interface << " " << client.error().code;
  }
  std::unique_ptr<Painted> paint(wl_surface* surface) {
    return std::make_unique<Painted>(client, chance, surface, viewporter);
  }
  void open() {
    auto shown = std::make_unique<Shown>();
    shown->window = std::make_unique<ClientToplevel>(client);
    shown->painted = paint(shown->window->surface.get());
    shown->painted->attach();
    shown->window->commit();
    settle();
    windows.push_back({server.host.mapped.back(), somewhere(), std::move(shown)});
  }
  void close(std::size_t index) {
    Shown& shown = *windows[index].shown;
    close_menu(shown);
    destroy(shown);
    windows.erase(windows.begin() + static_cast<std::ptrdiff_t>(index));
    client.roundtrip();
  }
  void destroy(Shown& shown) {
    while (!shown.children.empty())
      remove_child(shown, shown.children.size() - 1);
    shown.painted.reset();
    if (shown.window)
      xdg_toplevel_destroy(shown.window->toplevel.release());
    else
      xdg_popup_destroy(shown.popup->popup.release());
    xdg_surface_destroy(shown.xdg().xdg.release());
    wl_surface_destroy(shown.xdg().surface.release());
  }
  void remove_child(Shown& of, std::size_t index) {
    PaintedSubsurface& child = of.children[index];
    child.painted.reset();
    wl_subsurface_destroy(child.role.release());
    wl_surface_destroy(child.surface.release());
    of.children.erase(of.children.begin() + static_cast<std::ptrdiff_t>(index));
  }
  void open_menu(Shown& on) {
    const ClientPositioner positioner{client, {20, 20}, {chance.below(20), chance.below(20), 1, 1}};
    on.menu = std::make_unique<Shown>();
    on.menu->popup = std::make_unique<ClientPopup>(client, on.window.get(), positioner);
    on.menu->painted = paint(on.menu->popup->surface.get());
    on.menu->painted->attach();
    on.menu->popup->commit();
  }
  void close_menu(Shown& on) {
    if (on.menu)
      destroy(*on.menu);
    on.menu.reset();
  }
  void add_child(Shown& to) {
    PaintedSubsurface child;
    child.surface.reset(wl_compositor_create_surface(client.compositor));
    child.role.reset(wl_subcompositor_get_subsurface(client.subcompositor, child.surface.get(),
                                                     to.xdg().surface.get()));
    child.painted = paint(child.surface.get());
    wl_subsurface_set_position(child.role.get(), chance.below(40) - 15, chance.below(40) - 15);
    child.painted->attach();
    wl_surface_commit(child.surface.get());
    to.children.push_back(std::move(child));
  }
  void change_child(Shown& of) {
    if (of.children.size() < 3 && (of.children.empty() || chance.one_in(4)))
      return add_child(of);
    const auto index = static_cast<std::size_t>(chance.below(static_cast<int>(of.children.size())));
    PaintedSubsurface& child = of.children[index];
    switch (chance.below(8)) {
      case 0:
        return remove_child(of, index);
      case 1:
        wl_subsurface_set_position(child.role.get(), chance.below(40) - 15, chance.below(40) - 15);
        return;
      case 2:
        wl_subsurface_place_below(child.role.get(), of.xdg().surface.get());
        return;
      case 3:
        wl_subsurface_place_above(child.role.get(), of.xdg().surface.get());
        return;
      case 4:
        wl_subsurface_set_desync(child.role.get());
        return;
      case 5:
        wl_subsurface_set_sync(child.role.get());
        return;
      case 6:
        child.painted->attach();
        break;
      default:
        child.painted->draw();
    }
    wl_surface_commit(child.surface.get());
  }
  void change(Shown& shown) {
    switch (chance.below(6)) {
      case 0:
        shown.painted->attach();
        break;
      case 1:
        shown.painted->cover();
        break;
      case 2:
      case 3:
        change_child(shown);
        break;
      default:
        shown.painted->draw();
    }
    if (!chance.one_in(4))
      shown.xdg().commit();
  }
  void do_something() {
    if (windows.empty() || (windows.size() < 4 && chance.one_in(20)))
      return open();
    const auto index = static_cast<std::size_t>(chance.below(static_cast<int>(windows.size())));
    Placed& placed = windows[index];
    switch (chance.below(14)) {
      case 0:
        if (chance.one_in(4))
          close(index);
        return;
      case 1:
        placed.position = somewhere();
        return;
      case 2:
        std::rotate(windows.begin() + static_cast<std::ptrdiff_t>(index),
                    windows.begin() + static_cast<std::ptrdiff_t>(index) + 1, windows.end());
        return;
      case 3:
        if (placed.shown->menu)
          close_menu(*placed.shown);
        else
          open_menu(*placed.shown);
        return;
      case 4:
      case 5:
        if (placed.shown->menu)
          change(*placed.shown->menu);
        return;
      default:
        change(*placed.shown);
    }
  }
  Point somewhere() { return {chance.below(90) - 20, chance.below(70) - 20}; }

  // Paints a frame into the one of two buffers that is not shown, and compares it with what all of
  // the pictures make.
  void show_frame() {
    std::vector<Picture> pictures;
    for (const Placed& placed : windows) {
      Window* const window = server.windows().find(placed.id);
      ASSERT_NE(window, nullptr);
      window->moved_to(placed.position);
      window->append_pictures(placed.position, pictures);
    }
    pixman_image_t* const target = targets[static_cast<std::size_t>(frames) % targets.size()].get();
    const int age = frames < static_cast<int>(targets.size()) ? 0 : 2;
    renderer.render(target, age, pictures);
    Renderer{background}.render(whole.get(), 0, pictures);
    ++frames;
    for (const Placed& placed : windows)
      server.windows().find(placed.id)->frame_shown({});
    ASSERT_EQ(test::pixels_of(target), test::pixels_of(whole.get())) << "frame " << frames;
  }

  Chance chance{static_cast<std::uint32_t>(GetParam())};
  LoopbackServer server;
  LoopbackClient client{server};
  wp_viewporter* viewporter = static_cast<wp_viewporter*>(client.bind(wp_viewporter_interface));
  std::vector<Placed> windows;  // from the lowest to the topmost
  Renderer renderer{background};
  std::array<test::Image, 2> targets{test::image(small_screen), test::image(small_screen)};
  test::Image whole = test::image(small_screen);
  int frames = 0;
};

TEST_P(DamageTest, RepaintsWhatAFullRedrawPaints) {
  while (frames < 1500 && !HasFailure()) {
    for (int changes = 1 + chance.below(3); changes > 0; --changes)
      do_something();
    settle();
    show_frame();
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, DamageTest, testing::Range(1, 5));

}  // namespace
}  // namespace demo
