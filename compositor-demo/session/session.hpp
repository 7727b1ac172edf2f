// The seat: who may use the screen, the keyboard and the mouse at the moment.
//
// Opens a session with libseat, and with it the devices for whoever needs them. It knows neither
// what they are nor what is done with them:
//
//   Session session{loop, host};          // the host hears when it is our turn
//   int fd = session.open("/dev/dri/card0");
//   session.close(fd);
#pragma once

#include <string>
#include <string_view>

#include <calloop/adapters/seat.hpp>
#include <calloop/clock.hpp>
#include <calloop/loop_handle.hpp>
#include <calloop/scoped_registration.hpp>

namespace demo {

class Session {
 public:
  class Host {
   public:
    // The devices may be used, those that are open as well as others.
    virtual void session_enabled() = 0;
    // They must not be used any more when this returns: somebody else is in front. Until the next
    // session_enabled() nothing can be opened, and whatever is open may be dead.
    virtual void session_disabled() = 0;
    // There is a session, but it was never our turn for a while: another one is in front, or who
    // has started us may not use the devices.
    virtual void session_not_enabled() = 0;
    // The daemon is gone, and all devices with it. `reason` is for people.
    virtual void session_lost(const std::string& reason) = 0;

   protected:
    ~Host() = default;
  };

  // How long libseat has to say that it is our turn.
  static constexpr calloop::Duration patience = std::chrono::seconds{2};

  // Throws std::system_error if there is no seat.
  Session(const calloop::LoopHandle<>& loop, Host& host);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() = default;

  // "seat0"
  std::string_view seat() const noexcept { return session_.name(); }
  bool active() const noexcept { return session_.is_active(); }
  // The descriptor of a device. Throws std::system_error that names it.
  int open(const std::string& path) { return devices_.open(path); }
  void close(int fd) noexcept { devices_.close(fd); }
  // Asks for the session on another virtual terminal: session_disabled() follows if there is one.
  void switch_to(int terminal) noexcept;

 private:
  void handle(calloop::SeatEvent event);

  Host& host_;
  calloop::SeatSession session_;
  calloop::SeatDevices devices_;
  calloop::ScopedRegistration events_;
};

}  // namespace demo
