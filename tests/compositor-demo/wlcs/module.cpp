// What the Wayland conformance suite loads: the compositor, driven from inside of its process.
//
// The suite calls us as wlcs/display_server.h says: from the thread in which the compositor runs,
// through a wl_event_loop of its own, which is just another source of ours; and fingers from
// wherever the test is.
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include <wayland-client-core.h>
#include <wayland-server-core.h>
#include <wlcs/display_server.h>
#include <wlcs/pointer.h>
#include <wlcs/touch.h>

#include <calloop/event_loop.hpp>
#include <calloop/remote.hpp>
#include <calloop/sources/generic.hpp>

#include "compositor-demo/app.hpp"
#include "compositor-demo/options.hpp"

namespace {

// Powers of two: places on the screen are parts of it and back again without rounding.
constexpr demo::Size screen{1024, 1024};

constexpr std::array extensions{
    WlcsExtensionDescriptor{"wl_compositor", 5},
    WlcsExtensionDescriptor{"wl_subcompositor", 1},
    WlcsExtensionDescriptor{"wl_shm", 1},
    WlcsExtensionDescriptor{"wl_seat", 8},
    WlcsExtensionDescriptor{"wl_output", 4},
    WlcsExtensionDescriptor{"wl_data_device_manager", 3},
    WlcsExtensionDescriptor{"wp_presentation", 1},
    WlcsExtensionDescriptor{"wp_single_pixel_buffer_manager_v1", 1},
    WlcsExtensionDescriptor{"wp_viewporter", 1},
    WlcsExtensionDescriptor{"xdg_wm_base", 5},
    WlcsExtensionDescriptor{"zwp_pointer_constraints_v1", 1},
    WlcsExtensionDescriptor{"zwp_primary_selection_device_manager_v1", 1},
    WlcsExtensionDescriptor{"zwp_relative_pointer_manager_v1", 1},
    WlcsExtensionDescriptor{"zxdg_output_manager_v1", 3},
};
constexpr WlcsIntegrationDescriptor descriptor{WLCS_INTEGRATION_DESCRIPTOR_VERSION,
                                               extensions.size(), extensions.data()};

// The suite takes no exceptions, and there is nobody to tell but who reads its output.
template <class F>
auto or_abort(F&& f) noexcept {
  try {
    return std::forward<F>(f)();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "compositor-demo: %s\n", error.what());
    std::abort();
  }
}

class Server final : public WlcsDisplayServer {
 public:
  Server();

  // Does something with the compositor on its thread, which may be this one, and waits for it.
  // Afterwards, when it is gone, nothing.
  template <class F>
  void with_app(F f) noexcept {
    or_abort([&] {
      if (std::this_thread::get_id() == thread_) {
        if (app_ != nullptr)
          f(*app_);
      } else if (remote_) {
        call(f);
      }
    });
  }

  // Valid within with_app().
  demo::Input::Host& input() noexcept { return *input_; }

 private:
  // From another thread. What clients have sent before is served before: with the idles.
  template <class F>
  void call(F& f) {
    auto done = std::make_shared<std::promise<void>>();
    std::future<void> answer = done->get_future();
    remote_->post([&f, done = std::move(done)](const calloop::LoopHandle<demo::App>& loop) mutable {
      loop.insert_idle([&f, done = std::move(done)](demo::App& app) {
        f(app);
        done->set_value();
      });
    });
    try {
      answer.get();
    } catch (const std::future_error&) {  // a test may lift a finger when all is over
    }
  }
  static Server& of(WlcsDisplayServer* server) noexcept { return *static_cast<Server*>(server); }
  void run(wl_event_loop* calls);
  void stop() noexcept;
  int connect();
  void place_window(wl_display* client, wl_surface* surface, demo::Point position) noexcept;

  std::thread::id thread_;
  demo::App* app_ = nullptr;
  demo::Input::Host* input_ = nullptr;
  std::optional<calloop::RemoteHandle<demo::App>> remote_;
  std::optional<calloop::LoopSignal> stop_;
  std::map<int, demo::ClientId> clients_;  // by the descriptor that the suite got
};

// A device that a test moves.
class Pointer final : public WlcsPointer {
 public:
  explicit Pointer(Server& server) : WlcsPointer{}, server_{server} {
    version = WLCS_POINTER_VERSION;
    move_absolute = [](WlcsPointer* self, wl_fixed_t x, wl_fixed_t y) {
      of(self).does([=](demo::Input::Host& input, calloop::TimePoint now) {
        input.pointer_placed(wl_fixed_to_double(x) / screen.width,
                             wl_fixed_to_double(y) / screen.height, now);
      });
    };
    move_relative = [](WlcsPointer* self, wl_fixed_t dx, wl_fixed_t dy) {
      of(self).does([=](demo::Input::Host& input, calloop::TimePoint now) {
        const double x = wl_fixed_to_double(dx);
        const double y = wl_fixed_to_double(dy);
        input.pointer_moved({.dx = x, .dy = y, .unaccelerated_dx = x, .unaccelerated_dy = y}, now);
      });
    };
    button_up = [](WlcsPointer* self, int button) { of(self).button(button, false); };
    button_down = [](WlcsPointer* self, int button) { of(self).button(button, true); };
    destroy = [](WlcsPointer* self) { std::unique_ptr<Pointer>{&of(self)}.reset(); };
  }

 private:
  static Pointer& of(WlcsPointer* pointer) noexcept { return *static_cast<Pointer*>(pointer); }
  template <class F>
  void does(F f) noexcept {
    server_.with_app([&](demo::App&) { f(server_.input(), calloop::Clock::now()); });
  }
  void button(int button, bool pressed) noexcept {
    does([=](demo::Input::Host& input, calloop::TimePoint now) {
      input.button(static_cast<std::uint32_t>(button), pressed, now);
    });
  }

  Server& server_;
};

// A finger that a test moves. The suite says wl_fixed_t and sends whole pixels.
class Finger final : public WlcsTouch {
 public:
  Finger(Server& server, std::int32_t id) : WlcsTouch{}, server_{server}, id_{id} {
    version = WLCS_TOUCH_VERSION;
    touch_down = [](WlcsTouch* self, wl_fixed_t x, wl_fixed_t y) {
      of(self).does([&](demo::Input::Host& input, std::int32_t finger, calloop::TimePoint now) {
        input.touch_down(finger, static_cast<double>(x) / screen.width,
                         static_cast<double>(y) / screen.height, now);
      });
    };
    touch_move = [](WlcsTouch* self, wl_fixed_t x, wl_fixed_t y) {
      of(self).does([&](demo::Input::Host& input, std::int32_t finger, calloop::TimePoint now) {
        input.touch_moved(finger, static_cast<double>(x) / screen.width,
                          static_cast<double>(y) / screen.height, now);
      });
    };
    touch_up = [](WlcsTouch* self) {
      of(self).does([](demo::Input::Host& input, std::int32_t finger, calloop::TimePoint now) {
        input.touch_up(finger, now);
      });
    };
    destroy = [](WlcsTouch* self) { std::unique_ptr<Finger>{&of(self)}.reset(); };
  }

 private:
  static Finger& of(WlcsTouch* touch) noexcept { return *static_cast<Finger*>(touch); }
  template <class F>
  void does(F f) noexcept {
    server_.with_app([&](demo::App&) {
      f(server_.input(), id_, calloop::Clock::now());
      server_.input().touch_frame();
    });
  }

  Server& server_;
  std::int32_t id_;
};

Server::Server() : WlcsDisplayServer{} {
  version = WLCS_DISPLAY_SERVER_VERSION;
  get_descriptor = [](const WlcsDisplayServer*) { return &descriptor; };
  start_on_this_thread = [](WlcsDisplayServer* self, wl_event_loop* calls) {
    or_abort([&] { of(self).run(calls); });
  };
  WlcsDisplayServer::stop = [](WlcsDisplayServer* self) { of(self).stop(); };
  create_client_socket = [](WlcsDisplayServer* self) {
    return or_abort([&] { return of(self).connect(); });
  };
  position_window_absolute = [](WlcsDisplayServer* self, wl_display* client, wl_surface* surface,
                                int x, int y) { of(self).place_window(client, surface, {x, y}); };
  create_pointer = [](WlcsDisplayServer* self) -> WlcsPointer* {
    return or_abort([&] { return std::make_unique<Pointer>(of(self)).release(); });
  };
  create_touch = [](WlcsDisplayServer* self) -> WlcsTouch* {
    static std::atomic<std::int32_t> last{0};
    return or_abort([&] { return std::make_unique<Finger>(of(self), ++last).release(); });
  };
}

void Server::run(wl_event_loop* calls) {
  demo::Options options;
  options.backend = demo::Backend::Headless;
  options.output.size = screen;

  calloop::EventLoop<demo::App> loop;
  demo::App app{loop.handle(), loop.signal(), std::move(options)};
  input_ = &app.virtual_devices();
  loop.handle().insert_source(
      calloop::Generic{wl_event_loop_get_fd(calls), calloop::interest().read()},
      // What clients have sent before a call is served before it: with the idles.
      [calls](const calloop::LoopHandle<demo::App>& handle) {
        handle.insert_idle([calls] { wl_event_loop_dispatch(calls, 0); });
      },
      {.name = "calls of the suite"});
  thread_ = std::this_thread::get_id();
  remote_ = calloop::remote_endpoint(loop.handle());
  stop_ = loop.signal();
  app_ = &app;
  loop.run(app);
  app_ = nullptr;
}

void Server::stop() noexcept {
  if (stop_)
    stop_->stop();
}

int Server::connect() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
    throw std::system_error{errno, std::generic_category(), "socketpair"};
  calloop::OwnedFd ours{ends[0]};
  calloop::OwnedFd theirs{ends[1]};
  with_app([&](demo::App& app) {
    clients_.insert_or_assign(theirs.get(), app.add_client(std::move(ours)));
  });
  return theirs.release();
}

void Server::place_window(wl_display* client, wl_surface* surface, demo::Point position) noexcept {
  with_app([&](demo::App& app) {
    const auto connection = clients_.find(wl_display_get_fd(client));
    if (connection != clients_.end())
      app.place_window(connection->second, wl_proxy_get_id(reinterpret_cast<wl_proxy*>(surface)),
                       position);
  });
}

}  // namespace

extern "C" {

const WlcsServerIntegration wlcs_server_integration{
    .version = WLCS_SERVER_INTEGRATION_VERSION,
    .create_server = [](int, const char**) -> WlcsDisplayServer* {
      return or_abort([] { return std::make_unique<Server>().release(); });
    },
    .destroy_server =
        [](WlcsDisplayServer* server) {
          std::unique_ptr<Server>{static_cast<Server*>(server)}.reset();
        },
};
}
