// Opens the seat and tells what becomes of it, until Ctrl-C. With paths of devices it opens them
// whenever the seat is enabled.
//
//     session [DEVICE...]
//
// LIBSEAT_BACKEND=seatd, unless one wants the terminal to be taken.
#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <system_error>
#include <vector>

#include <calloop/adapters/seat.hpp>
#include <calloop/calloop.hpp>

namespace {

class App {
 public:
  explicit App(std::vector<std::string> paths) : paths_{std::move(paths)} {}

  void handle(calloop::SeatEvent event) {
    switch (event) {
      case calloop::SeatEvent::Enable:
        std::printf("enabled\n");
        open();
        break;
      case calloop::SeatEvent::Disable:
        std::printf("disabled\n");
        devices_.clear();
        break;
      case calloop::SeatEvent::NotEnabled:
        std::printf("not enabled yet\n");
        break;
    }
    std::fflush(stdout);
  }
  [[nodiscard]] const calloop::SeatSession& session() const noexcept { return session_; }

 private:
  void open() {
    for (const std::string& path : paths_) {
      try {
        devices_.push_back(session_.open_device(path));
        std::printf("%s opened\n", path.c_str());
      } catch (const std::system_error& error) {
        std::printf("%s\n", error.what());
      }
    }
  }

  calloop::SeatSession session_;
  std::vector<std::string> paths_;
  std::vector<calloop::SeatDevice> devices_;
};

}  // namespace

int main(int argc, char** argv) try {
  calloop::EventLoop<App> loop;
  App app{{argv + 1, argv + argc}};
  loop.handle().insert_source(
      calloop::SeatSource{app.session()},
      [](calloop::SeatEvent event, libseat&, App& data) { data.handle(event); });
  loop.handle().insert_source(calloop::Signals{SIGINT, SIGTERM},
                              [stop = loop.signal()] { stop.stop(); });
  loop.run(app);
} catch (const std::exception& error) {
  std::fprintf(stderr, "session: %s\n", error.what());
  return 1;
}
