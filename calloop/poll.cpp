#include <calloop/poll.hpp>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>

namespace calloop {

void Poll::require_live(Token token) const {
  if (!slots_.is_live(token))
    throw std::logic_error{"calloop: the token is not from the TokenFactory of this registration"};
}

void Poll::throw_error(int error, const char* operation, int fd) const {
  throw std::system_error{
      error, std::generic_category(),
      std::string{"epoll_ctl("} + operation + ", fd " + std::to_string(fd) + ")"};
}

void Poll::add(int fd, Interest interest, Token token) {
  require_live(token);
  if (registering_) {  // both first, so that what is added is always remembered
    refused_.push_back(fd);
    added_.push_back(fd);
  }
  const int error = backend_->control(EPOLL_CTL_ADD, fd, interest.bits(), token);
  if (registering_)
    (error == 0 ? refused_ : added_).pop_back();
  if (error != 0)
    throw_error(error, "EPOLL_CTL_ADD", fd);
}

void Poll::modify(int fd, Interest interest, Token token) {
  require_live(token);
  int error = backend_->control(EPOLL_CTL_MOD, fd, interest.bits(), token);
  if (error == ENOENT && rebuilding_) {
    error = backend_->control(EPOLL_CTL_ADD, fd, interest.bits(), token);
  } else if (error == EINVAL) {  // the kernel modifies nothing that is, or was, EPOLLEXCLUSIVE
    error = backend_->control(EPOLL_CTL_DEL, fd, 0, {});
    if (error == 0)
      error = backend_->control(EPOLL_CTL_ADD, fd, interest.bits(), token);
  }
  if (error != 0)
    throw_error(error, "EPOLL_CTL_MOD", fd);
}

void Poll::remove(int fd) {
  const auto since = [fd](const std::vector<int>& fds, std::size_t begin) {
    return std::find(fds.begin() + static_cast<std::ptrdiff_t>(begin), fds.end(), fd) != fds.end();
  };
  if (removal_ == Removal::None)
    return;
  if (removal_ == Removal::OnlyAdded && !since(added_, added_begin_))
    return;
  if (removal_ == Removal::AllButRefused && since(refused_, refused_begin_))
    return;
  const int error = backend_->control(EPOLL_CTL_DEL, fd, 0, {});
  if (error != 0 && removal_ == Removal::Checked && !(error == ENOENT && rebuilding_))
    throw_error(error, "EPOLL_CTL_DEL", fd);
}

TimerId Poll::add_timer(TimePoint deadline, Token token) {
  require_live(token);
  return timers_.add(deadline, token);
}

void Poll::rearm_timer(TimerId id, TimePoint deadline, Token token) {
  require_live(token);
  timers_.rearm(id, deadline, token);
}

}  // namespace calloop
