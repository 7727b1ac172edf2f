#include <calloop/adapters/wayland_client.hpp>

#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <utility>

namespace calloop::wayland {

namespace {

[[noreturn]] void fail(int error, const std::string& call) {
  throw std::system_error{error == 0 ? EIO : error, std::generic_category(), call};
}

bool is_readable(int fd) noexcept {
  pollfd one{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&one, 1, 0) == 1;
}

std::string described(const std::string& interface, std::uint32_t object, std::uint32_t code) {
  const std::string what =
      interface.empty() ? "an object that is destroyed" : interface + '@' + std::to_string(object);
  return "the compositor has found error " + std::to_string(code) + " of " + what;
}

}  // namespace

// ------------------------------------------------------------------------------- ProtocolError

ProtocolError::ProtocolError(int error, const std::string& interface, std::uint32_t object,
                             std::uint32_t code)
    : std::system_error{error, std::generic_category(), described(interface, object, code)},
      interface_{std::make_shared<const std::string>(interface)},
      object_{object},
      code_{code} {}

ProtocolError::~ProtocolError() = default;

namespace detail {

// ----------------------------------------------------------------------------- ConnectionState

ConnectionState::ConnectionState(wl_display* of) : display{of} {}

ConnectionState::~ConnectionState() = default;

void ConnectionState::disconnect() noexcept {
  if (display == nullptr)
    return;
  // With their duplicates of the descriptor: the compositor has to see that it is closed.
  for (ConnectionReader* const reader : readers)
    reader->leave();
  wl_display_disconnect(std::exchange(display, nullptr));
}

void ConnectionState::cancel_reads() noexcept {
  for (ConnectionReader* const reader : readers)
    reader->cancel_read();
}

void ConnectionState::throw_error() const {
  const int error = wl_display_get_error(display);
  const wl_interface* interface = nullptr;
  std::uint32_t object = 0;
  const std::uint32_t code = wl_display_get_protocol_error(display, &interface, &object);
  if (interface != nullptr || error == EPROTO)
    throw ProtocolError{error, interface == nullptr ? "" : interface->name, object, code};
  fail(error, "the connection to the compositor has ended");
}

// ---------------------------------------------------------------------------- ConnectionReader

ConnectionReader::ConnectionReader(std::shared_ptr<ConnectionState> of, wl_event_queue* for_queue,
                                   Readers others)
    : state{std::move(of)}, queue{for_queue}, who_reads{others} {
  state->readers.push_back(this);
}

ConnectionReader::~ConnectionReader() {
  leave();
  std::erase(state->readers, this);
}

Interest ConnectionReader::wanted() const noexcept {
  return blocked ? interest().read().write() : interest().read();
}

void ConnectionReader::register_with(Poll& in, TokenFactory& tokens) {
  token = tokens.token();
  if (display() == nullptr || lost)
    return;
  OwnedFd duplicate{::fcntl(wl_display_get_fd(display()), F_DUPFD_CLOEXEC, 0)};
  if (!duplicate)
    fail(errno, "fcntl(F_DUPFD_CLOEXEC) of a wl_display");
  in.add(duplicate.get(), wanted(), token);
  fd = std::move(duplicate);
  poll = &in;
}

void ConnectionReader::reregister_with(Poll& in, TokenFactory& tokens) {
  if (poll == nullptr)
    return register_with(in, tokens);
  token = tokens.token();
  in.modify(fd.get(), wanted(), token);
}

void ConnectionReader::unregister_from(Poll& in) {
  cancel_read();
  token = {};
  if (std::exchange(poll, nullptr) == nullptr)
    return;
  const OwnedFd closed_afterwards = std::move(fd);
  in.remove(closed_afterwards.get());
}

void ConnectionReader::leave() noexcept {
  cancel_read();
  try {
    if (poll != nullptr)
      unregister_from(*poll);
  } catch (const std::system_error&) {  // nobody is left to be told
  }
}

bool ConnectionReader::begin_read() noexcept {
  return (queue == nullptr ? wl_display_prepare_read(display())
                           : wl_display_prepare_read_queue(display(), queue)) == 0;
}

int ConnectionReader::dispatch_pending() noexcept {
  return queue == nullptr ? wl_display_dispatch_pending(display())
                          : wl_display_dispatch_queue_pending(display(), queue);
}

void ConnectionReader::lose() {
  lost = true;
  leave();  // readable for ever
  state->throw_error();
}

void ConnectionReader::flush() {
  // EPIPE is no reason to end: the compositor may have said why, and that is still to be read. What
  // is one is seen by who dispatches next.
  const bool is_full = wl_display_flush(display()) < 0 && errno == EAGAIN;
  if (poll == nullptr || is_full == blocked)
    return;
  blocked = is_full;
  poll->modify(fd.get(), wanted(), token);
}

bool ConnectionReader::announce_read() {
  if (display() == nullptr || lost)
    return true;
  flush();
  // Not thrown from here: who has it handled would sleep, with nothing announced.
  if (*state->errors || (!announced && !begin_read()))
    return false;
  announced = true;
  // Nothing is in the queue, nor will be: this is about libwayland's own queue, where errors are.
  if (dispatch_pending() < 0)
    lose();
  if (who_reads == Readers::ThisThread)
    cancel_read();
  return true;
}

void ConnectionReader::cancel_read() noexcept {
  if (std::exchange(announced, false) && display() != nullptr)
    wl_display_cancel_read(display());
}

bool ConnectionReader::dispatch() {
  if (display() == nullptr || lost)
    return false;
  cancel_read();  // in a source that does not pass its hooks on
  if (begin_read()) {
    announced = true;
    // An error that another thread has read: the end of the stream, behind it, would hide it.
    if (dispatch_pending() < 0)
      lose();
    // Another thread may have read everything by now, and have announced the next read: reading
    // would wait for it. What is there now stays until we have read.
    if (is_readable(fd.get())) {
      announced = false;
      wl_display_read_events(display());  // what it fails with, the next call fails with
    } else {
      cancel_read();
    }
  }
  const int count = dispatch_pending();
  state->errors->rethrow();
  if (count < 0)
    lose();
  return count > 0;
}

}  // namespace detail

// ---------------------------------------------------------------------------------- Connection

Connection::Connection(wl_display* display)
    : state_{std::make_shared<detail::ConnectionState>(display)} {}

Connection Connection::open(const std::string& name) {
  errno = 0;
  wl_display* const display = wl_display_connect(name.empty() ? nullptr : name.c_str());
  if (display == nullptr) {
    const int error = errno;
    const char* const variable = std::getenv("WAYLAND_DISPLAY");
    fail(error == 0 ? ENOENT : error,
         "wl_display_connect " +
             (!name.empty() ? name : std::string{variable == nullptr ? "wayland-0" : variable}));
  }
  return Connection{display};
}

Connection Connection::from_fd(OwnedFd socket) {
  errno = 0;
  wl_display* const display = wl_display_connect_to_fd(socket.release());
  if (display == nullptr)
    fail(errno, "wl_display_connect_to_fd");
  return Connection{display};
}

Connection& Connection::operator=(Connection&& other) noexcept {
  if (this != &other) {
    close();
    state_ = std::move(other.state_);
  }
  return *this;
}

Connection::~Connection() {
  close();
}

void Connection::close() noexcept {
  if (state_ != nullptr)
    state_->disconnect();
}

void Connection::roundtrip() {
  state_->cancel_reads();
  const int result = wl_display_roundtrip(get());
  errors()->rethrow();
  if (result < 0)
    state_->throw_error();
}

}  // namespace calloop::wayland
