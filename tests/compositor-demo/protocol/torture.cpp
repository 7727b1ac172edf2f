// Clients that do anything in any order, and die in the middle of it, while windows get the focus,
// the pointer and sizes. Whatever they break, a well-behaved client beside them is served, and the
// sanitizers find nothing.

#include <linux/input-event-codes.h>

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "compositor-demo/protocol/seat.hpp"
#include "compositor-demo/protocol/windows.hpp"
#include "compositor-demo/protocol/xdg_shell.hpp"
#include "tests/compositor-demo/protocol/loopback.hpp"
#include "tests/compositor-demo/protocol/proxy.hpp"
#include "tests/compositor-demo/protocol/xdg_client.hpp"

namespace demo {
namespace {

class Chance {
 public:
  explicit Chance(std::uint32_t seed) : engine_{seed} {}
  int below(int limit) { return std::uniform_int_distribution{0, limit - 1}(engine_); }
  bool one_in(int n) { return below(n) == 0; }
  std::int32_t coordinate() {
    constexpr std::int32_t extremes[] = {0, -1, 1, 2147483647, -2147483647 - 1};
    return one_in(10) ? extremes[below(5)] : below(300) - 50;
  }
  template <class T>
  T* any(const std::vector<std::unique_ptr<T>>& of) {
    return of.empty() ? nullptr
                      : of[static_cast<std::size_t>(below(static_cast<int>(of.size())))].get();
  }
  // The proxy of one of them, if that still exists.
  template <class T>
  T* any(const std::vector<Proxy<T>>& of) {
    return of.empty() ? nullptr
                      : of[static_cast<std::size_t>(below(static_cast<int>(of.size())))].get();
  }

 private:
  std::mt19937 engine_;
};

// A surface with everything that can be built on it, none of it for sure.
struct Thing {
  Proxy<wl_surface> surface;
  Proxy<xdg_surface> xdg;
  Proxy<xdg_toplevel> toplevel;
  Proxy<xdg_popup> popup;
  Proxy<wl_subsurface> subsurface;
  std::vector<std::uint32_t> serials;
};

const xdg_surface_listener remember_serials{
    .configure = [](void* thing, xdg_surface*, std::uint32_t serial) {
      static_cast<Thing*>(thing)->serials.push_back(serial);
    }};

class Vandal {
 public:
  Vandal(LoopbackServer& server, Chance& chance)
      : chance_{chance},
        client{server, {.xdg_wm_base = 1 + static_cast<unsigned>(chance.below(5))}} {
    device_.reset(wl_data_device_manager_get_data_device(client.data_device_manager, client.seat));
    static const wl_data_device_listener listener{
        .data_offer =
            [](void* self, wl_data_device*, wl_data_offer* offer) {
              static_cast<Vandal*>(self)->offers_.emplace_back(offer);
            },
        .enter = [](void*, wl_data_device*, std::uint32_t, wl_surface*, wl_fixed_t, wl_fixed_t,
                    wl_data_offer*) {},
        .leave = [](void*, wl_data_device*) {},
        .motion = [](void*, wl_data_device*, std::uint32_t, wl_fixed_t, wl_fixed_t) {},
        .drop = [](void*, wl_data_device*) {},
        .selection = [](void*, wl_data_device*, wl_data_offer*) {}};
    wl_data_device_add_listener(device_.get(), &listener, this);
    pointer_.reset(wl_seat_get_pointer(client.seat));
  }

  // Mostly what makes sense, so that it gets somewhere before it breaks a rule.
  void act() {
    if (things_.empty() || chance_.one_in(12))
      add();
    Thing& thing = *chance_.any(things_);
    switch (chance_.below(26)) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
        map(thing);
        break;
      case 5:
      case 6:
        if (thing.surface)
          wl_surface_commit(thing.surface.get());
        break;
      case 7:
        if (thing.surface) {
          wl_surface_attach(thing.surface.get(), nullptr, 0, 0);
          wl_surface_commit(thing.surface.get());
          thing.serials.clear();
        }
        break;
      case 8:
        if (thing.popup && chance_.one_in(2))
          xdg_popup_destroy(thing.popup.release());
        break;
      case 9:
        if (thing.toplevel) {
          xdg_toplevel_destroy(thing.toplevel.release());
          thing.serials.clear();
        } else if (thing.xdg && !thing.popup) {
          thing.toplevel.reset(xdg_surface_get_toplevel(thing.xdg.get()));
        }
        break;
      case 10:
        if (thing.xdg && !thing.toplevel && !thing.popup)
          xdg_surface_destroy(thing.xdg.release());
        break;
      case 11:
        if (thing.surface && chance_.one_in(3))
          wl_surface_destroy(thing.surface.release());
        break;
      case 12:
        if (thing.subsurface)
          wl_subsurface_destroy(thing.subsurface.release());
        break;
      case 13:
        if (thing.xdg && (thing.toplevel || thing.popup))
          xdg_surface_set_window_geometry(thing.xdg.get(), chance_.coordinate(),
                                          chance_.coordinate(), 1 + chance_.below(300),
                                          1 + chance_.below(300));
        break;
      case 14:
        if (Thing* parent = chance_.any(things_);
            thing.toplevel && parent->toplevel && chance_.one_in(4))
          xdg_toplevel_set_parent(thing.toplevel.get(), parent->toplevel.get());
        break;
      case 15:
        if (thing.toplevel) {
          xdg_toplevel_set_maximized(thing.toplevel.get());
          xdg_toplevel_set_title(thing.toplevel.get(), "vandal");
        }
        break;
      case 16:
        if (thing.popup && chance_.one_in(5))
          xdg_popup_grab(thing.popup.get(), client.seat, 0);
        break;
      case 17:
        if (thing.popup && wl_proxy_get_version(as_proxy(thing.popup.get())) >= 3)
          xdg_popup_reposition(thing.popup.get(), positioner().get(), 1);
        break;
      case 18:
        sources_.emplace_back(
            wl_data_device_manager_create_data_source(client.data_device_manager));
        wl_data_source_offer(sources_.back().get(), "text/plain");
        wl_data_device_set_selection(device_.get(), sources_.back().get(), 0);
        break;
      case 19:
        if (!sources_.empty()) {
          wl_data_source_destroy(sources_.back().release());
          sources_.pop_back();
        }
        break;
      case 20:
        if (wl_data_offer* offer = chance_.any(offers_))
          wl_data_offer_receive(offer, "text/plain", 2);
        break;
      case 21:
        if (!offers_.empty()) {
          wl_data_offer_destroy(offers_.back().release());
          offers_.pop_back();
        }
        break;
      case 22:
        if (thing.surface && !thing.xdg && !thing.subsurface && chance_.one_in(2))
          wl_pointer_set_cursor(pointer_.get(), static_cast<std::uint32_t>(chance_.below(100)),
                                thing.surface.get(), 0, 0);
        break;
      case 23:
        if (thing.xdg && chance_.one_in(10))
          xdg_surface_ack_configure(thing.xdg.get(),
                                    static_cast<std::uint32_t>(chance_.below(100)));
        break;
      case 24:
        if (thing.surface)
          wl_data_device_start_drag(device_.get(), nullptr, thing.surface.get(), nullptr, 0);
        break;
      default:
        client.roundtrip();
    }
  }

 private:
  template <class T>
  static wl_proxy* as_proxy(T* object) {
    return reinterpret_cast<wl_proxy*>(object);
  }

  Proxy<xdg_positioner> positioner() {
    Proxy<xdg_positioner> made{xdg_wm_base_create_positioner(client.wm_base)};
    xdg_positioner_set_size(made.get(), 1 + chance_.below(300), 1 + chance_.below(300));
    xdg_positioner_set_anchor_rect(made.get(), chance_.coordinate(), chance_.coordinate(),
                                   chance_.below(50), chance_.below(50));
    xdg_positioner_set_anchor(made.get(), static_cast<std::uint32_t>(chance_.below(9)));
    xdg_positioner_set_gravity(made.get(), static_cast<std::uint32_t>(chance_.below(9)));
    xdg_positioner_set_offset(made.get(), chance_.coordinate(), chance_.coordinate());
    xdg_positioner_set_constraint_adjustment(made.get(),
                                             static_cast<std::uint32_t>(chance_.below(64)));
    if (wl_proxy_get_version(as_proxy(made.get())) >= 3)
      xdg_positioner_set_reactive(made.get());
    return made;
  }

  void add() {
    Thing* const other = chance_.any(things_);
    things_.push_back(std::make_unique<Thing>());
    Thing& thing = *things_.back();
    thing.surface.reset(wl_compositor_create_surface(client.compositor));
    const int kind = chance_.below(10);
    if (kind == 0)
      return;
    if (kind < 3 && other != nullptr && other->surface) {
      thing.subsurface.reset(wl_subcompositor_get_subsurface(
          client.subcompositor, thing.surface.get(), other->surface.get()));
      return;
    }
    thing.xdg.reset(xdg_wm_base_get_xdg_surface(client.wm_base, thing.surface.get()));
    xdg_surface_add_listener(thing.xdg.get(), &remember_serials, &thing);
    if (kind < 6 && other != nullptr && other->xdg && (other->toplevel || other->popup)) {
      thing.popup.reset(
          xdg_surface_get_popup(thing.xdg.get(), other->xdg.get(), positioner().get()));
      if (chance_.one_in(3))
        xdg_popup_grab(thing.popup.get(), client.seat, 0);
    } else {
      thing.toplevel.reset(xdg_surface_get_toplevel(thing.xdg.get()));
    }
  }

  void map(Thing& thing) {
    const bool has_role = thing.subsurface || thing.toplevel || thing.popup;
    if (!thing.surface || (!has_role && !chance_.one_in(20)))
      return;
    if (thing.serials.empty() && !thing.subsurface) {
      wl_surface_commit(thing.surface.get());
      client.roundtrip();
    }
    if (thing.xdg && !thing.serials.empty() && (thing.toplevel || thing.popup)) {
      xdg_surface_ack_configure(thing.xdg.get(), thing.serials.back());
      thing.serials.clear();
    }
    buffers_.emplace_back(client.make_buffer(1 + chance_.below(20), 1 + chance_.below(20)));
    wl_surface_attach(thing.surface.get(), buffers_.back().get(), 0, 0);
    wl_surface_commit(thing.surface.get());
  }

  Chance& chance_;

 public:
  LoopbackClient client;

 private:
  Proxy<wl_data_device> device_;
  Proxy<wl_pointer> pointer_;
  std::vector<Proxy<wl_buffer>> buffers_;
  std::vector<Proxy<wl_data_source>> sources_;
  std::vector<Proxy<wl_data_offer>> offers_;
  std::vector<std::unique_ptr<Thing>> things_;
};

// What the rest of the compositor does with whatever windows there are.
void disturb(LoopbackServer& server, Chance& chance) {
  Window* window = nullptr;
  if (!server.host.mapped.empty())
    window = server.windows().find(server.host.mapped[static_cast<std::size_t>(
        chance.below(static_cast<int>(server.host.mapped.size())))]);
  Seat& seat = server.seat();
  switch (chance.below(8)) {
    case 0:
      seat.set_keyboard_focus(window != nullptr ? &window->surface() : nullptr);
      break;
    case 1:
      seat.pointer().motion(
          window != nullptr ? window->hit(chance.below(100), chance.below(100)) : std::nullopt, 1);
      break;
    case 2:
      seat.pointer().button(BTN_LEFT, chance.one_in(2), 1);
      break;
    case 3:
      seat.keyboard().key(KEY_A, chance.one_in(2), 1);
      break;
    case 4:
      if (window != nullptr)
        window->configure({chance.below(300), chance.below(300)});
      break;
    case 5:
      if (window != nullptr)
        window->set_activated(chance.one_in(2));
      break;
    default:
      if (window != nullptr) {
        std::vector<Picture> pictures;
        window->moved_to({chance.below(1000) - 200, chance.below(1000) - 200});
        window->append_pictures({}, pictures);
        window->frame_shown({});
      }
  }
}

class ProtocolTorture : public testing::TestWithParam<std::uint32_t> {};

TEST_P(ProtocolTorture, NothingBreaksAndNobodyElseNotices) {
  Chance chance{GetParam()};
  LoopbackServer server;
  server.shell().add_output({0, 0, 800, 600});
  LoopbackClient good{server};
  ClientToplevel window{good};
  window.map(50, 50);
  std::vector<std::unique_ptr<Vandal>> vandals(3);
  int deaths = 0;
  for (int step = 0; step < 3000; ++step) {
    auto& vandal = vandals[static_cast<std::size_t>(chance.below(3))];
    if (vandal == nullptr || !vandal->client.alive() || chance.one_in(300)) {
      vandal.reset();
      vandal = std::make_unique<Vandal>(server, chance);
      ++deaths;
    }
    vandal->act();
    disturb(server, chance);
    if (step % 100 == 0) {
      good.roundtrip();
      ASSERT_TRUE(good.alive()) << "after " << step;
    }
  }
  EXPECT_GT(deaths, 3);
  vandals.clear();
  good.roundtrip();
  EXPECT_TRUE(good.alive());
  EXPECT_EQ(server.host.mapped.size(), 1U);
}

INSTANTIATE_TEST_SUITE_P(Seeds, ProtocolTorture, testing::Range(1U, 9U));

}  // namespace
}  // namespace demo
