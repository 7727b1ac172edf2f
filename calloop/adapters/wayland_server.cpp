#include <calloop/adapters/wayland_server.hpp>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <stdexcept>
#include <system_error>
#include <type_traits>

namespace calloop::wayland {

// ------------------------------------------------------------------------------------ Listener

Listener::Listener(std::shared_ptr<FirstError> errors, std::function<void(void*)> closure)
    : hook_{{{}, &Listener::notify}, this},
      closure_{std::move(closure)},
      errors_{std::move(errors)} {
  static_assert(std::is_standard_layout_v<Hook>, "a wl_listener* is found at the Hook's address");
  wl_list_init(&hook_.listener.link);
}

Listener::~Listener() {
  disconnect();
  if (destroyed_ != nullptr)
    *destroyed_ = true;
}

void Listener::disconnect() noexcept {
  wl_list_remove(&hook_.listener.link);
  wl_list_init(&hook_.listener.link);
}

void Listener::notify(wl_listener* listener, void* data) noexcept {
  Listener& self = *reinterpret_cast<Hook*>(listener)->owner;
  // The closure may destroy its Listener, and with it itself: it runs from here, and goes back only
  // if there is still something to go back to.
  std::function<void(void*)> closure = std::move(self.closure_);
  const std::shared_ptr<FirstError> errors = self.errors_;
  bool destroyed = false;
  bool* const outer = std::exchange(self.destroyed_, &destroyed);
  try {
    if (closure)
      closure(data);  // empty: it is running already, and has emitted its own signal
  } catch (...) {
    if (errors)
      errors->keep_current();
  }
  if (destroyed) {
    if (outer != nullptr)
      *outer = true;
    return;
  }
  self.destroyed_ = outer;
  if (closure)
    self.closure_ = std::move(closure);
}

// ------------------------------------------------------------------------------- DisplaySource

DisplaySource::State::State(wl_display* of)
    : display{of},
      fd{wl_event_loop_get_fd(wl_display_get_event_loop(of))},
      errors{std::make_shared<FirstError>()},
      gone{[this](void*) noexcept { display = nullptr; }} {
  wl_display_add_destroy_listener(of, gone.get());
}

// As for the loop, when it takes a source out: it is not told of errors.
void DisplaySource::State::leave() noexcept {
  Poll* const registered = std::exchange(poll, nullptr);
  // Closing the descriptor has taken it out of every epoll; its number may name another by now.
  if (registered == nullptr || display == nullptr)
    return;
  try {
    registered->remove(fd);
  } catch (const std::system_error&) {
  }
}

DisplaySource::DisplaySource(wl_display* display) : state_{std::make_unique<State>(display)} {}

bool DisplaySource::serve() {
  if (state_->display == nullptr)
    return false;
  const int result = wl_event_loop_dispatch(wl_display_get_event_loop(state_->display), 0);
  const int error = errno;
  state_->errors->rethrow();
  if (result < 0 && error != EINTR)
    throw std::system_error{error, std::generic_category(), "wl_event_loop_dispatch"};
  return state_->display != nullptr;
}

std::optional<SyntheticEvent> DisplaySource::before_sleep() {
  if (state_->display == nullptr)
    return {};
  // Idle callbacks do not make libwayland's descriptor readable, so none may be left; and what they
  // send is written by nobody else. Flushing destroys clients whose connection is broken, and their
  // listeners may add more: it is over with the first flush after which everybody is still there.
  constexpr int most_rounds = 8;
  wl_event_loop* const loop = wl_display_get_event_loop(state_->display);
  const wl_list* const clients = wl_display_get_client_list(state_->display);
  bool settled = false;
  for (int round = 0; round != most_rounds && !settled; ++round) {
    wl_event_loop_dispatch_idle(loop);
    const int before = wl_list_length(clients);
    wl_display_flush_clients(state_->display);
    settled = wl_list_length(clients) == before;
  }
  if (!settled)
    return SyntheticEvent{Readiness{EPOLLIN}, token_};  // others first, then again
  state_->errors->rethrow();
  return {};
}

void DisplaySource::register_with(Poll& poll, TokenFactory& tokens) {
  token_ = tokens.token();
  if (state_->display == nullptr)
    return;
  poll.add(state_->fd, interest().read(), token_);
  state_->poll = &poll;
}

void DisplaySource::reregister_with(Poll& poll, TokenFactory& tokens) {
  if (state_->poll == nullptr)  // new in a source that was registered before it came
    return register_with(poll, tokens);
  token_ = tokens.token();
  if (state_->display != nullptr)
    poll.modify(state_->fd, interest().read(), token_);
}

void DisplaySource::unregister_from(Poll& poll) {
  token_ = {};
  if (std::exchange(state_->poll, nullptr) != nullptr && state_->display != nullptr)
    poll.remove(state_->fd);
}

// ----------------------------------------------------------------------------- ListeningSocket

namespace {

[[noreturn]] void fail(int error, const std::string& path, const char* what) {
  throw std::system_error{error, std::generic_category(), "cannot listen on " + path + ": " + what};
}

std::string runtime_directory() {
  const char* const directory = std::getenv("XDG_RUNTIME_DIR");
  if (directory == nullptr || *directory == '\0')
    throw std::runtime_error{"cannot listen: XDG_RUNTIME_DIR is not set"};
  if (*directory != '/')
    throw std::runtime_error{
        std::string{"cannot listen: XDG_RUNTIME_DIR is not an absolute path: "} + directory};
  return directory;
}

bool same_file(const struct stat& a, const struct stat& b) noexcept {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

// The lock that says who owns the name; empty if another process holds it. The file is removed by
// its owner, so what was opened may not be what is there any more: then once again.
OwnedFd lock_name(const std::string& socket_path, const std::string& path) {
  for (;;) {
    OwnedFd fd{::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR)};
    if (!fd) {
      const int error = errno;
      fail(error, socket_path,
           error == ENOENT    ? "the directory does not exist"
           : error == ENOTDIR ? "the directory is no directory"
                              : "the lock file beside it cannot be written");
    }
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK)
        return {};
      if (errno == EINTR)
        continue;
      fail(errno, socket_path, "the lock file beside it cannot be locked");
    }
    struct stat opened{};
    struct stat present{};
    if (::fstat(fd.get(), &opened) == 0 && ::stat(path.c_str(), &present) == 0 &&
        same_file(opened, present))
      return fd;
  }
}

}  // namespace

ListeningSocket::ListeningSocket(std::string name, std::string path, OwnedFd lock) noexcept
    : name_{std::move(name)}, path_{std::move(path)}, lock_{std::move(lock)} {}

ListeningSocket& ListeningSocket::operator=(ListeningSocket&& other) noexcept {
  if (this == &other)
    return *this;
  close();
  name_ = std::move(other.name_);
  path_ = std::move(other.path_);
  lock_ = std::move(other.lock_);
  fd_ = std::move(other.fd_);
  return *this;
}

ListeningSocket::~ListeningSocket() {
  close();
}

void ListeningSocket::close() noexcept {
  if (!lock_)
    return;
  // While the lock is held nobody else puts a socket there.
  if (fd_)
    ::unlink(path_.c_str());
  fd_.reset();
  ::unlink((path_ + ".lock").c_str());
  lock_.reset();
}

std::optional<ListeningSocket> ListeningSocket::try_open(const std::string& name,
                                                         const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    fail(ENAMETOOLONG, path, "a socket's path has at most 107 bytes");
  std::copy(path.begin(), path.end(), address.sun_path);

  OwnedFd lock = lock_name(path, path + ".lock");
  if (!lock)
    return std::nullopt;
  ListeningSocket socket{name, path, std::move(lock)};
  struct stat present{};
  if (::lstat(path.c_str(), &present) == 0) {
    // Only what a dead owner has left: never a file of somebody's.
    if (!S_ISSOCK(present.st_mode))
      fail(EEXIST, path, "a file of that name is there");
    if (::unlink(path.c_str()) != 0)
      fail(errno, path, "the stale socket cannot be removed");
  }
  OwnedFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!fd)
    fail(errno, path, "no socket");
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    fail(errno, path, "the socket cannot be made");
  socket.fd_ = std::move(fd);
  if (::listen(socket.fd(), 128) != 0)
    fail(errno, path, "listen");
  return socket;
}

ListeningSocket ListeningSocket::open(std::string_view name) {
  const std::string wanted{name};
  if (wanted.empty())
    throw std::runtime_error{"cannot listen: the socket has no name"};
  const std::string path = wanted.front() == '/' ? wanted : runtime_directory() + '/' + wanted;
  auto socket = try_open(wanted, path);
  if (!socket)
    fail(EADDRINUSE, path, "another process listens there");
  return std::move(*socket);
}

ListeningSocket ListeningSocket::open_first_free() {
  const std::string directory = runtime_directory() + '/';
  FirstError unusable;  // a name that somebody's file has, or all of them without a directory
  for (int number = 1; number <= 32; ++number) {
    const std::string name = "wayland-" + std::to_string(number);
    try {
      if (auto socket = try_open(name, directory + name))
        return std::move(*socket);
    } catch (const std::system_error&) {
      unusable.keep_current();
    }
  }
  unusable.rethrow();
  fail(EADDRINUSE, directory + "wayland-1 to wayland-32", "all are taken");
}

// ----------------------------------------------------------------------- ListeningSocketSource

OwnedFd ListeningSocketSource::accept() {
  // A flood of connections that are given up at once must not keep us here.
  for (int attempt = 0; attempt != batch; ++attempt) {
    OwnedFd client{::accept4(socket_.fd(), nullptr, nullptr, SOCK_CLOEXEC)};
    if (client)
      return client;
    switch (errno) {
      case EMFILE:
      case ENFILE:
      case ENOBUFS:
      case ENOMEM:
        paused_ = true;
        return {};
      case EBADF:
      case EFAULT:
      case EINVAL:
      case ENOTSOCK:
      case EOPNOTSUPP:
        fail(errno, socket_.path(), "accept");
      case EINTR:
      case ECONNABORTED:
        continue;
      default:  // EAGAIN: nobody waits; all others concern one connection that is gone by now
        return {};
    }
  }
  return {};
}

PostAction ListeningSocketSource::resume() noexcept {
  paused_ = false;
  return PostAction::Reregister;
}

ListeningSocketSource::ListeningSocketSource(ListeningSocketSource&& other) noexcept
    : socket_{std::move(other.socket_)},
      retry_after_{other.retry_after_},
      poll_{other.poll_},
      token_{std::exchange(other.token_, {})},
      paused_{std::exchange(other.paused_, false)},
      polled_{std::exchange(other.polled_, false)},
      timer_{std::exchange(other.timer_, TimerId::None)} {}

void ListeningSocketSource::leave() noexcept {
  try {
    if (polled_ || timer_ != TimerId::None)
      unregister_from(*poll_);
  } catch (const std::system_error&) {  // nobody is left to be told
  }
}

void ListeningSocketSource::register_with(Poll& poll, TokenFactory& tokens) {
  poll_ = &poll;
  paused_ = false;
  token_ = tokens.token();
  poll.add(socket_.fd(), interest().read(), token_);
  polled_ = true;
}

void ListeningSocketSource::reregister_with(Poll& poll, TokenFactory& tokens) {
  poll_ = &poll;
  token_ = tokens.token();
  if (paused_) {
    if (std::exchange(polled_, false))
      poll.remove(socket_.fd());
    if (timer_ == TimerId::None) {
      timer_ = poll.add_timer(poll.now() + retry_after_, token_);
    } else {
      poll.rearm_timer(timer_, poll.now() + retry_after_, token_);
    }
    return;
  }
  if (timer_ != TimerId::None)
    poll.cancel_timer(std::exchange(timer_, TimerId::None));
  if (polled_) {
    poll.modify(socket_.fd(), interest().read(), token_);
  } else {
    poll.add(socket_.fd(), interest().read(), token_);
    polled_ = true;
  }
}

void ListeningSocketSource::unregister_from(Poll& poll) {
  token_ = {};
  paused_ = false;
  if (timer_ != TimerId::None)
    poll.cancel_timer(std::exchange(timer_, TimerId::None));
  if (std::exchange(polled_, false))
    poll.remove(socket_.fd());
}

}  // namespace calloop::wayland
