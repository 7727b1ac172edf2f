#include <cstdlib>
#include <system_error>

#include <calloop/adapters/seat.hpp>
#include <calloop/calloop.hpp>

int main() {
  ::setenv("LIBSEAT_BACKEND", "no_such_backend", 1);  // no test takes the terminal
  calloop::EventLoop<> loop;
  try {
    const calloop::SeatSession session;
    loop.handle().insert_source(calloop::SeatSource{session}, [](calloop::SeatEvent) {});
    return 1;
  } catch (const std::system_error&) {
    return 0;
  }
}
