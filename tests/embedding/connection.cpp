#include <sys/socket.h>

#include <calloop/adapters/wayland_client.hpp>
#include <calloop/calloop.hpp>

int main() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
    return 1;
  const calloop::OwnedFd compositor{ends[1]};
  const auto connection = calloop::wayland::Connection::from_fd(calloop::OwnedFd{ends[0]});
  calloop::EventLoop<> loop;
  loop.handle().insert_source(calloop::wayland::ConnectionSource{connection},
                              [](calloop::wayland::EventsDispatched) {});
  loop.dispatch(calloop::Duration::zero());
}
