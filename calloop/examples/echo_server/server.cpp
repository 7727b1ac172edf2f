#include "calloop/examples/echo_server/server.hpp"

#include <array>
#include <cerrno>
#include <utility>

#include <calloop/builder.hpp>

namespace echo {

using calloop::interest;
using calloop::LoopHandle;
using calloop::PostAction;
using calloop::Readiness;

Server::Server(const LoopHandle<>& loop, std::unique_ptr<Listener> listener)
    : listener_{std::move(listener)},
      registration_{loop,
                    interest()
                        .read()
                        .with_fd(listener_->fd())
                        .with_handler([this](const LoopHandle<>& handle) { accept_all(handle); })
                        .insert_into(loop)} {}

void Server::accept_all(const LoopHandle<>& loop) {
  while (std::unique_ptr<Connection> connection = listener_->accept()) {
    // Edge-triggered, so that the interest need not change with what we want at the moment: we are
    // told when there is something new to read, and when there is room again to write.
    interest()
        .read()
        .write()
        .edge_triggered()
        .with_fd(Session{std::move(connection)})
        .with_handler([](Readiness ready, Session& session) { return session.serve(ready); })
        .insert_into(loop);
  }
}

PostAction Session::serve(Readiness ready) {
  if (ready.error() || ready.hangup())
    return PostAction::Remove;  // nobody is there to read an answer
  // Somebody who sends without end must not keep us here: after some rounds the others have their
  // turn. To reregister makes the kernel look again, and report what we have left.
  for (int rounds = 16; rounds > 0; --rounds) {
    Progress progress = write_all();
    if (progress == Progress::Done)
      progress = read_some();
    if (progress == Progress::Blocked)
      return PostAction::Continue;
    if (progress == Progress::Over)
      return PostAction::Remove;
  }
  return PostAction::Reregister;
}

Session::Progress Session::read_some() {
  std::array<char, 4096> buffer;
  const ssize_t count = connection_->read(buffer);
  if (count == 0)
    return Progress::Over;
  if (count < 0)
    return errno == EAGAIN ? Progress::Blocked : Progress::Over;
  pending_.assign(buffer.data(), static_cast<std::size_t>(count));
  return Progress::Done;
}

Session::Progress Session::write_all() {
  while (!pending_.empty()) {
    const ssize_t count = connection_->write(pending_);
    if (count < 0)
      return errno == EAGAIN ? Progress::Blocked : Progress::Over;
    pending_.erase(0, static_cast<std::size_t>(count));
  }
  return Progress::Done;
}

}  // namespace echo
