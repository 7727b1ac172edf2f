#include <calloop/poll.hpp>

#include <algorithm>
#include <cerrno>
#include <string>

#include <calloop/errors.hpp>

namespace calloop {

void Poll::Attempt::expect_one_more() {
  if (more_ == nullptr)
    more_ = std::make_unique<std::vector<Entry>>();
  if (more_->size() == more_->capacity())
    more_->reserve(2 * more_->size() + 4);
}

bool Poll::Attempt::has(Entry entry) const noexcept {
  const auto* const end = first_.data() + count_;
  return std::find(first_.data(), end, entry) != end ||
         (more_ != nullptr && std::find(more_->begin(), more_->end(), entry) != more_->end());
}

namespace {
[[noreturn, gnu::cold]] void throw_error(int error, const char* begin, int fd) {
  throw_system_error(error, begin, std::to_string(fd) + ")");
}
}  // namespace

inline void Poll::require_live(Token token) const {
  if (!slots_.is_live(token))
    throw_logic_error("the token is not from the TokenFactory of this registration");
}

void Poll::add(int fd, Interest interest, Token token) {
  require_live(token);
  Attempt* const attempt = attempt_;
  if (attempt != nullptr)
    attempt->expect_one();
  const int error = backend_->control(EPOLL_CTL_ADD, fd, interest.bits(), token);
  if (attempt != nullptr)
    attempt->note(fd, error == 0);
  if (error != 0) [[unlikely]]
    throw_error(error, "epoll_ctl(EPOLL_CTL_ADD, fd ", fd);
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
    throw_error(error, "epoll_ctl(EPOLL_CTL_MOD, fd ", fd);
}

void Poll::remove(int fd) {
  if (removal_ != Removal::All) {
    if (removal_ == Removal::None)
      return;
    if (removal_ == Removal::OnlyAdded && !attempt_->has_added(fd))
      return;
    if (removal_ == Removal::AllButRefused && attempt_->was_refused(fd))
      return;
  }
  const int error = backend_->control(EPOLL_CTL_DEL, fd, 0, {});
  if (error != 0 && removal_ == Removal::Checked && !(error == ENOENT && rebuilding_))
    throw_error(error, "epoll_ctl(EPOLL_CTL_DEL, fd ", fd);
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
