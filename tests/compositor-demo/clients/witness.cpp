#include "witness.hpp"

#include <algorithm>
#include <exception>
#include <stdexcept>
#include <stop_token>
#include <system_error>

#include "connection.hpp"
#include "window.hpp"

namespace clients {

using namespace std::chrono_literals;

Witness::Witness(const std::filesystem::path& socket)
    : thread_{[this, socket](const std::stop_token& stop) { live(stop, socket); }} {
  if (!eventually([this] { return frames_ > 0 || !alive_; }) || !alive_)
    throw std::runtime_error{"the compositor does not serve a well-behaved client"};
}

Clock::duration Witness::longest_wait() const noexcept {
  return std::max(longest_.load(), Clock::now() - last_frame_.load());
}

void Witness::live(const std::stop_token& stop, const std::filesystem::path& socket) noexcept {
  try {
    Connection connection{socket};
    Window window{connection, 40, 40, colour};
    last_frame_ = Clock::now();
    while (!stop.stop_requested()) {
      window.request_frame();
      wl_surface_damage_buffer(window.get(), 0, 0, 1, 1);
      window.commit();
      while (!stop.stop_requested() &&
             !connection.dispatch_until([&] { return window.frame_done(); }, 100ms))
        if (!connection.alive())
          throw std::system_error{wl_display_get_error(connection.display()),
                                  std::generic_category(), "disconnected"};
      if (!window.frame_done())
        return;
      const auto now = Clock::now();
      longest_ = std::max(longest_.load(), now - last_frame_.load());
      last_frame_ = now;
      ++frames_;
    }
  } catch (const std::exception& error) {
    end_ = error.what();
    alive_ = false;
  }
}

}  // namespace clients
