// The smallest server that a Wayland client can connect to: it offers one output, and says who
// comes and goes.
//
//     display [SOCKET]
//
// Try it with `WAYLAND_DISPLAY=SOCKET wayland-info`. SIGINT and SIGTERM end it.
#include <csignal>
#include <cstdio>
#include <exception>
#include <list>
#include <optional>

#include <wayland-server-protocol.h>

#include <calloop/adapters/wayland_server.hpp>
#include <calloop/calloop.hpp>

namespace {

using namespace calloop;

class Display {
 public:
  Display(const LoopHandle<>& loop, wayland::ListeningSocket socket)
      : display_{wl_display_create()} {
    wl_global_create(display_, &wl_output_interface, 3, nullptr, &bind_output);
    std::printf("listening on %s\n", socket.name().c_str());
    served_ = {loop,
               loop.insert_source(wayland::DisplaySource{display_}, [](wayland::ClientsServed) {})};
    accepted_ = {loop, loop.insert_source(wayland::ListeningSocketSource{std::move(socket)},
                                          [this](OwnedFd client) { accept(std::move(client)); })};
  }
  Display(const Display&) = delete;
  Display& operator=(const Display&) = delete;
  // What is said of a client's end is said also of those who are still there.
  ~Display() {
    wl_display_destroy_clients(display_);
    wl_display_destroy(display_);
  }

 private:
  // A client, until libwayland destroys it.
  struct Client {
    pid_t pid = 0;
    std::optional<wayland::Listener> gone;
  };

  void accept(OwnedFd connection) {
    wl_client* const accepted = wl_client_create(display_, connection.get());
    if (accepted == nullptr)
      return;
    static_cast<void>(connection.release());  // libwayland's from now on
    const auto client = clients_.emplace(clients_.end());
    wl_client_get_credentials(accepted, &client->pid, nullptr, nullptr);
    client->gone.emplace([this, client](void*) noexcept {
      std::printf("a client has gone\n");
      clients_.erase(client);
    });
    wl_client_add_destroy_listener(accepted, client->gone->get());
    std::printf("a client has come, with pid %d\n", client->pid);
    std::fflush(stdout);
  }

  static void bind_output(wl_client* client, void*, std::uint32_t version, std::uint32_t id) {
    wl_resource* const output =
        wl_resource_create(client, &wl_output_interface, static_cast<int>(version), id);
    if (output == nullptr)
      return wl_client_post_no_memory(client);
    static const struct wl_output_interface requests = {
        .release = [](wl_client*, wl_resource* resource) { wl_resource_destroy(resource); }};
    wl_resource_set_implementation(output, &requests, nullptr, nullptr);
    wl_output_send_geometry(output, 0, 0, 320, 180, WL_OUTPUT_SUBPIXEL_UNKNOWN, "calloop",
                            "example", WL_OUTPUT_TRANSFORM_NORMAL);
    wl_output_send_mode(output, WL_OUTPUT_MODE_CURRENT, 1280, 720, 60000);
    if (version >= WL_OUTPUT_DONE_SINCE_VERSION)
      wl_output_send_done(output);
  }

  wl_display* display_;
  std::list<Client> clients_;
  ScopedRegistration served_;
  ScopedRegistration accepted_;
};

}  // namespace

int main(int argc, char** argv) try {
  EventLoop<> loop;
  loop.handle().insert_source(Signals{SIGINT, SIGTERM},
                              [signal = loop.signal()] { signal.stop(); });
  const Display display{loop.handle(), argc > 1 ? wayland::ListeningSocket::open(argv[1])
                                                : wayland::ListeningSocket::open_first_free()};
  std::fflush(stdout);
  loop.run();
} catch (const std::exception& error) {
  std::fprintf(stderr, "display: %s\n", error.what());
  return 1;
}
