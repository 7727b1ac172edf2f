// A client in a process of its own that wants all descriptors of the compositor:
//
//   hog SOCKET connections COUNT   connects so many times and keeps what it gets until it is killed
//   hog SOCKET descriptors         sends descriptors that no request takes; ends with 0 when it is
//                                  disconnected
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string_view>
#include <vector>

#include <calloop/fd.hpp>

#include "buffer.hpp"
#include "raw_connection.hpp"

namespace {

using clients::Message;
using clients::RawConnection;

// wl_display.sync
Message question(std::uint32_t id) {
  return Message{1, 0}.u32(id);
}

[[noreturn]] void hold_connections(const char* socket, int count) {
  std::vector<RawConnection> held;
  for (; count > 0; --count) {
    held.emplace_back(socket);
    held.back().send(question(2));
  }
  while (true)
    ::pause();
}

int send_descriptors(const char* socket) {
  RawConnection connection{socket};
  const calloop::OwnedFd file = clients::make_shared_file(4096);
  // As many as libwayland takes at once.
  const std::vector<int> many(28, file.get());
  constexpr std::uint32_t enough = 1000;
  for (std::uint32_t id = 2; id < enough; ++id)
    if (!connection.send(question(id).bytes(), many))
      break;
  return connection.wait_for_end() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::string_view wanted = argc > 2 ? argv[2] : "";
    if (wanted == "connections" && argc == 4)
      hold_connections(argv[1], std::atoi(argv[3]));
    if (wanted == "descriptors")
      return send_descriptors(argv[1]);
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
}
