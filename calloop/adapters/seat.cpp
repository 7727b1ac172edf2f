#include <calloop/adapters/seat.hpp>

#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>

namespace calloop {

namespace {

[[noreturn]] void fail(int error, const std::string& call) {
  throw std::system_error{error == 0 ? EIO : error, std::generic_category(), call};
}

void record(void* data, SeatEvent event) noexcept {
  auto& state = *static_cast<detail::SeatState*>(data);
  try {
    state.events.push_back(event);
  } catch (...) {
    state.errors.keep_current();
  }
}

// Called by libseat_dispatch() and libseat_close_seat(), and by whatever a backend finds right.
constexpr libseat_seat_listener listener{
    .enable_seat = [](libseat*, void* data) { record(data, SeatEvent::Enable); },
    .disable_seat = [](libseat*, void* data) { record(data, SeatEvent::Disable); }};

}  // namespace

namespace detail {

SeatState::SeatState() {
  errno = 0;
  seat = libseat_open_seat(&listener, this);
  if (seat == nullptr)
    fail(errno, "libseat_open_seat");
  fd = libseat_get_fd(seat);
  if (fd < 0) {
    const int error = errno;
    close();
    fail(error, "libseat_get_fd");
  }
}

void SeatState::register_with(Poll& in, TokenFactory& tokens) {
  token = tokens.token();
  if (seat == nullptr || lost)
    return;
  in.add(fd, interest().read(), token);
  poll = &in;
}

void SeatState::reregister_with(Poll& in, TokenFactory& tokens) {
  if (poll == nullptr)
    return register_with(in, tokens);
  token = tokens.token();
  in.modify(fd, interest().read(), token);
}

void SeatState::unregister_from(Poll& in) {
  token = {};
  if (std::exchange(poll, nullptr) != nullptr)
    in.remove(fd);
}

void SeatState::leave() noexcept {
  try {
    if (poll != nullptr)
      unregister_from(*poll);
  } catch (const std::system_error&) {  // nobody is left to be told
  }
}

void SeatState::close() noexcept {
  if (seat == nullptr)
    return;
  leave();                   // before the number of the descriptor can become another one's
  libseat_close_seat(seat);  // calls back what it still has to say
  seat = nullptr;
  active = false;
  asked = true;
  events.clear();
  next_event = 0;
}

void SeatState::lose(const char* call) {
  const int error = errno;
  lost = true;
  active = false;
  events.clear();
  next_event = 0;
  leave();  // readable for ever
  fail(error, call);
}

void SeatState::dispatch(Readiness readiness) {
  asked = true;
  if (seat == nullptr || lost)
    return;
  errno = 0;
  const int messages = libseat_dispatch(seat, 0);
  if (messages < 0 && errno != EINTR && errno != EAGAIN)
    lose("libseat_dispatch");
  // libseat may say of a dead connection, for ever, that there is nothing to read.
  if (messages == 0 && (readiness.hangup() || readiness.error())) {
    errno = ECONNRESET;
    lose("libseat_dispatch");
  }
  errors.rethrow();
}

std::optional<SeatEvent> SeatState::next() noexcept {
  if (next_event == events.size()) {
    events.clear();
    next_event = 0;
    return std::nullopt;
  }
  const SeatEvent event = events[next_event++];
  active = event == SeatEvent::Enable;
  was_active = was_active || active;
  return event;
}

void SeatState::acknowledge_disable() {
  if (seat == nullptr || lost)
    return;
  errno = 0;
  if (libseat_disable_seat(seat) < 0)
    lose("libseat_disable_seat");
}

}  // namespace detail

SeatDevice SeatDevice::open(std::shared_ptr<detail::SeatState> state, const std::string& path) {
  if (state->seat == nullptr)
    fail(ENODEV, "libseat_open_device " + path + ": the session is closed");
  int fd = -1;
  errno = 0;
  const int id = libseat_open_device(state->seat, path.c_str(), &fd);
  if (id < 0)  // 0 is one
    fail(errno, "libseat_open_device " + path);
  return {std::move(state), id, OwnedFd{fd}};
}

SeatDevice& SeatDevice::operator=(SeatDevice&& other) noexcept {
  if (this != &other) {
    reset();
    state_ = std::move(other.state_);
    id_ = other.id_;
    fd_ = std::move(other.fd_);
  }
  return *this;
}

void SeatDevice::reset() noexcept {
  if (!fd_)
    return;
  if (state_->seat != nullptr)
    libseat_close_device(state_->seat, id_);
  fd_.reset();
  state_.reset();
}

SeatSession& SeatSession::operator=(SeatSession&& other) noexcept {
  if (this != &other) {
    if (state_ != nullptr)
      state_->close();
    state_ = std::move(other.state_);
  }
  return *this;
}

SeatSession::~SeatSession() {
  if (state_ != nullptr)
    state_->close();
}

void SeatSession::switch_session(int session) {
  errno = 0;
  if (libseat_switch_session(get(), session) < 0)
    fail(errno, "libseat_switch_session " + std::to_string(session));
}

int SeatDevices::open(const std::string& path) {
  SeatDevice device = SeatDevice::open(state_, path);
  const int fd = device.fd();
  devices_.insert_or_assign(fd, std::move(device));
  return fd;
}

void SeatDevices::close(int fd) noexcept {
  // Out of the list first: closing it frees the number.
  if (devices_.extract(fd).empty())
    ::close(fd);
}

SeatSource::Claim::Claim(std::shared_ptr<detail::SeatState> of) : state{std::move(of)} {
  if (state->has_source)
    throw std::logic_error{"calloop: this session has a source already"};
  state->has_source = true;
}

SeatSource::Claim::~Claim() {
  state->leave();
  state->has_source = false;
}

}  // namespace calloop
